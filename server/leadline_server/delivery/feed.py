"""The feed of changes: read once from the ledger, followed by any number of watchers."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from leadline_server.ports.ledger import CallLogs, Change

_KEPT: Final = 4096
"""How many changes are kept in memory; who is further behind reads the ledger."""

_BATCH: Final = 512

POLL_SECONDS: Final = 1.0
"""How often the ledger is asked for changes that other processes committed, in seconds."""


class ChangeFeed:
    """Follows the ledger's changes, while anybody watches.

    A watcher holds nothing but its position, so a slow one costs no memory: it skips what was changed again meanwhile,
    and is told the latest state.
    """

    def __init__(self, call_logs: CallLogs) -> None:
        self._call_logs = call_logs
        self._recent: deque[Change] = deque(maxlen=_KEPT)
        self._head = 0
        self._watchers = 0
        self._watched = asyncio.Event()
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """What `after` is asked within."""
        self._watchers += 1
        self._watched.set()
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._watched.clear()

    async def run(self) -> None:
        """Follow the ledger until cancelled."""
        unsubscribe = self._call_logs.subscribe(self._wake.set)
        try:
            while True:
                await self._watched.wait()
                self._recent.clear()
                self._move(await self._call_logs.last_sequence())
                while self._watchers:
                    await self._catch_up()
                    await _wait(self._wake, POLL_SECONDS)
                    self._wake.clear()
        finally:
            unsubscribe()

    async def after(self, position: int) -> Sequence[Change]:
        """Changes after `position`, at least one, in order of commit; waits until there is one."""
        while True:
            moved = self._moved
            if position < self._head and (changes := await self._known_after(position)):
                return changes
            await moved.wait()

    async def _known_after(self, position: int) -> Sequence[Change]:
        is_recent = self._recent and self._recent[0].sequence <= position + 1
        if not is_recent:
            return await self._call_logs.changes(position, _BATCH)
        return [change for change in self._recent if change.sequence > position]

    async def _catch_up(self) -> None:
        while changes := await self._call_logs.changes(self._head, _BATCH):
            self._recent.extend(changes)
            self._move(changes[-1].sequence)

    def _move(self, head: int) -> None:
        self._head = head
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
