"""The feed of changes: read once from the ledger, followed by any number of watchers."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from leadline_server.ports.ledger import CallLogs, Change

_KEPT: Final = 4096
"""How many changes are kept in memory; who is further behind reads the ledger."""

_BATCH: Final = 512

POLL_SECONDS: Final = 1.0
"""How often the ledger is asked for changes that other processes committed, in seconds."""


class ChangeFeed:
    """Follows the ledger's changes.

    A watcher holds nothing but its position, so a slow one costs no memory: it skips what was changed again meanwhile,
    and is told the latest state.
    """

    def __init__(self, call_logs: CallLogs) -> None:
        self._call_logs = call_logs
        self._recent: deque[Change] = deque(maxlen=_KEPT)
        self._head = 0
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()

    @property
    def head(self) -> int:
        """The sequence of the latest change known here."""
        return self._head

    async def run(self) -> None:
        """Follow the ledger until cancelled."""
        self._head = await self._call_logs.last_sequence()
        unsubscribe = self._call_logs.subscribe(self._wake.set)
        try:
            while True:
                await self._catch_up()
                await _wait(self._wake, POLL_SECONDS)
                self._wake.clear()
        finally:
            unsubscribe()

    async def after(self, position: int) -> Sequence[Change]:
        """Changes after `position`, in order of commit; waits until there are some."""
        while position >= self._head:
            await self._moved.wait()
        first = self._recent[0].sequence if self._recent else self._head + 1
        if position + 1 < first:
            return await self._call_logs.changes(position, _BATCH)
        return [change for change in self._recent if change.sequence > position]

    async def _catch_up(self) -> None:
        while changes := await self._call_logs.changes(self._head, _BATCH):
            self._recent.extend(changes)
            self._head = changes[-1].sequence
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
