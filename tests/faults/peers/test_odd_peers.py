"""Peers that speak HTTP/2 oddly, beside 200 calls a second: no call is lost, memory stays, and they are hung up on."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

import grpc
import pytest
from fakes.process import TESTS
from faults.peers.odd_peers import ASK, ODDITIES
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from support.servers import ServerProcess, server_process
from transport.vitals import nothing_left

CALLS_PER_SECOND: Final = 200
CALL_SECONDS: Final = 20.0

HUNG_UP_ON: Final = {
    "reset_at_once": 10.0,
    "pings": 10.0,
    "settings": 10.0,
    "empty_data": 10.0,
    "continuations": 10.0,
    "resets_of_nothing": 10.0,
    "window_of_nothing": 10.0,
    "half_open": 10.0,
}
"""The peers that are hung up on while they flood, and how long a connection of theirs may live, in seconds."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("peers") / "data") as process:
        yield process


async def odd_peers(server: ServerProcess, seconds: float, names: Sequence[str] = ()) -> Mapping[str, Any]:
    """What happened to all odd peers, or to those named, in so many seconds."""
    command = (sys.executable, "-m", "faults.peers.odd_peers", server.address, str(seconds), *names)
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    try:
        printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return dict(json.loads(printed))


async def steady_load(server: ServerProcess, ended: asyncio.Event) -> int:
    """CALLS_PER_SECOND lookups a second until `ended`. Returns how many were answered; any error fails the test."""
    calls: list[asyncio.Future[pb.FindContactResponse]] = []
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        stub, began = ContactServiceStub(channel), monotonic()
        while not ended.is_set():
            due = int((monotonic() - began) * CALLS_PER_SECOND) - len(calls)
            calls += [asyncio.ensure_future(_ask(stub)) for _ in range(due)]
            await asyncio.sleep(0.01)
        return len(await asyncio.gather(*calls))


async def _ask(stub: ContactServiceStub) -> pb.FindContactResponse:
    return await stub.FindContact(ASK, timeout=CALL_SECONDS)


async def beside_odd_peers(server: ServerProcess, seconds: float) -> Mapping[str, Any]:
    """All odd peers for so long, beside the steady load. Returns what happened to them."""
    ended = asyncio.Event()
    load = asyncio.create_task(steady_load(server, ended))
    seen = await odd_peers(server, seconds)
    ended.set()
    assert await load >= seconds * CALLS_PER_SECOND * 0.9
    return seen


def assert_hung_up(seen: Mapping[str, Any]) -> None:
    for name, seconds in HUNG_UP_ON.items():
        assert seen[name]["hung_up"], (name, seen)
        assert seen[name]["longest"] < seconds, (name, seen)


async def test_odd_peers_cost_the_others_no_call_and_are_hung_up_on(server: ServerProcess) -> None:
    await beside_odd_peers(server, 3)
    async with nothing_left(server, growth=60):
        assert_hung_up(await beside_odd_peers(server, 12))


@pytest.mark.soak
async def test_odd_peers_cost_the_others_no_call_for_five_minutes(server: ServerProcess) -> None:
    await beside_odd_peers(server, 10)
    async with nothing_left(server, growth=60):
        assert_hung_up(await beside_odd_peers(server, 300))
