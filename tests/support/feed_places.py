"""Places of a feed at which watchers read, while calls change."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from leadline_server.ports.ledger import Ledger
from leadline_server.testing.ledger_samples import call_log, counted, key, put
from leadline_server.watch.feed import ChangeFeed

SECONDS = 20.0
LATE_SECONDS = 0.15
"""Of a round of half a second; the feed looks for changes every twentieth of one."""


@asynccontextmanager
async def at_work(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` until the body ends."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def change_on(ledger: Ledger) -> None:
    """Change a call again and again, until cancelled."""
    await put(ledger, call_log())
    while True:
        await ledger.call_logs.change(key(), counted)
        await asyncio.sleep(0.005)


async def places_of(feed: ChangeFeed, phase: float, rounds: int) -> list[int]:
    """The positions of a watcher after each of its turns."""
    places = [0]
    for _ in range(rounds):
        places.append((await feed.batch_after(places[-1], phase))[-1].sequence)
    return places
