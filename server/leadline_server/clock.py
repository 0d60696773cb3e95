"""The time, as an object that is passed in, so that tests can set it."""

import time
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol


class Clock(Protocol):
    """Tells the time of day, and measures durations."""

    def now(self) -> datetime:
        """Now, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment. Never goes back, also when the time of day is corrected."""
        ...


class SystemClock:
    """The machine's clock. Each call of these is one call of C, without a Python function around it."""

    now: Final = staticmethod(partial(datetime.now, UTC))
    monotonic: Final = staticmethod(time.monotonic)
