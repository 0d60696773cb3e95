"""A caller's deadline as a budget of time."""

import time


class Budget:
    """What is left of a caller's deadline.

    Args:
        seconds: the time given, from now on; None for a caller who set no deadline.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float | None:
        """Seconds left, never negative; None without a deadline."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def share(self, most: float, margin: float) -> float:
        """Seconds that work may take, `most` at the most, so that `margin` is left to answer in."""
        remaining = self.remaining()
        return most if remaining is None else max(0.0, min(most, remaining - margin))
