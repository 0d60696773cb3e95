"""Watchers of one feed wake at the same times, although their sleeps end late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.ledger import Ledger
from leadline_server.testing.ledger_samples import ACCOUNT
from leadline_server.watch.feeds import ChangeFeeds
from support.feed_places import LATE_SECONDS, SECONDS, at_work, change_on, places_of

pytestmark = pytest.mark.timed


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with open_sqlite_ledger(tmp_path / "ledger.db") as opened:
        yield opened


ROUNDS: Final = 4


class SomeLate:
    """asyncio, except that sleeps of tasks named `late` end later, as on a busy event loop."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        is_late = task is not None and task.get_name() == "late"
        await asyncio.sleep(seconds + (LATE_SECONDS if is_late else 0))


async def test_watchers_of_one_share_get_the_same_changes_although_calls_change_meanwhile(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.watch.schedule.asyncio", SomeLate())
    feeds = ChangeFeeds(ledger.call_logs)
    with ExitStack() as watching:
        feed = watching.enter_context(feeds.watching(ACCOUNT))
        for _ in range(256):
            watching.enter_context(feed.watching_in_batches())
        async with at_work(feeds.run(), change_on(ledger)):
            tasks = [
                asyncio.create_task(places_of(feed, phase, rounds=ROUNDS), name=name)
                for phase, name in ((0.51, "in time"), (0.52, "late"), (0.55, "a little later"))
            ]
            found = await asyncio.wait_for(asyncio.gather(*tasks), SECONDS)
    # They begin at any moment of a round, so the first turn of one may be a turn before the others'.
    begin, end = max(places[1] for places in found), min(places[-1] for places in found)
    one, *others = [[place for place in places if begin <= place <= end] for places in found]
    assert others == [one, one]
    assert len(one) >= ROUNDS - 1
