"""The feed of one account's changes: read once from the ledger, and followed by any number of watchers."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Final

from leadline_server.ports.ledger import CallLogs, Change
from leadline_server.watch.schedule import BatchTurns, ShareEnds, WakeGroups

_KEPT: Final = 4096
KEPT_BYTES: Final = 32 * 1024 * 1024
"""How many changes are kept in memory, and how many bytes of them, of all watched accounts together.

A watcher further behind reads from the ledger.
"""

_BATCH: Final = 512

_MOST_SLICES: Final = 32
"""How many slices of the recent changes are kept. Hundreds of watchers take the same slice."""


class FellBehind(Exception):
    """Calls that changed after the watcher's position were pruned before the watcher read them."""


class ChangeFeed:
    """Follows the changes of one account while it has watchers.

    A watcher holds only its position, so a slow watcher costs no memory. It skips states that were changed again
    meanwhile, and gets the latest state. Example: a watcher at position 4 gets call A (5) and call B (6), and is then
    at position 6.

    No watcher misses a change of any process: when a change is visible, all of its account with smaller sequences are.

    Args:
        call_logs: the ledger's call logs.
        account_id: the account.
        shares: how many feeds share the memory; by default this one has all of it.
        turns: the turns of watchers that take batches; by default the feed's own.
    """

    def __init__(
        self,
        call_logs: CallLogs,
        account_id: str,
        shares: Callable[[], int] = lambda: 1,
        turns: BatchTurns | None = None,
    ) -> None:
        self._call_logs = call_logs
        self._account_id = account_id
        self._shares = shares
        self._recent: deque[Change] = deque()
        self._recent_bytes = 0
        self._before_recent = 0  # the position after which all changes are in memory
        self._slices: dict[tuple[int, int], Sequence[Change]] = {}
        self._head = 0
        self._asked = (
            0  # the position up to which the ledger was asked; with one order for all accounts beyond the head
        )
        self._is_following = False
        self._turns = turns or BatchTurns()
        self._share_ends = ShareEnds()
        self._groups = WakeGroups()

    @property
    def head(self) -> int:
        """The sequence of the latest change that the feed knows. It is up to date only while the feed follows."""
        return self._head

    @contextmanager
    def watching_in_batches(self) -> Iterator[float]:
        """Take part in the turns of watchers that take batches. Yields the phase for `batch_after`."""
        with self._turns.joined() as phase:
            yield phase

    async def follow(self, head: int) -> None:
        """Read the changes up to `head`, a position that the ledger gave; begin there if the feed does not follow."""
        if not self._is_following:
            self._recent.clear()
            self._recent_bytes = 0
            self._slices.clear()
            self._before_recent = self._asked = head
            await self._advance(head)
            return
        while self._asked < head:
            changes = await self._call_logs.changes(self._account_id, self._asked, _BATCH)
            self._asked = changes[-1].sequence if changes else head
            if changes:
                self._keep(changes)
                await self._advance(self._asked)

    def pause(self) -> None:
        """Follow no more, until `follow` begins anew: from now on the head is out of date."""
        self._is_following = False

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
            end = self._share_ends.of(phase, await self._turns.wait(phase), self._head)
            if self._is_following and self._is_recent(position) and (changes := self._between(position, end)):
                return changes
            while not (self._is_following and position < self._head):
                await self._groups.event(self._groups.of_phase(phase)).wait()

    def _is_recent(self, position: int) -> bool:
        """Whether all changes after a position are in memory."""
        return position >= self._before_recent

    async def _known_after(self, position: int) -> Sequence[Change]:
        if self._is_recent(position):
            return self._between(position, self._head)
        changes = await self._call_logs.changes(self._account_id, position, _BATCH)
        # Asked after the changes: calls that are pruned later were still among them.
        if await self._call_logs.pruned_through(self._account_id) > position:
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

    def _keep(self, changes: Sequence[Change]) -> None:
        self._recent.extend(changes)
        self._recent_bytes += sum(change.size for change in changes)
        shares = self._shares()
        while len(self._recent) > _KEPT // shares or self._recent_bytes > KEPT_BYTES // shares:
            oldest = self._recent.popleft()
            self._before_recent = oldest.sequence
            self._recent_bytes -= oldest.size
        if self._recent_bytes > KEPT_BYTES // shares // 2:
            self._slices.clear()  # they keep changes that are no longer recent

    async def _advance(self, head: int) -> None:
        self._head = head
        self._is_following = True
        await self._groups.wake()
