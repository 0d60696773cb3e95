"""Watchers that take batches: many share what they are sent, and none is sent what was changed again since."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from leadline_server.commands.watch_call_logs import Watch
from leadline_server.delivery.feed import ChangeFeed
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.ledger import Ledger
from leadline_server.testing.ledger_samples import call_log, counted, key, put
from support.apps import ACCOUNT, Harness

SECONDS = 20.0
LATE_SECONDS = 0.15
"""Of a round of half a second; the feed looks for changes every twentieth of one."""


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with open_sqlite_ledger(tmp_path / "ledger.db") as opened:
        yield opened


@asynccontextmanager
async def following(ledger: Ledger) -> AsyncIterator[ChangeFeed]:
    feed = ChangeFeed(ledger.call_logs)
    tasks = [asyncio.create_task(feed.run()), asyncio.create_task(change_on(ledger))]
    try:
        yield feed
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def change_on(ledger: Ledger) -> None:
    """Change calls for as long as anybody watches."""
    await put(ledger, call_log())
    while True:
        await ledger.call_logs.change(key(), counted)
        await asyncio.sleep(0.005)


class SomeLate:
    """asyncio, but that sleeps end later in tasks of that name: a busy event loop wakes one after the other."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        is_late = task is not None and task.get_name() == "late"
        await asyncio.sleep(seconds + (LATE_SECONDS if is_late else 0))


async def test_watchers_whose_turns_are_the_same_take_the_same_changes_though_calls_change_meanwhile(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.delivery.feed.asyncio", SomeLate())
    async with following(ledger) as feed:
        with ExitStack() as watching:
            phases = [watching.enter_context(feed.watching_in_batches()) for _ in range(256)]
            tasks = [
                asyncio.create_task(places_of(feed, phase, rounds=4), name=name)
                for phase, name in zip([phases[0]] * 3, ("in time", "late", "in time too"), strict=True)
            ]
            one, *others = await asyncio.wait_for(asyncio.gather(*tasks), SECONDS)
    assert others == [one, one]


async def places_of(feed: ChangeFeed, phase: int, rounds: int) -> list[int]:
    """Where a watcher stands after each of its turns."""
    places = [0]
    for _ in range(rounds):
        places.append((await feed.batch_after(places[-1], phase))[-1].sequence)
    return places


async def test_of_each_call_a_batch_has_the_last_change_alone(harness: Harness) -> None:
    command = harness.app.commands.watch_call_logs
    batches = command.batches(Watch(account_id=ACCOUNT, user_id="", resume_token="", max_call_logs=100))
    others = command.execute(Watch(account_id=ACCOUNT, user_id="", resume_token=""))
    async with aclosing(batches), aclosing(others):
        await anext(batches)
        await anext(others)
        for note in ("first", "second", "third"):
            await harness.log("call-1", note=note)
            while (item := await asyncio.wait_for(anext(others), SECONDS)).call_log is None or (
                item.call_log.call.note != note
            ):
                pass
        items = await asyncio.wait_for(anext(batches), SECONDS)
    assert [(item.call_log.call.note if item.call_log else None) for item in items] == ["third"]
