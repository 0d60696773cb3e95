"""The feeds of all watched accounts. One task follows the ledger for them, with one question for all accounts."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import CallLogs
from leadline_server.watch.feed import ChangeFeed
from leadline_server.watch.schedule import BatchTurns, pause_seconds

POLL_SECONDS: Final = 0.25
"""How often the ledger is asked for changes that other processes committed, in seconds."""

_log = structlog.get_logger(__name__)


class ChangeFeeds:
    """One feed for each account that has watchers."""

    def __init__(self, call_logs: CallLogs) -> None:
        self._call_logs = call_logs
        self._feeds: dict[str, ChangeFeed] = {}
        self._watchers: dict[str, int] = {}
        self._is_watched = asyncio.Event()
        self._has_news = asyncio.Event()
        self._turns = BatchTurns()

    @contextmanager
    def watching(self, account_id: str) -> Iterator[ChangeFeed]:
        """Be a watcher of an account. Its feed may be used only inside this."""
        feed = self._feeds.get(account_id)
        if feed is None:
            feed = self._feeds[account_id] = ChangeFeed(
                self._call_logs, account_id, lambda: len(self._feeds) or 1, self._turns
            )
            self._has_news.set()  # so that it follows at once
        self._watchers[account_id] = self._watchers.get(account_id, 0) + 1
        self._is_watched.set()
        try:
            yield feed
        finally:
            self._watchers[account_id] -= 1
            if not self._watchers[account_id]:
                del self._watchers[account_id], self._feeds[account_id]
            if not self._feeds:
                self._is_watched.clear()

    async def run(self) -> None:
        """Follow the ledger until cancelled. If the ledger fails, try again after a pause."""
        unsubscribe = self._call_logs.subscribe(self._has_news.set)
        try:
            while True:
                await self._is_watched.wait()
                try:
                    await self._follow()
                except LeadlineError as error:
                    _log.warning("feed of changes paused; trying again", error=type(error).__name__)
                    await asyncio.sleep(POLL_SECONDS)
                finally:
                    for feed in self._feeds.values():
                        feed.pause()
        finally:
            unsubscribe()

    async def _follow(self) -> None:
        while self._feeds:
            self._has_news.clear()
            heads = await self._call_logs.last_sequences(tuple(self._feeds))
            for account_id, head in heads.items():
                feed = self._feeds.get(account_id)
                if feed is not None:
                    await feed.follow(head)
            await asyncio.sleep(pause_seconds(sum(self._watchers.values())))
            await _wait(self._has_news, POLL_SECONDS)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
