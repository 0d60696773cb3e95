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
    turn: "asyncio.Future[int]"


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
        self._slots = slots
        self._most = most
        self._held: dict[int, float] = {}  # when each slot was taken, the oldest first
        self._accounts: dict[str, _Account] = {}  # those with waiting calls, in the order of their turns
        self._last = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return sum(len(account.calls) for account in self._accounts.values())

    @property
    def is_busy(self) -> bool:
        """Whether a call has to wait now."""
        return bool(self._accounts) or len(self._held) >= self._slots

    def take(self, now: float) -> int | None:
        """Take a slot without waiting, at the time `now` of `perf_counter`. None if the call has to wait."""
        if self._accounts or len(self._held) >= self._slots:
            return None
        self._last += 1
        self._held[self._last] = now
        return self._last

    async def wait(self, account_id: str, cost: float) -> int:
        """Wait for a slot.

        Raises:
            QueueFull: too many calls of the account wait already.
        """
        account = self._accounts.setdefault(account_id, _Account())
        if len(account.calls) >= self._most:
            raise QueueFull
        call = _Call(cost, asyncio.get_running_loop().create_future())
        account.calls.append(call)
        self._fill()
        try:
            return await call.turn
        except asyncio.CancelledError:
            self._withdraw(account_id, call)
            raise

    def leave(self, slot: int) -> None:
        """Give a slot back. Without effect if it was taken away meanwhile."""
        self._held.pop(slot, None)
        if self._accounts:
            self._fill()

    def _withdraw(self, account_id: str, call: _Call) -> None:
        if call.turn.done() and not call.turn.cancelled():
            self.leave(call.turn.result())
            return
        account = self._accounts[account_id]
        account.calls.remove(call)
        if not account.calls:
            del self._accounts[account_id]

    def _fill(self) -> None:
        """Give free slots to waiting calls."""
        now = perf_counter()
        while self._accounts and (len(self._held) < self._slots or self._take_away(now)):
            call = self._draw()
            self._last += 1
            self._held[self._last] = now
            call.turn.set_result(self._last)
        if self._accounts and self._timer is None:
            oldest = next(iter(self._held.values()))
            self._timer = asyncio.get_running_loop().call_later(max(0.0, oldest + HOLD_SECONDS - now), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._fill()

    def _take_away(self, now: float) -> bool:
        """Free the slot that is held longest, if it is held for long enough."""
        slot, since = next(iter(self._held.items()))
        if now - since < HOLD_SECONDS:
            return False
        del self._held[slot]
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
        if not account.calls:
            del self._accounts[account_id]
        return call
