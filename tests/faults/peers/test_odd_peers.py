"""Peers that speak HTTP/2 oddly, beside 200 calls a second: no call is lost, memory stays, and they are hung up on."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, Final

import pytest
from fakes.process import TESTS
from leadline import AsyncClient
from support.servers import ServerProcess, server_process
from transport.vitals import nothing_left

CALLS_PER_SECOND: Final = 200
CALL_SECONDS: Final = 20.0

SOON: Final = ("reset_at_once", "empty_data", "continuations", "window_of_nothing")
"""The peers that are hung up on within seconds."""

LATER: Final = ("half_open", "slow_bodies", "pings", "settings", "resets_of_nothing")
"""Those that are hung up on within two minutes: after 20 seconds without a request, or 64 MiB."""

LOST_BYTES: Final = 96
"""What gRPC never frees of a stream that ends without its request (https://github.com/grpc/grpc/issues/43360)."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("peers") / "data") as process:
        yield process


async def odd_peers(server: ServerProcess, seconds: float, names: Sequence[str] = ()) -> Mapping[str, Any]:
    """The figures of all odd peers, or of those named, after so many seconds."""
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
    calls: list[asyncio.Future[object]] = []
    async with AsyncClient(server.address, account="demo", user="alice", timeout=CALL_SECONDS) as client:
        began = monotonic()
        while not ended.is_set():
            due = int((monotonic() - began) * CALLS_PER_SECOND) - len(calls)
            calls += [asyncio.ensure_future(client.find_contact("+12025550147")) for _ in range(due)]
            await asyncio.sleep(0.01)
        return len(await asyncio.gather(*calls))


async def beside_odd_peers(server: ServerProcess, seconds: float) -> Mapping[str, Any]:
    """All odd peers for so long, beside the steady load. Returns what happened to them."""
    ended = asyncio.Event()
    load = asyncio.create_task(steady_load(server, ended))
    seen = await odd_peers(server, seconds)
    ended.set()
    assert await load >= seconds * CALLS_PER_SECOND * 0.9
    return seen


def assert_hung_up(seen: Mapping[str, Any], names: Sequence[str], seconds: float) -> None:
    """Each of the peers was hung up on, and no connection of theirs lived longer than so many seconds."""
    for name in names:
        assert seen[name]["hung_up"], (name, seen)
        assert seen[name]["longest"] < seconds, (name, seen)


async def test_odd_peers_cost_the_others_no_call_and_are_hung_up_on(server: ServerProcess) -> None:
    await beside_odd_peers(server, 4)
    async with nothing_left(server, growth=60):
        assert_hung_up(await beside_odd_peers(server, 12), SOON, 12)


@pytest.mark.soak
async def test_odd_peers_cost_the_others_no_call_for_five_minutes(server: ServerProcess) -> None:
    await beside_odd_peers(server, 20)
    async with nothing_left(server, growth=60) as growth:
        seen = await beside_odd_peers(server, 300)
        growth.allowed += sum(each["streams"] for each in seen.values()) * LOST_BYTES / 2**20
        assert_hung_up(seen, SOON, 20)
        assert_hung_up(seen, LATER, 120)
