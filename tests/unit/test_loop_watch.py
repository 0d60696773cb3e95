"""The watch over the event loop measures its lag, and names what holds it."""

import asyncio
import threading
import time

from leadline_server.concurrency.loop_watch import (
    HELD_SECONDS,
    WINDOW_SECONDS,
    HeldReports,
    LoopLag,
    LoopWatch,
    watched_loop,
)
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs


def hold_the_loop(secret: str, until: threading.Event) -> None:
    """Be slow. The argument must not be logged."""
    assert secret
    assert until.wait(30)


async def test_the_watch_names_the_function_that_holds_the_loop() -> None:
    reported: list[tuple[float, list[str]]] = []
    released = threading.Event()

    def report(seconds: float, names: list[str]) -> None:
        reported.append((seconds, names))
        released.set()

    lag = LoopLag()
    task = asyncio.create_task(LoopWatch(lag, report).run())
    await asyncio.sleep(0)
    hold_the_loop("+12025550147", released)
    while lag.largest < HELD_SECONDS:
        await asyncio.sleep(0.01)
    task.cancel()
    [(seconds, names)] = reported
    assert seconds >= HELD_SECONDS
    assert any("hold_the_loop" in name for name in names)
    assert "2025550147" not in str(names)
    assert lag.held == 1


async def test_a_loop_that_answers_is_not_held() -> None:
    with capture_logs() as lines:
        async with watched_loop(CollectorRegistry()) as lag:
            for _ in range(20):
                await asyncio.sleep(0.01)
    assert lag.held == 0 or lag.largest >= HELD_SECONDS  # a busy machine may hold it
    assert lag.held or lines == []


def test_the_gauge_forgets_old_lag() -> None:
    time_now = [0.0]
    lag = LoopLag(lambda: time_now[0])
    lag.add(0.4)
    time_now[0] = WINDOW_SECONDS
    assert lag.largest == 0.4
    time_now[0] = 2 * WINDOW_SECONDS
    assert lag.largest == 0


def test_lines_in_the_log_are_rare_and_count_what_they_leave_out() -> None:
    time_now = [100.0]
    report = HeldReports(lambda: time_now[0])
    with capture_logs() as lines:
        for _ in range(50):
            report(0.3, ["a.b:1"])
        time_now[0] += 9.9
        report(0.3, ["a.b:1"])
        time_now[0] += 0.1
        report(0.3, ["a.b:1"])
    assert [line["left_out"] for line in lines] == [0, 50]
    assert lines[0]["stack"] == ["a.b:1"]


async def test_the_metrics_show_the_lag() -> None:
    registry = CollectorRegistry()
    async with watched_loop(registry):
        await asyncio.sleep(0)
        time.sleep(0.12)  # noqa: ASYNC251 - what the watch is for
        while registry.get_sample_value("leadline_event_loop_lag_seconds") == 0:
            await asyncio.sleep(0.01)
        assert (registry.get_sample_value("leadline_event_loop_lag_seconds") or 0) > 0.05
        assert registry.get_sample_value("leadline_event_loop_held_total") is not None
