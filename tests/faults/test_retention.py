"""Pruning, slow watchers, and several processes on one ledger: no watcher misses a call without being told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import grpc
import pytest
from faults.watches import SECONDS, calls_of, next_of, watching
from leadline.v1.call_log_service_pb2 import WatchCallLogsRequest, WatchCallLogsResponse
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline_server.concurrency.lease import LeaseKeeper
from leadline_server.domain.errors import ResumeTokenExpired, WatcherTooSlow
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.retention.pruner import PrunedCounts, Pruner
from leadline_server.testing.ledger_retention_cases import finished
from leadline_server.testing.ledger_samples import call_log, key, put
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from support.apps import ACCOUNT, Harness, SettableClock, open_harness, started
from support.ledgers import each_ledger, opened_ledger

pytestmark = each_ledger

YEAR: Final = timedelta(days=365)


@pytest.fixture(params=[0, 2, 1000], ids=["one by one", "by two", "by a thousand"])
def at_once(request: pytest.FixtureRequest) -> int:
    """How many call logs a watcher takes at once; 0: the way without batches."""
    return int(request.param)


def limit_to(changes: int, harness: Harness) -> None:
    """Have watchers thrown out after so many changes that they did not read."""
    harness.app.commands.watch_call_logs._most_missed = changes  # noqa: SLF001 - 10,000 take a test too long


@asynccontextmanager
async def served(harness: Harness) -> AsyncIterator[CallLogServiceStub]:
    """The harness over a socket."""
    server = Server(harness.app.commands, CollectorRegistry())
    port = server.bind("127.0.0.1:0")
    # The window keeps its size, so the server cannot send data that the client does not read.
    options = [("grpc.http2.bdp_probe", 0)]
    async with started(server), grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield CallLogServiceStub(channel)


async def read_on(stream: grpc.aio.UnaryStreamCall[WatchCallLogsRequest, WatchCallLogsResponse]) -> None:
    while True:
        await stream.read()


async def test_one_pruning_deletes_all_old_calls_while_calls_are_logged(tmp_path: Path) -> None:
    clock = SettableClock()
    async with opened_ledger(tmp_path) as ledger:
        await asyncio.gather(*(put(ledger, finished(f"old-{number}", clock.now())) for number in range(250)))
        await put(ledger, call_log("waiting"))
        clock.advance(2 * YEAR)
        pruning = asyncio.create_task(Pruner(ledger.retention, LeaseKeeper("a", clock), YEAR).prune())
        new = 0
        while not pruning.done():
            await put(ledger, finished(f"new-{new}", clock.now()))
            new += 1
        assert await pruning == PrunedCounts(calls=250)
        left = {change.call_log.call_id for change in await ledger.call_logs.changes(call_log().account_id, 0, 10_000)}
    assert left == {"waiting", *(f"new-{number}" for number in range(new))}


async def test_calls_are_kept_for_ever_where_no_time_is_set(tmp_path: Path) -> None:
    clock = SettableClock()
    async with opened_ledger(tmp_path) as ledger:
        await put(ledger, finished("old"))
        clock.advance(100 * YEAR)
        assert await Pruner(ledger.retention, LeaseKeeper("a", clock), None).prune() == PrunedCounts()
        assert await ledger.call_logs.get(key("old")) is not None


async def test_one_process_prunes_at_a_time_and_a_dead_one_blocks_no_longer_than_its_lease(
    tmp_path: Path,
) -> None:
    clock = SettableClock()
    async with opened_ledger(tmp_path) as ledger:
        await ledger.retention.acquire("dead", clock.now(), clock.now() + timedelta(minutes=1))
        pruner = Pruner(ledger.retention, LeaseKeeper("alive", clock), YEAR)
        assert await pruner.prune() is None
        clock.advance(timedelta(minutes=2))
        assert await pruner.prune() == PrunedCounts()
        assert await Pruner(ledger.retention, LeaseKeeper("another", clock), YEAR).prune() == PrunedCounts()


async def test_a_token_from_before_what_was_pruned_has_expired_and_a_later_one_is_good(
    tmp_path: Path, at_once: int
) -> None:
    async with open_harness(tmp_path) as harness:
        async with watching(harness, "", at_once) as items:
            early = (await next_of(items)).resume_token
        await harness.log("call-1")
        async with watching(harness, "", at_once) as items:
            late = (await next_of(items)).resume_token
        harness.clock.advance(2 * YEAR)
        counts = await Pruner(harness.app.ledger.retention, LeaseKeeper("a", harness.clock), YEAR).prune()
        assert counts is not None
        assert counts.calls == 1
        with pytest.raises(ResumeTokenExpired):
            async with watching(harness, early, at_once) as items:
                await next_of(items)
        async with watching(harness, late, at_once) as items:
            await next_of(items)
            await harness.log("call-2")
            await calls_of(items, {"call-2"})


async def test_a_watcher_that_does_not_read_is_told_in_the_end_and_resumes_without_a_gap(
    tmp_path: Path, at_once: int
) -> None:
    async with open_harness(tmp_path) as harness, watching(harness, "", at_once) as items:
        limit_to(10, harness)
        await next_of(items)
        await harness.log("first")
        token = (await next_of(items)).resume_token
        names = {f"call-{number}" for number in range(20)}
        for name in names:
            await harness.log(name)
        limit_to(100, harness)  # the feed may learn of them while these others read
        async with watching(harness, token, at_once) as others:
            await calls_of(others, names)  # the feed knows of them by now
        limit_to(10, harness)
        with pytest.raises(WatcherTooSlow) as told:
            await calls_of(items, names)
        async with watching(harness, told.value.metadata["resume_token"], at_once) as resumed:
            await calls_of(resumed, names)


async def test_a_client_that_leaves_its_stream_unread_is_told_when_it_reads_on(tmp_path: Path, at_once: int) -> None:
    async with open_harness(tmp_path) as harness, served(harness) as stub:
        limit_to(10, harness)
        stream = stub.WatchCallLogs(WatchCallLogsRequest(account_id=ACCOUNT, max_call_logs=at_once))
        await stream.read()
        # After each round the feed knows of its calls, so the server tries to send the first ones long before the last
        # ones come. If all came at once, the watcher would miss none while one is sent.
        for turn in range(6):
            names = {f"call-{turn}-{number}" for number in range(4)}
            async with watching(harness, "", at_once) as others:
                await next_of(others)
                for name in names:
                    await harness.log(name, transcript="x" * 200_000)
                await calls_of(others, names)
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await asyncio.wait_for(read_on(stream), SECONDS)
        assert told.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert b"WATCHER_TOO_SLOW" in dict(told.value.trailing_metadata())["grpc-status-details-bin"]


async def test_a_watcher_that_resumes_far_behind_catches_up(tmp_path: Path, at_once: int) -> None:
    async with open_harness(tmp_path) as harness:
        limit_to(10, harness)
        async with watching(harness, "", at_once) as items:
            token = (await next_of(items)).resume_token
        names = {f"call-{number}" for number in range(40)}
        for name in names:
            await harness.log(name)
        async with watching(harness, token, at_once) as items:
            await calls_of(items, names)


async def test_a_watcher_that_did_not_read_what_was_pruned_is_told(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.watch.feed._KEPT", 2)
    async with (
        open_harness(tmp_path) as harness,
        watching(harness, "", at_once) as items,
        watching(harness, "", at_once) as others,
    ):
        await next_of(items)
        await next_of(others)
        names = {f"call-{number}" for number in range(5)}
        for name in names:
            await harness.log(name)
        await calls_of(others, names)
        harness.clock.advance(2 * YEAR)
        await Pruner(harness.app.ledger.retention, LeaseKeeper("a", harness.clock), YEAR).prune()
        with pytest.raises(WatcherTooSlow) as told:
            await next_of(items)
        with pytest.raises(ResumeTokenExpired):
            async with watching(harness, told.value.metadata["resume_token"], at_once) as resumed:
                await next_of(resumed)


async def test_a_quiet_accounts_token_stays_good_while_calls_of_others_are_pruned(tmp_path: Path, at_once: int) -> None:
    async with open_harness(tmp_path) as harness:
        async with watching(harness, "", at_once) as items:
            token = (await next_of(items)).resume_token
        ledger = harness.app.ledger
        await asyncio.gather(*(put(ledger, finished(f"call-{number}", harness.clock.now())) for number in range(50)))
        harness.clock.advance(2 * YEAR)
        assert await Pruner(ledger.retention, LeaseKeeper("a", harness.clock), YEAR).prune() == PrunedCounts(calls=50)
        async with watching(harness, token, at_once) as items:
            await next_of(items)
            await harness.log("mine")
            await calls_of(items, {"mine"})


async def test_the_feed_outlives_a_ledger_that_fails_for_a_while(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_harness(tmp_path) as harness, watching(harness, "", at_once) as items:
        await next_of(items)
        failed = asyncio.Event()

        async def fail(*_: object) -> int:
            failed.set()
            raise LedgerUnavailable("The disk is gone.")

        with monkeypatch.context() as broken:
            broken.setattr(harness.app.ledger.call_logs, "last_sequences", fail)
            await asyncio.wait_for(failed.wait(), SECONDS)
        await harness.log("call-1")
        await calls_of(items, {"call-1"})
