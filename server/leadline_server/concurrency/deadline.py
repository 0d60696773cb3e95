"""A caller's deadline as a budget of time."""

import time
from typing import Final

_MARGIN_SECONDS: Final = 0.1
_MARGIN_SHARE: Final = 0.1
"""What is kept of a deadline to answer in: this share of it, and never more than those seconds."""


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

    def share(self, most: float) -> float:
        """Seconds that work may take, `most` at the most, so that some of a deadline is left to answer in."""
        remaining = self.remaining()
        if remaining is None:
            return most
        return min(most, remaining - min(_MARGIN_SECONDS, remaining * _MARGIN_SHARE))
