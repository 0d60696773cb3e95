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
from transport.serving import refused
from transport.vitals import assert_answers, holds, in_flight, memory, nothing_left

WATCH: Final = "/leadline.v1.CallLogService/WatchCallLogs"
EVERYTHING: Final = pb.WatchCallLogsRequest(account_id="demo")
IN_BATCHES: Final = pb.WatchCallLogsRequest(account_id="demo", max_call_logs=1000)
WAYS: Final = (pytest.param(EVERYTHING, id="one by one"), pytest.param(IN_BATCHES, id="in batches"))
LARGEST: Final = 256 * 1024
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


async def deaf_watcher(
    stack: AsyncExitStack, server: ServerProcess, request: pb.WatchCallLogsRequest = EVERYTHING
) -> http2.Connection:
    """A watcher whose stream the server may send nothing on: it never widens a window that is closed."""
    opened = await stack.enter_async_context(http2.connection(server.address, http2.PREFACE + http2.settings(window=0)))
    await opened.greeted()
    await opened.send(http2.request(WATCH, request.SerializeToString()))
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
            message = await watch.read()
            heard.update(log.call.id for log in (message.call_log, *message.call_logs))
            assert len(message.call_logs) <= 1 or message.ByteSize() <= LARGEST + 200  # the token comes on top


@pytest.mark.parametrize("request_", WAYS)
async def test_watchers_who_do_not_read_keep_nothing_from_the_others_and_hoard_no_memory(
    server: ServerProcess, stub: CallLogServiceStub, request_: pb.WatchCallLogsRequest
) -> None:
    # These calls fill the server's caches before its memory is measured.
    await log_much(stub, f"before-{request_.max_call_logs}")
    async with nothing_left(server, growth=100), AsyncExitStack() as stack:
        for _ in range(SLOW):
            await deaf_watcher(stack, server, request_)
        await holds(lambda: in_flight(server).get("WatchCallLogs") == SLOW)
        before = memory(server)
        watch = stub.WatchCallLogs(request_)
        await watch.read()
        await hears(watch, await log_much(stub, f"while-{request_.max_call_logs}"))
        watch.cancel()
        await assert_answers(server)
        # For each of them to have all that it did not read would take SLOW * CHANGES * 100 KB = 240 MB.
        assert memory(server) - before < 100


@pytest.mark.parametrize("request_", WAYS)
async def test_a_watcher_who_reads_late_hears_of_every_call(
    stub: CallLogServiceStub, request_: pb.WatchCallLogsRequest
) -> None:
    watch = stub.WatchCallLogs(request_)
    await watch.read()
    await hears(watch, await log_much(stub, f"late-{request_.max_call_logs}"))
    watch.cancel()


async def test_many_watchers_who_take_batches_hear_of_every_call_in_order_and_soon(stub: CallLogServiceStub) -> None:
    calls = 200
    names = [f"many-{number}" for number in range(calls)]
    watches = [stub.WatchCallLogs(IN_BATCHES) for _ in range(200)]
    await asyncio.gather(*(watch.read() for watch in watches))
    messages = 0

    async def follow(watch: Any) -> list[str]:
        nonlocal messages
        heard: dict[str, int] = {}
        while len(heard) < calls:
            message = await watch.read()
            messages += 1
            for log in message.call_logs:
                assert heard.get(log.call.id, -1) < log.revision
                heard[log.call.id] = log.revision
        return sorted(heard)

    following = [asyncio.create_task(follow(watch)) for watch in watches]
    for name in names:
        await stub.LogCall(report(name))
    async with asyncio.timeout(20):
        assert await asyncio.gather(*following) == [sorted(names)] * len(watches)
    assert messages < len(watches) * calls / 4  # what gathers comes together
    for watch in watches:
        watch.cancel()


async def test_a_watcher_resumes_after_any_message_without_a_gap(stub: CallLogServiceStub) -> None:
    few = pb.WatchCallLogsRequest(account_id="demo", max_call_logs=3)
    watch: Any = stub.WatchCallLogs(few)
    few.resume_token = (await watch.read()).resume_token
    watch.cancel()
    await asyncio.gather(*(stub.LogCall(report(f"resumed-{number}")) for number in range(10)))
    heard: list[str] = []
    async with asyncio.timeout(20):
        while len(heard) < 10:
            resumed: Any = stub.WatchCallLogs(few)
            assert not (await resumed.read()).call_logs
            message = await resumed.read()
            assert 1 <= len(message.call_logs) <= 3
            heard += [log.call.id for log in message.call_logs]
            few.resume_token = message.resume_token
            resumed.cancel()
    assert sorted(heard) == sorted(f"resumed-{number}" for number in range(10))


@pytest.mark.parametrize("wrong", [-1, 1001])
async def test_a_number_of_logs_that_may_not_be_is_refused(stub: CallLogServiceStub, wrong: int) -> None:
    refusal = await refused(stub.WatchCallLogs(pb.WatchCallLogsRequest(account_id="demo", max_call_logs=wrong)).read())
    assert refusal.violations.keys() == {"max_call_logs"}


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
