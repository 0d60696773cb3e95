"""Tasks that want the same result at the same time share one piece of work."""

import asyncio

import pytest
from leadline_server.concurrency.single_flight import Flight, SingleFlight, results


class Work:
    """Counts how often it runs; each run waits until `end` is set."""

    def __init__(self) -> None:
        self.runs = 0
        self.cancelled = 0
        self.end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.runs += 1
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return self.runs


async def callers(flights: SingleFlight[str, int], work: Work, count: int = 3) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flights.run("key", work)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_callers_at_the_same_time_share_one_run() -> None:
    flights, work = SingleFlight[str, int](), Work()
    tasks = await callers(flights, work)
    work.end.set()
    assert await asyncio.gather(*tasks) == [1, 1, 1]


async def test_a_later_caller_starts_new_work() -> None:
    flights, work = SingleFlight[str, int](), Work()
    work.end.set()
    assert [await flights.run("key", work), await flights.run("key", work)] == [1, 2]


async def test_other_keys_have_work_of_their_own() -> None:
    flights, work = SingleFlight[str, int](), Work()
    work.end.set()
    assert sorted(await asyncio.gather(flights.run("one", work), flights.run("two", work))) == [1, 2]


async def test_the_work_goes_on_when_its_caller_is_cancelled() -> None:
    flights, work = SingleFlight[str, int](), Work()
    first, second, _ = await callers(flights, work)
    first.cancel()
    work.end.set()
    assert await second == 1
    assert work.cancelled == 0


async def test_a_failure_is_raised_for_all_callers_and_the_next_call_tries_again() -> None:
    flights, work = SingleFlight[str, int](), Work()
    work.error = LookupError("no")
    tasks = await callers(flights, work)
    work.end.set()
    assert [type(result) for result in await asyncio.gather(*tasks, return_exceptions=True)] == [LookupError] * 3
    work.error = None
    assert await flights.run("key", work) == 2


async def test_shared_results_are_cancelled_with_their_last_caller() -> None:
    work = Work()
    flight = Flight(work())
    first, second = (asyncio.create_task(results([flight])) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not flight.task.cancelling()
    second.cancel()
    await asyncio.gather(second, flight.task, return_exceptions=True)
    assert work.cancelled == 1


async def test_one_flight_may_be_joined_by_several_keys_until_it_ends() -> None:
    flights, work = SingleFlight[str, int](), Work()
    flight = flights.add(["one", "two"], Flight(work()))
    assert flights.joinable("one") is flights.joinable("two") is flight
    work.end.set()
    await flight.task
    assert flights.joinable("one") is None


@pytest.mark.parametrize(("ends", "cancelled"), [(True, 0), (False, 1)])
async def test_closing_waits_for_work_and_cancels_what_takes_too_long(*, ends: bool, cancelled: int) -> None:
    flights, work = SingleFlight[str, int](), Work()
    tasks = await callers(flights, work)
    if ends:
        work.end.set()
    await flights.close(0.01)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert work.cancelled == cancelled
