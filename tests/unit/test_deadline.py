"""A call is answered shortly before its caller's deadline, and after ten seconds at the latest (docs/flow.md)."""

import asyncio

import pytest
from leadline_server.concurrency.deadline import MOST_SECONDS, TimeLimit, work_seconds


@pytest.mark.parametrize(
    ("remaining", "work"), [(None, 10.0), (60.0, 10.0), (5.0, 4.9), (3.0, 2.9), (0.5, 0.45), (0.0, 0.0)]
)
def test_time_is_kept_to_answer_in(remaining: float | None, work: float) -> None:
    assert work_seconds(remaining, MOST_SECONDS) == pytest.approx(work)


async def test_a_body_within_its_time_is_not_disturbed() -> None:
    async with TimeLimit(0.0):
        pass
    for _ in range(5):
        await asyncio.sleep(0)  # a timer that is left would cancel this


async def test_a_body_that_takes_longer_ends_with_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with TimeLimit(0.01):
            await asyncio.get_running_loop().create_future()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_errors_of_a_body_pass() -> None:
    with pytest.raises(ValueError, match="of the body"):
        async with TimeLimit(20.0):
            raise ValueError("of the body")


async def test_who_cancels_the_task_cancels_it_also_at_the_end_of_the_time() -> None:
    async def body() -> None:
        async with TimeLimit(0.0):
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(body())
    await asyncio.sleep(0)  # it waits now; its time ends in the next turn, as the cancellation comes
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
