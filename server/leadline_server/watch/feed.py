"""The feed of changes: read once from the ledger, followed by any number of watchers."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Final

import structlog

from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import CallLogs, Change

_KEPT: Final = 4096
_KEPT_BYTES: Final = 32 * 1024 * 1024
"""How many changes are kept in memory, and what they may take; who is further behind reads the ledger."""

_BATCH: Final = 512

POLL_SECONDS: Final = 0.25
"""How often the ledger is asked for changes that other processes committed, in seconds."""

_log = structlog.get_logger(__name__)


class FellBehind(Exception):
    """Calls that changed after the watcher's position were pruned from the ledger before it saw them."""


_PAUSE_A_WATCHER: Final = 0.0002  # seconds, about what it takes to wake one and write to it
_LONGEST_PAUSE: Final = 0.25

_ROUND_A_WATCHER: Final = 0.002
_LONGEST_ROUND: Final = 2.0
"""Seconds a watcher, and at most, in which each of those that take batches gets its turn."""

_SHARES: Final = 16
"""Into how many parts a round is divided: those whose turn comes in one part of it are told the same."""

_PARTS: Final = 64
"""Into how many parts the watchers that wait are divided, to be woken one after the other."""

_GOLDEN: Final = (5**0.5 - 1) / 2
"""Steps of this length spread any number of turns evenly over a round."""

_MOST_TAKEN: Final = 32
"""How many pieces of the recent changes are kept as they were taken: hundreds take the same."""


class ChangeFeed:
    """Follows the ledger's changes, while anybody watches.

    A watcher holds nothing but its position, so a slow one costs no memory: it skips what was changed again meanwhile,
    and is told the latest state.

    Nobody misses a change, whichever process commits it: sequences are handed out under the ledger's write lock, so a
    commit that can be read was preceded by all with smaller sequences. What was read up to the head is complete.
    """

    def __init__(self, call_logs: CallLogs) -> None:
        self._call_logs = call_logs
        self._recent: deque[Change] = deque()
        self._recent_bytes = 0
        self._before_recent = 0  # the position after which all changes are in memory
        self._taken: dict[tuple[int, int], Sequence[Change]] = {}
        self._head = 0
        self._is_following = False
        self._watchers = 0
        self._in_batches = 0
        self._phase = 0.0
        self._watched = asyncio.Event()
        self._wake = asyncio.Event()
        self._moved = [asyncio.Event() for _ in range(_PARTS)]
        self._part = 0
        self._shares = [(0.0, 0)] * _SHARES  # of each the head as the first to have its turn found it, and until when

    @property
    def head(self) -> int:
        """The sequence of the latest change that is known here; of use to whom `after` has answered."""
        return self._head

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

    @contextmanager
    def watching_in_batches(self) -> Iterator[float]:
        """What `batch_after` is asked within, with the phase that this yields: where in each round the turn comes."""
        self._in_batches += 1
        self._phase = (self._phase + _GOLDEN) % 1
        try:
            with self.watching():
                yield self._phase
        finally:
            self._in_batches -= 1

    async def run(self) -> None:
        """Follow the ledger until cancelled. A ledger out of order is waited for."""
        unsubscribe = self._call_logs.subscribe(self._wake.set)
        try:
            while True:
                await self._watched.wait()
                try:
                    await self._follow()
                except LeadlineError as error:
                    _log.warning("feed of changes paused", error=type(error).__name__)
                    await asyncio.sleep(POLL_SECONDS)
                finally:
                    self._is_following = False  # from here on the head grows old
        finally:
            unsubscribe()

    async def after(self, position: int) -> Sequence[Change]:
        """Changes after `position`, at least one, in order of commit; waits until there is one.

        Raises:
            FellBehind: not all of them are kept.
            LedgerUnavailable: the ledger failed.
        """
        self._part = part = (self._part + 1) % _PARTS
        while True:
            moved = self._moved[part]
            if self._is_following and position < self._head and (changes := await self._known_after(position)):
                return changes
            await moved.wait()

    async def batch_after(self, position: int, phase: float) -> Sequence[Change]:
        """What `after` returns, once there is something and it is the watcher's turn: with what has gathered by then.

        Many watchers have their turns over a second or two, one after the other: a call that is logged meanwhile waits
        for one of them, not for all. Those of one part of the round take the same changes: what comes while they have
        their turns is left for the next round, or they would stand at as many places as there are watchers before long.
        """
        while True:
            if not self._is_recent(position):
                return await self.after(position)  # so far behind that it shares nothing with the others
            end = await self._turn(phase)
            if self._is_following and self._is_recent(position) and (changes := self._between(position, end)):
                return changes
            while not (self._is_following and position < self._head):
                await self._moved[int(phase * _PARTS)].wait()

    async def _turn(self, phase: float) -> int:
        """Wait for a watcher's turn; the head as the first who had a turn in this part of the round found it."""
        seconds = min(_LONGEST_ROUND, self._in_batches * _ROUND_A_WATCHER)
        now = asyncio.get_running_loop().time
        await asyncio.sleep(seconds - (now() - seconds * phase) % seconds)
        share = int(phase * _SHARES)
        until, end = self._shares[share]
        if now() >= until:
            end = self._head
            self._shares[share] = now() + seconds / 2, end
        return end

    async def _follow(self) -> None:
        self._recent.clear()
        self._recent_bytes = 0
        self._taken.clear()
        self._before_recent = await self._call_logs.last_sequence()
        await self._move(self._before_recent)
        while self._watchers:
            await self._catch_up()
            # Waking every watcher for every change would leave no time for calls: many are woken less often.
            await asyncio.sleep(min(_LONGEST_PAUSE, self._watchers * _PAUSE_A_WATCHER))
            await _wait(self._wake, POLL_SECONDS)
            self._wake.clear()

    def _is_recent(self, position: int) -> bool:
        """Whether all changes after a position are in memory."""
        return position >= self._before_recent

    async def _known_after(self, position: int) -> Sequence[Change]:
        if self._is_recent(position):
            return self._between(position, self._head)
        changes = await self._call_logs.changes(position, _BATCH)
        # Asked last: what is pruned later was still there to be read.
        if await self._call_logs.pruned_through() > position:
            raise FellBehind
        return changes

    def _between(self, position: int, end: int) -> Sequence[Change]:
        """The recent changes after a position, up to an end; the very same for all who stand there."""
        changes = self._taken.get((position, end))
        if changes is None:
            if len(self._taken) >= _MOST_TAKEN:
                self._taken.clear()
            newer = takewhile(lambda change: change.sequence > position, reversed(self._recent))
            changes = self._taken[position, end] = [change for change in newer if change.sequence <= end][::-1]
        return changes

    async def _catch_up(self) -> None:
        while changes := await self._call_logs.changes(self._head, _BATCH):
            self._keep(changes)
            await self._move(changes[-1].sequence)

    def _keep(self, changes: Sequence[Change]) -> None:
        self._recent.extend(changes)
        self._recent_bytes += sum(change.size for change in changes)
        while len(self._recent) > _KEPT or self._recent_bytes > _KEPT_BYTES:
            oldest = self._recent.popleft()
            self._before_recent = oldest.sequence
            self._recent_bytes -= oldest.size

    async def _move(self, head: int) -> None:
        self._head = head
        self._is_following = True
        for part, moved in enumerate(self._moved):
            self._moved[part] = asyncio.Event()
            moved.set()
            await asyncio.sleep(0)  # between the parts it is the calls' turn


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
