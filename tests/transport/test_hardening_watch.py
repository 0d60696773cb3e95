"""Watchers who do not read, and many who come and go: the others hear everything, and memory stays where it was."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from support.servers import ServerProcess, server_process
from transport import http2
from transport.real import report
from transport.vitals import assert_answers, holds, in_flight, memory, nothing_left

WATCH: Final = "/leadline.v1.CallLogService/WatchCallLogs"
EVERYTHING: Final = pb.WatchCallLogsRequest(account_id="demo")
SLOW: Final = 40
CHANGES: Final = 60
TRANSCRIPT: Final = "x" * 100_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("watch") / "data") as process:
        yield process


@pytest.fixture
async def stub(server: ServerProcess) -> AsyncIterator[CallLogServiceStub]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        yield CallLogServiceStub(channel)


async def deaf_watcher(stack: AsyncExitStack, server: ServerProcess) -> http2.Connection:
    """A watcher whose stream the server may send nothing on: it never widens a window that is closed."""
    opened = await stack.enter_async_context(http2.connection(server.address, http2.PREFACE + http2.settings(window=0)))
    await opened.greeted()
    await opened.send(http2.request(WATCH, EVERYTHING.SerializeToString()))
    return opened


async def log_much(stub: CallLogServiceStub, name: str) -> set[str]:
    """Calls with long transcripts; their ids."""
    reports = [report(f"{name}-{number}") for number in range(CHANGES)]
    for each in reports:
        each.call.transcript = TRANSCRIPT
    await asyncio.gather(*(stub.LogCall(each, timeout=30) for each in reports))
    return {each.call.id for each in reports}


async def hears(watch: Any, call_ids: set[str]) -> None:
    """Wait until the watch has told of all these calls."""
    heard = set[str]()
    async with asyncio.timeout(20):
        while not call_ids <= heard:
            heard.add((await watch.read()).call_log.call.id)


async def test_watchers_who_do_not_read_keep_nothing_from_the_others_and_hoard_no_memory(
    server: ServerProcess, stub: CallLogServiceStub
) -> None:
    await log_much(stub, "before")  # what the server keeps of any such calls is in its memory by then
    async with nothing_left(server, growth=100), AsyncExitStack() as stack:
        for _ in range(SLOW):
            await deaf_watcher(stack, server)
        await holds(lambda: in_flight(server).get("WatchCallLogs") == SLOW)
        before = memory(server)
        watch = stub.WatchCallLogs(EVERYTHING)
        await watch.read()
        await hears(watch, await log_much(stub, "while"))
        watch.cancel()
        await assert_answers(server)
        # For each of them to have all that it did not read would take SLOW * CHANGES * 100 KB = 240 MB.
        assert memory(server) - before < 100


async def test_a_watcher_who_reads_late_hears_of_every_call(stub: CallLogServiceStub) -> None:
    watch = stub.WatchCallLogs(EVERYTHING)
    await watch.read()
    await hears(watch, await log_much(stub, "late"))
    watch.cancel()


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.soak)])
async def test_watchers_who_come_and_go_leave_nothing(
    server: ServerProcess, stub: CallLogServiceStub, rounds: int
) -> None:
    async with nothing_left(server, growth=60):
        for number in range(rounds):
            watches = [stub.WatchCallLogs(EVERYTHING) for _ in range(100)]
            await asyncio.gather(*(watch.read() for watch in watches[number % 3 :: 3]))
            for watch in watches:
                watch.cancel()


async def test_watchers_who_vanish_without_a_word_leave_nothing(server: ServerProcess) -> None:
    async with nothing_left(server, growth=60), AsyncExitStack() as stack:
        opened = [await deaf_watcher(stack, server) for _ in range(SLOW)]
        await holds(lambda: in_flight(server).get("WatchCallLogs") == SLOW)
        for each in opened:
            each.vanish()


async def test_watchers_who_do_not_read_keep_a_server_no_longer_than_its_grace(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", settings={"LEADLINE_GRACE_PERIOD": "0.5"}) as process:
        async with AsyncExitStack() as stack:
            await deaf_watcher(stack, process)
            await holds(lambda: in_flight(process).get("WatchCallLogs") == 1)
            process.terminate()
            assert await asyncio.to_thread(process.wait, 5.0) == 0
        assert "Traceback" not in process.stderr
