"""Watches the event loop: how late it is, and what holds it.

One slow piece of Python stops all accounts, and no trace of a single call shows why. So a task measures how late the
loop runs it, and a thread looks at the loop's thread if that task is not run at all.
"""

import asyncio
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import accumulate
from types import FrameType
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

TICK_SECONDS: Final = 0.05
"""How often the lag is measured."""

HELD_SECONDS: Final = 0.25
"""A loop that runs no task for so long is held: the log names what holds it."""

REPORT_SECONDS: Final = 10.0
"""The shortest time between two lines in the log."""

WINDOW_SECONDS: Final = 15.0
"""The gauge shows the largest lag of this time to twice as long. Prometheus usually reads every 15 s."""

BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""The bounds of the histogram, in seconds."""

MOST_FRAMES: Final = 16
"""The most functions that a line in the log names, the innermost first."""

_log = structlog.get_logger(__name__)


class LoopLag(Collector):
    """How late the event loop runs its tasks, for /metrics.

    Args:
        now: a monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._window = int(now() // WINDOW_SECONDS)
        self._before = self._largest = 0.0
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0
        self.held = 0
        """How often the loop was held."""

    def add(self, lag: float) -> None:
        """Add a measurement, in seconds."""
        self._turn()
        self._largest = max(self._largest, lag)
        self._counts[bisect_left(BUCKETS, lag)] += 1
        self._sum += lag

    @property
    def largest(self) -> float:
        """The largest lag of this window and the one before, in seconds."""
        self._turn()
        return max(self._before, self._largest)

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        yield GaugeMetricFamily(
            "leadline_event_loop_lag_seconds",
            f"The longest that the event loop was late within the last {2 * WINDOW_SECONDS:g} seconds.",
            value=self.largest,
        )
        buckets = list(zip([*map(str, BUCKETS), "+Inf"], accumulate(self._counts), strict=True))
        delays = HistogramMetricFamily(
            "leadline_event_loop_delay_seconds", f"How late the event loop was, every {TICK_SECONDS:g} seconds."
        )
        delays.add_metric([], buckets, self._sum)
        yield delays
        yield CounterMetricFamily(
            "leadline_event_loop_held", f"How often the event loop ran nothing for {HELD_SECONDS:g} s.", value=self.held
        )

    def _turn(self) -> None:
        window = int(self._now() // WINDOW_SECONDS)
        if window != self._window:
            self._before = self._largest if window == self._window + 1 else 0.0
            self._window, self._largest = window, 0.0


class LoopWatch:
    """The task and the thread. Make it on the loop's thread.

    Args:
        lag: where measurements go.
        report: called from the watching thread with the seconds so far, and the names of the functions that run.
    """

    def __init__(self, lag: LoopLag, report: Callable[[float, list[str]], object]) -> None:
        self._lag = lag
        self._report = report
        self._loop_thread = threading.get_ident()
        self._ticked = time.monotonic()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="event loop watch", daemon=True)

    async def run(self) -> None:
        """Measure until cancelled."""
        self._thread.start()
        try:
            while True:
                self._ticked = time.monotonic()
                await asyncio.sleep(TICK_SECONDS)
                self._lag.add(max(0.0, time.monotonic() - self._ticked - TICK_SECONDS))
        finally:
            self._is_over.set()

    def _watch(self) -> None:
        named = 0.0
        while not self._is_over.wait(TICK_SECONDS):
            ticked = self._ticked
            seconds = time.monotonic() - ticked - TICK_SECONDS
            if seconds < HELD_SECONDS or ticked == named:
                continue
            named = ticked
            self._lag.held += 1
            frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - documented; there is no other way
            with suppress(Exception):  # a log that cannot be written must not end the watch
                self._report(seconds, names_of(frame))


def names_of(frame: FrameType | None) -> list[str]:
    """The functions of a stack, the innermost first: `leadline_server.app.open_app:120`. It has no values of theirs."""
    names: list[str] = []
    while frame is not None and len(names) < MOST_FRAMES:
        names.append(f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}:{frame.f_lineno}")
        frame = frame.f_back
    return names


class HeldReports:
    """Writes lines in the log, at most one in REPORT_SECONDS; the next one says how many were left out."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._not_before = 0.0
        self._left_out = 0

    def __call__(self, seconds: float, names: list[str]) -> None:
        """Report that the loop is held."""
        if self._now() < self._not_before:
            self._left_out += 1
            return
        self._not_before = self._now() + REPORT_SECONDS
        _log.warning("event loop held", seconds=round(seconds, 2), left_out=self._left_out, stack=names)
        self._left_out = 0


@asynccontextmanager
async def watched_loop(registry: CollectorRegistry) -> AsyncIterator[LoopLag]:
    """Watch the running loop while the body runs."""
    lag = LoopLag()
    registry.register(lag)
    task = asyncio.create_task(LoopWatch(lag, HeldReports()).run())
    try:
        yield lag
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
