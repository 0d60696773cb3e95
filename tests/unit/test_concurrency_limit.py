"""ConcurrencyLimit and RateLimiter."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.concurrency.concurrency_limit import ConcurrencyLimit
from leadline_server.concurrency.rate_limiter import LONGEST_WAIT, RateLimiter
from leadline_server.domain.request_not_sent import RateLimitExceeded


async def _queue(slots: ConcurrencyLimit, names: str, order: list[str]) -> list[asyncio.Task[None]]:
    async def wait(name: str) -> None:
        await slots.acquire()
        order.append(name)

    tasks = [asyncio.create_task(wait(name)) for name in names]
    await asyncio.sleep(0)
    return tasks


async def test_no_more_slots_are_granted_than_there_are() -> None:
    slots = ConcurrencyLimit(2)
    assert [slots.try_acquire() for _ in range(3)] == [True, True, False]
    slots.release()
    assert slots.free == 1


async def test_waiting_tasks_get_slots_in_order_and_before_tasks_that_do_not_wait() -> None:
    slots, order = ConcurrencyLimit(1), list[str]()
    await slots.acquire()
    tasks = await _queue(slots, "abc", order)
    slots.release()
    assert not slots.try_acquire()
    await tasks[0]
    slots.release()
    slots.release()
    await asyncio.gather(*tasks)
    assert order == ["a", "b", "c"]


async def test_a_task_that_stops_waiting_takes_no_slot() -> None:
    slots, order = ConcurrencyLimit(1), list[str]()
    await slots.acquire()
    first, second = await _queue(slots, "ab", order)
    first.cancel()
    await asyncio.sleep(0)
    slots.release()
    await second
    assert order == ["b"]
    slots.release()
    assert slots.free == 1


async def test_a_slot_granted_to_a_task_that_stops_at_that_moment_is_not_lost() -> None:
    slots, order = ConcurrencyLimit(1), list[str]()
    await slots.acquire()
    first, second = await _queue(slots, "ab", order)
    slots.release()
    first.cancel()
    await second
    assert order == ["b"]


class Clock:
    def __init__(self) -> None:
        self.time = 50.0

    def __call__(self) -> float:
        return self.time


def test_after_a_pause_a_burst_goes_at_once_and_then_calls_go_at_the_rate() -> None:
    limit = RateLimiter(4.0, 4.0, Clock())
    assert [limit.reserve() for _ in range(7)] == [0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 0.75]


def test_a_long_pause_allows_only_one_burst() -> None:
    clock = Clock()
    limit = RateLimiter(4.0, 4.0, clock)
    clock.time += 1000
    assert sum(not limit.reserve() for _ in range(20)) == 4


def test_a_call_that_would_wait_too_long_is_refused_and_reserves_nothing() -> None:
    limit = RateLimiter(0.1, 0.1, Clock())
    assert [limit.reserve(), limit.reserve()] == [0.0, 10.0]
    for _ in range(3):
        with pytest.raises(RateLimitExceeded) as caught:
            limit.reserve(LONGEST_WAIT)
        assert caught.value.retry_after == 20.0


async def test_a_cancelled_call_is_given_back_to_the_next() -> None:
    limit = RateLimiter(1.0, 1.0, Clock())
    limit.reserve()
    task = asyncio.create_task(limit.wait())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert limit.reserve() == 1.0


@given(rate=st.floats(0.2, 50.0), pauses=st.lists(st.floats(0.0, 3.0), max_size=60))
def test_the_rate_is_kept_in_every_period_of_time(rate: float, pauses: list[float]) -> None:
    clock = Clock()
    limit, times = RateLimiter(rate, rate, clock), list[float]()
    for pause in pauses:
        clock.time += pause
        try:
            wait = limit.reserve(LONGEST_WAIT)
        except RateLimitExceeded:
            continue
        assert wait <= LONGEST_WAIT
        times.append(clock.time + wait)
    for first in range(len(times)):
        for last in range(first, len(times)):
            allowed = (times[last] - times[first] + 1) * rate + 1
            assert last - first + 1 <= allowed + 1e-6
