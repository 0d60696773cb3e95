"""Calls that wait for their turn, so that an account with many calls does not delay those of others.

Slots bound how many calls are worked on at once. While a slot is free and no call waits, a call takes it. Otherwise
it waits in its account's queue. Accounts take turns by deficit round robin (M. Shreedhar, G. Varghese, "Efficient fair
queuing using deficit round robin", 1995): in each round an account may spend QUANTUM, and what it does not spend it
keeps while it waits.

A call gives its slot back when it ends, and after HOLD_SECONDS at the latest: one that takes longer waits for a CRM,
and needs no time of this process. So the slow CRM of one account does not hold the calls of another.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

QUANTUM: Final = 8.0
"""The cost that an account may spend in a round. A small call costs 1."""

HOLD_SECONDS: Final = 0.05


@dataclass(slots=True, eq=False)
class _Call:
    cost: float
    turn: "asyncio.Future[tuple[int, float]]"


@dataclass(slots=True)
class _Account:
    calls: deque[_Call] = field(default_factory=deque)
    deficit: float = QUANTUM


class QueueFull(Exception):
    """As many calls of the account wait as may."""


class FairQueue:
    """The slots of one kind of call, and the calls that wait for one.

    Args:
        slots: how many calls are worked on at once.
        most: how many calls of one account may wait.
    """

    def __init__(self, slots: int, most: int) -> None:
        self._most = most
        self._free = list(range(slots))  # as lists, because a dictionary of slots costs a call three times as much
        self._since = [0.0] * slots  # when each slot was taken
        self._accounts: dict[str, _Account] = {}  # those with waiting calls, in the order of their turns
        self._timer: asyncio.TimerHandle | None = None
        self.waiting = 0
        """How many calls wait."""

    def take(self, now: float) -> int | None:
        """Take a slot without waiting, at the time `now` of `perf_counter`. None if the call has to wait."""
        if self._accounts or not self._free:
            return None
        slot = self._free.pop()
        self._since[slot] = now
        return slot

    async def wait(self, account_id: str, cost: float) -> tuple[int, float]:
        """Wait for a slot. Returns it, and the time at which it was taken.

        Raises:
            QueueFull: too many calls of the account wait already.
        """
        account = self._accounts.setdefault(account_id, _Account())
        if len(account.calls) >= self._most:
            raise QueueFull
        call = _Call(cost, asyncio.get_running_loop().create_future())
        account.calls.append(call)
        self.waiting += 1
        self._arrived()
        try:
            return await call.turn
        except asyncio.CancelledError:
            self._withdraw(account_id, call)
            raise

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return bool(self._free)

    def leave(self, slot: int, since: float) -> None:
        """Give back a slot that was taken at the time `since`. Without effect if it was taken away meanwhile."""
        if self._since[slot] != since:
            return
        self._free.append(slot)
        if self._accounts:
            self._fill()

    def _withdraw(self, account_id: str, call: _Call) -> None:
        if call.turn.done() and not call.turn.cancelled():
            self.leave(*call.turn.result())
            return
        account = self._accounts.get(account_id)
        if account is None or call not in account.calls:
            return  # its turn came after it was cancelled, and before its task was told
        account.calls.remove(call)
        self.waiting -= 1
        if not account.calls:
            del self._accounts[account_id]

    def _arrived(self) -> None:
        """A call waits."""
        self._fill()

    def _fill(self) -> None:
        """A slot may be free. Give what is free to waiting calls."""
        self._give(self.waiting)

    def _give(self, most: int) -> None:
        """Give free slots to waiting calls, to `most` of them."""
        now = perf_counter()
        while most and self._accounts and (self._free or self._take_away(now)):
            call = self._draw()
            if call.turn.cancelled():
                continue
            slot = self._free.pop()
            self._since[slot] = now
            call.turn.set_result((slot, now))
            most -= 1
        if self._accounts and not self._free and self._timer is None:
            seconds = max(0.0, min(self._since) + HOLD_SECONDS - now)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._fill()

    def _take_away(self, now: float) -> bool:
        """Free the slot that is held longest, if it is held for long enough. All are held."""
        since = min(self._since)
        if now - since < HOLD_SECONDS:
            return False
        self._free.append(self._since.index(since))
        return True

    def _draw(self) -> _Call:
        """The next call by deficit round robin. There is one."""
        while True:
            account_id, account = next(iter(self._accounts.items()))
            if account.calls[0].cost <= account.deficit:
                break
            account.deficit += QUANTUM
            del self._accounts[account_id]
            self._accounts[account_id] = account  # its turn comes again after all others
        call = account.calls.popleft()
        account.deficit -= call.cost
        self.waiting -= 1
        if not account.calls:
            del self._accounts[account_id]
        return call
