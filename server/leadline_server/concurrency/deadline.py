"""A caller's deadline as a budget of time.

Example: a caller gives 3 seconds. Work may take 2.9 of them, and 0.1 seconds are kept to answer in. gRPC rounds
deadlines on their way, those from 1 s to 10 s by less than 10 ms; the kept time covers that too.
"""

import time
from typing import Final

MOST_SECONDS: Final = 10.0
"""The longest time of an RPC, if its caller gives more time or no deadline."""

_MARGIN_SECONDS: Final = 0.1
_MARGIN_SHARE: Final = 0.1
"""The time that is kept to answer in: this share of what is left, and at most so many seconds."""


class Budget:
    """The time that is left until a caller's deadline.

    Args:
        seconds: the time from now on; None if the caller set no deadline.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float | None:
        """Seconds left, never negative; None without a deadline."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def share(self, most: float) -> float:
        """Seconds that work may take, at most `most`, so that time is left to answer in."""
        return work_seconds(self.remaining(), most)


def work_seconds(remaining: float | None, most: float) -> float:
    """Seconds that work may take if `remaining` seconds are left; `most` without a deadline."""
    if remaining is None:
        return most
    return min(most, remaining - min(_MARGIN_SECONDS, remaining * _MARGIN_SHARE))
