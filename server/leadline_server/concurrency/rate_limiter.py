"""Pacing: when the next of many calls may be made, so that no more are made than are allowed."""

import time
from collections.abc import Callable


class Pace:
    """At most `rate` calls a second on average; after a rest, `burst` of them at once.

    The generic cell rate algorithm: one number says when the next call is due, and a rest lets it fall behind by
    `burst` calls at most.

    Args:
        rate: calls a second, more than 0.
        burst: calls, 1 at least.
        now: a clock in seconds that never goes back.
    """

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self.interval = 1 / rate
        self._saved = max(0.0, burst - 1) * self.interval
        self._now = now
        self._next = now() - self._saved

    def due_in(self) -> float:
        """How long the next call would have to wait, in seconds; 0 if it may be made at once."""
        return max(0.0, self._next - self._now())

    def reserve(self) -> float:
        """Reserve the next call, and return how long to wait before it, in seconds."""
        now = self._now()
        place = max(self._next, now - self._saved)
        self._next = place + self.interval
        return max(0.0, place - now)

    def give_back(self) -> None:
        """A call that was reserved is not made."""
        self._next -= self.interval

    def hold_until(self, seconds: float) -> None:
        """Make no call for so many seconds from now on."""
        self._next = max(self._next, self._now() + seconds)
