"""Forwarders of TCP connections, which tests cut, leave nothing behind."""

import asyncio
import gc
import socket
import warnings
from concurrent.futures import Future
from contextlib import ExitStack

from support.forwarders import Forwarder, forwarder


def test_a_connection_that_is_accepted_while_a_forwarder_stops_is_closed() -> None:
    with warnings.catch_warnings(record=True) as found, ExitStack() as stack:
        gc.collect()
        found.clear()
        warnings.simplefilter("always", ResourceWarning)
        target = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        with forwarder(target.getsockname()[1]) as opened:
            asyncio.run_coroutine_threadsafe(stop_with_accepted(opened, stack), opened._loop).result().result()  # noqa: SLF001 - the order of its passes matters
        gc.collect()
    assert [str(warning.message) for warning in found] == []


async def stop_with_accepted(opened: Forwarder, stack: ExitStack) -> "Future[None]":
    """Connect, and stop it in the loop's pass after the one that accepts the connections."""
    for _ in range(8):
        stack.enter_context(socket.create_connection((opened.host, opened.port)))
    return asyncio.run_coroutine_threadsafe(opened.stop(), asyncio.get_running_loop())
