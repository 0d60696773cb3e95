"""Limits of one account: how many deliveries at once, and how often its CRM is asked."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from leadline_server.concurrency.rate_limiter import Pace
from leadline_server.domain.request_not_sent import RateLimitExceeded

LONGEST_WAIT: Final = 10.0
"""How long anybody waits for the rate limit, in seconds."""


class ConcurrencyLimit:
    """A number of slots, given out in the order of asking."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many can be had at once."""
        return self._free

    def try_acquire(self) -> bool:
        """Take a slot if one is free. Nobody waits while one is."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def acquire(self) -> None:
        """Take a slot, waiting for one if need be. Safe to cancel."""
        if self.try_acquire():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:  # the slot was handed over in the same instant
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back; whoever waits longest gets it."""
        for turn in self._waiting:
            if not turn.done():
                self._waiting.remove(turn)
                turn.set_result(None)
                return
        self._free += 1


class RateLimit:
    """At most `rate` calls a second on average; after a rest, a second's worth at once.

    Args:
        rate: calls a second, more than 0.
        now: a clock in seconds that never goes back.
    """

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._pace = Pace(rate, rate, now)

    def reserve(self) -> float:
        """Reserve the next call; returns how long to wait before it, in seconds.

        Raises:
            RateLimitExceeded: it would have to wait longer than LONGEST_WAIT; nothing is reserved.
        """
        if (seconds := self._pace.due_in()) > LONGEST_WAIT:
            raise RateLimitExceeded(seconds)
        return self._pace.reserve()

    async def wait(self) -> None:
        """Wait for one's turn. Raises RateLimitExceeded, see `reserve`."""
        seconds = self.reserve()
        if not seconds:
            return
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self._pace.give_back()
            raise
