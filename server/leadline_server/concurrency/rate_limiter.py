"""Rate limits: when each call may be sent, so that no more are sent than are allowed."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from leadline_server.domain.request_not_sent import RateLimitExceeded

LONGEST_WAIT: Final = 10.0
"""The longest wait for an account's rate limit, in seconds."""


class RateLimiter:
    """At most `rate` calls a second on average; after a pause, `burst` calls at once.

    The generic cell rate algorithm (GCRA): one number says when the next call is due, and a pause lets it fall behind
    the clock by `burst` calls at most. Example: with rate 4 and burst 4, four calls go at once, and then one every 0.25
    s.

    Args:
        rate: calls a second, more than 0.
        burst: calls, at least 1.
        now: a clock in seconds that never goes back.
    """

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self.interval = 1 / rate
        self._saved = max(0.0, burst - 1) * self.interval
        self._now = now
        self._next = now() - self._saved

    def due_in(self) -> float:
        """How long the next call would have to wait, in seconds; 0 if it may be sent at once."""
        return max(0.0, self._next - self._now())

    def reserve(self, longest: float = math.inf) -> float:
        """Reserve the next call, and return how long to wait before it, in seconds.

        Raises:
            RateLimitExceeded: it would have to wait more than `longest` seconds; nothing is reserved.
        """
        if (seconds := self.due_in()) > longest:
            raise RateLimitExceeded(seconds)
        now = self._now()
        due = max(self._next, now - self._saved)
        self._next = due + self.interval
        return max(0.0, due - now)

    def give_back(self) -> None:
        """A reserved call is not sent."""
        self._next -= self.interval

    async def wait(self) -> None:
        """Reserve the next call and wait until it may be sent.

        Raises:
            RateLimitExceeded: it would have to wait longer than LONGEST_WAIT; nothing is reserved.
        """
        await wait_for_reserved([self], self.reserve(LONGEST_WAIT))


async def wait_for_reserved(limiters: Sequence[RateLimiter], seconds: float) -> None:
    """Wait `seconds` for a call that is reserved at each limiter. If this is cancelled, the call is given back."""
    if seconds <= 0:
        return
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        for limiter in limiters:
            limiter.give_back()
        raise
