"""The feed of changes: read once from the ledger, and followed by any number of watchers."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Final

import structlog

from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import CallLogs, Change
from leadline_server.watch.schedule import BatchTurns, WakeGroups, pause_seconds

_KEPT: Final = 4096
KEPT_BYTES: Final = 32 * 1024 * 1024
"""How many changes are kept in memory, and how many bytes of them. A watcher further behind reads from the ledger."""

_BATCH: Final = 512

_MOST_SLICES: Final = 32
"""How many slices of the recent changes are kept. Hundreds of watchers take the same slice."""

POLL_SECONDS: Final = 0.25
"""How often the ledger is asked for changes that other processes committed, in seconds."""

_log = structlog.get_logger(__name__)


class FellBehind(Exception):
    """Calls that changed after the watcher's position were pruned before the watcher read them."""


class ChangeFeed:
    """Follows the ledger's changes while there are watchers.

    A watcher holds only its position, so a slow watcher costs no memory. It skips states that were changed again
    meanwhile, and gets the latest state. Example: a watcher at position 4 gets call A (5) and call B (6), and is then
    at position 6.

    No watcher misses a change of any process. Sequences are given out under the ledger's write lock, so when a commit
    is visible, all commits with smaller sequences are visible too.
    """

    def __init__(self, call_logs: CallLogs) -> None:
        self._call_logs = call_logs
        self._recent: deque[Change] = deque()
        self._recent_bytes = 0
        self._before_recent = 0  # the position after which all changes are in memory
        self._slices: dict[tuple[int, int], Sequence[Change]] = {}
        self._head = 0
        self._is_following = False
        self._watchers = 0
        self._is_watched = asyncio.Event()
        self._has_news = asyncio.Event()
        self._turns = BatchTurns()
        self._groups = WakeGroups()

    @property
    def head(self) -> int:
        """The sequence of the latest change that the feed knows. It is up to date only while there are watchers."""
        return self._head

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Be a watcher. `after` may be called only inside this."""
        self._watchers += 1
        self._is_watched.set()
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._is_watched.clear()

    @contextmanager
    def watching_in_batches(self) -> Iterator[float]:
        """Be a watcher that takes batches. Yields its phase; `batch_after` may be called only inside this."""
        with self._turns.joined() as phase, self.watching():
            yield phase

    async def run(self) -> None:
        """Follow the ledger until cancelled. If the ledger fails, try again after a pause."""
        unsubscribe = self._call_logs.subscribe(self._has_news.set)
        try:
            while True:
                await self._is_watched.wait()
                try:
                    await self._follow()
                except LeadlineError as error:
                    _log.warning("feed of changes paused", error=type(error).__name__)
                    await asyncio.sleep(POLL_SECONDS)
                finally:
                    self._is_following = False  # from now on the head is out of date
        finally:
            unsubscribe()

    async def after(self, position: int) -> Sequence[Change]:
        """Changes after `position`, at least one, in order of commit. Waits until there is one.

        Raises:
            FellBehind: some of them were pruned.
            LedgerUnavailable: the ledger failed.
        """
        group = self._groups.next()
        while True:
            woken = self._groups.event(group)
            if self._is_following and position < self._head and (changes := await self._known_after(position)):
                return changes
            await woken.wait()

    async def batch_after(self, position: int, phase: float) -> Sequence[Change]:
        """As `after`, but waits for the watcher's turn, and returns the changes until then.

        Watchers of the same share get the same changes. Changes that come during their turns wait for the next round;
        otherwise each watcher would soon be at a position of its own, and would need messages of its own.
        """
        while True:
            if not self._is_recent(position):
                return await self.after(position)  # so far behind that it shares nothing with other watchers
            end = await self._turns.wait(phase, lambda: self._head)
            if self._is_following and self._is_recent(position) and (changes := self._between(position, end)):
                return changes
            while not (self._is_following and position < self._head):
                await self._groups.event(self._groups.of_phase(phase)).wait()

    async def _follow(self) -> None:
        self._recent.clear()
        self._recent_bytes = 0
        self._slices.clear()
        self._before_recent = await self._call_logs.last_sequence()
        await self._advance(self._before_recent)
        while self._watchers:
            await self._catch_up()
            await asyncio.sleep(pause_seconds(self._watchers))
            await _wait(self._has_news, POLL_SECONDS)
            self._has_news.clear()

    def _is_recent(self, position: int) -> bool:
        """Whether all changes after a position are in memory."""
        return position >= self._before_recent

    async def _known_after(self, position: int) -> Sequence[Change]:
        if self._is_recent(position):
            return self._between(position, self._head)
        changes = await self._call_logs.changes(position, _BATCH)
        # Asked after the changes: calls that are pruned later were still among them.
        if await self._call_logs.pruned_through() > position:
            raise FellBehind
        return changes

    def _between(self, position: int, end: int) -> Sequence[Change]:
        """The recent changes after a position up to an end; the same object for all watchers at that position."""
        changes = self._slices.get((position, end))
        if changes is None:
            if len(self._slices) >= _MOST_SLICES:
                self._slices.clear()
            newer = takewhile(lambda change: change.sequence > position, reversed(self._recent))
            changes = self._slices[position, end] = [change for change in newer if change.sequence <= end][::-1]
        return changes

    async def _catch_up(self) -> None:
        while changes := await self._call_logs.changes(self._head, _BATCH):
            self._keep(changes)
            await self._advance(changes[-1].sequence)

    def _keep(self, changes: Sequence[Change]) -> None:
        self._recent.extend(changes)
        self._recent_bytes += sum(change.size for change in changes)
        while len(self._recent) > _KEPT or self._recent_bytes > KEPT_BYTES:
            oldest = self._recent.popleft()
            self._before_recent = oldest.sequence
            self._recent_bytes -= oldest.size
        if self._recent_bytes > KEPT_BYTES // 2:
            self._slices.clear()  # they keep changes that are no longer recent

    async def _advance(self, head: int) -> None:
        self._head = head
        self._is_following = True
        await self._groups.wake()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
