"""The database's clock, for what several machines must agree on, such as the ends of leases."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from leadline_server.domain.ledger_errors import LedgerUnavailable

MEASURE_SECONDS: Final = 10.0
"""How often the database is asked for its time."""

_MOST_SECONDS: Final = 0.5
"""The longest answer that counts. The time is taken for that of the middle, so the error is half of it at most."""

_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"


def _elapsed() -> float:
    """Seconds since the machine started. They go on while it sleeps, and no correction of its time changes them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DatabaseClock:
    """Implements clock.Clock: the database's time, measured at times, and counted on by this machine in between.

    So it does not matter whether the machine's own time of day is right, or is corrected.
    """

    monotonic: Final = staticmethod(time.monotonic)

    def __init__(self, elapsed: Callable[[], float] = _elapsed) -> None:
        self._elapsed = elapsed
        self._start = time.time() - elapsed()

    def now(self) -> datetime:
        """Now, in UTC, by the database's clock."""
        return datetime.fromtimestamp(self._start + self._elapsed(), UTC)

    async def measure(self, fetch: Callable[[str], Awaitable[Sequence[Any]]], *, at_any_cost: bool = False) -> None:
        """Ask the database for its time. An answer that took long is ignored, unless `at_any_cost`."""
        before = self._elapsed()
        [(seconds,)] = await fetch(_NOW)
        after = self._elapsed()
        if at_any_cost or after - before <= _MOST_SECONDS:
            self._start = seconds - (before + after) / 2

    async def follow(self, fetch: Callable[[str], Awaitable[Sequence[Any]]]) -> None:
        """Measure again and again, until cancelled."""
        while True:
            await asyncio.sleep(MEASURE_SECONDS)
            with suppress(LedgerUnavailable):
                await self.measure(fetch)
