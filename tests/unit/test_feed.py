"""Watchers that take batches share messages, and get only the last change of each call."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, aclosing
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from leadline_server.commands.watch_call_logs import Watch
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.ledger import CallLogs, Change, Ledger
from leadline_server.testing.ledger_samples import ACCOUNT, call_log, counted, key, put
from leadline_server.watch.feed import ChangeFeed
from leadline_server.watch.feeds import ChangeFeeds
from leadline_server.watch.schedule import BatchTurns
from support.apps import ACCOUNT as HARNESS_ACCOUNT
from support.apps import Harness
from support.feed_places import SECONDS, at_work


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with open_sqlite_ledger(tmp_path / "ledger.db") as opened:
        yield opened


async def test_turns_are_spread_over_the_round(ledger: Ledger) -> None:
    feed = ChangeFeed(ledger.call_logs, ACCOUNT)
    with ExitStack() as watching:
        phases = sorted(watching.enter_context(feed.watching_in_batches()) for _ in range(1_000))
    gaps = [later - earlier for earlier, later in pairwise([*phases, phases[0] + 1])]
    assert max(gaps) < 0.003


@pytest.mark.parametrize(("watchers", "seconds"), [(1, 0.002), (500, 1.0), (5_000, 2.0)])
async def test_a_round_has_2_milliseconds_for_each_watcher_and_2_seconds_at_most(watchers: int, seconds: float) -> None:
    turns = BatchTurns()
    with ExitStack() as watching:
        for _ in range(watchers):
            watching.enter_context(turns.joined())
        soon = asyncio.get_running_loop().time() % seconds / seconds
        assert await turns.wait(soon) == seconds


class Asked:
    """The call logs of a ledger, and after what changes were asked for, once they may be answered."""

    def __init__(self, ledger: Ledger) -> None:
        self._call_logs = ledger.call_logs
        self.after: list[int] = []
        self.may_be_answered = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call_logs, name)

    async def changes(self, account_id: str, after: int, limit: int) -> Sequence[Change]:
        await self.may_be_answered.wait()
        self.after.append(after)
        return await self._call_logs.changes(account_id, after, limit)


async def test_changes_are_read_once_for_all_watchers_that_started_before_them(
    ledger: Ledger,
) -> None:
    await put(ledger, call_log())
    asked = Asked(ledger)
    feeds = ChangeFeeds(cast("CallLogs", asked))
    with feeds.watching(ACCOUNT) as feed:
        async with at_work(feeds.run()):
            start = await ledger.call_logs.last_sequence(ACCOUNT)
            while feed.head < start:
                await asyncio.sleep(0)
            for _ in range(3):  # then its first state cannot be read any more
                await ledger.call_logs.change(key(), counted)
            end = await ledger.call_logs.last_sequence(ACCOUNT)
            asked.may_be_answered.set()
            for position in range(start, end):
                [change] = await asyncio.wait_for(feed.after(position), SECONDS)
                assert change.sequence == end
    assert set(asked.after[1:]) <= {end}  # the feed looks for more changes; no watcher reads for itself


@pytest.mark.parametrize(("bound", "most"), [("_KEPT", 2), ("KEPT_BYTES", 1_500)])
async def test_a_watcher_behind_the_changes_in_memory_reads_from_the_ledger(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(f"leadline_server.watch.feed.{bound}", most)
    await put(ledger, call_log())
    asked = Asked(ledger)
    asked.may_be_answered.set()
    feeds = ChangeFeeds(cast("CallLogs", asked))
    with feeds.watching(ACCOUNT) as feed:
        async with at_work(feeds.run()):
            start = await ledger.call_logs.last_sequence(ACCOUNT)
            for number in range(5):
                await put(ledger, call_log(f"new-{number}"))
            end = await ledger.call_logs.last_sequence(ACCOUNT)
            while feed.head < end:
                await asyncio.wait_for(feed.after(feed.head), SECONDS)
            asked.after.clear()
            told = [change.call_id for change in await asyncio.wait_for(feed.after(start), SECONDS)]
    assert told == [f"new-{number}" for number in range(5)]
    assert start in asked.after


async def test_a_batch_has_only_the_last_change_of_each_call(harness: Harness) -> None:
    command = harness.app.commands.watch_call_logs
    batches = command.batches(Watch(account_id=HARNESS_ACCOUNT, user_id="", resume_token="", max_call_logs=100))
    others = command.execute(Watch(account_id=HARNESS_ACCOUNT, user_id="", resume_token=""))
    async with aclosing(batches), aclosing(others):
        await anext(batches)
        await anext(others)
        for note in ("first", "second", "third"):
            await harness.log("call-1", note=note)
            while (change := (await asyncio.wait_for(anext(others), SECONDS)).change) is None or (
                change.call_log.call.note != note
            ):
                pass
        batch = await asyncio.wait_for(anext(batches), SECONDS)
    assert [change.call_log.call.note for change in batch.changes] == ["third"]
