"""Calls wait in turns between accounts, and no call waits while there is room."""

import asyncio
from collections.abc import Sequence
from time import perf_counter

import pytest
from leadline_server.transport.admission.fair_queue import HOLD_SECONDS, FairQueue, QueueFull


def taken(queue: FairQueue) -> tuple[int, float]:
    now = perf_counter()
    slot = queue.take(now)
    assert slot is not None
    return slot, now


async def order_of(queue: FairQueue, slot: tuple[int, float], calls: Sequence[tuple[str, float]]) -> list[str]:
    """The accounts in the order in which their calls begin, one at a time."""
    begun: list[str] = []

    async def one(account_id: str, cost: float) -> None:
        mine = await queue.wait(account_id, cost)
        begun.append(account_id)
        queue.leave(*mine)

    tasks = [asyncio.create_task(one(*call)) for call in calls]
    await asyncio.sleep(0)
    queue.leave(*slot)
    await asyncio.gather(*tasks)
    return begun


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call counts as waiting for a CRM, however slow the machine is."""
    monkeypatch.setattr("leadline_server.transport.admission.fair_queue.HOLD_SECONDS", 60.0)


async def test_a_free_slot_is_taken_without_waiting() -> None:
    queue = FairQueue(2, 10)
    assert [queue.take(perf_counter()) is not None for _ in range(3)] == [True, True, False]
    assert queue.waiting == 0


@pytest.mark.usefixtures("patient")
async def test_a_single_call_does_not_wait_for_the_many_of_another_account() -> None:
    queue = FairQueue(1, 1_000)
    begun = await order_of(queue, taken(queue), [("many", 1)] * 500 + [("few", 1)])
    assert begun.index("few") <= 8


@pytest.mark.usefixtures("patient")
async def test_accounts_share_by_cost_not_by_calls() -> None:
    queue = FairQueue(1, 1_000)
    begun = await order_of(queue, taken(queue), [("large", 8)] * 50 + [("small", 1)] * 400)
    first = begun[:90]
    assert 8 * first.count("large") == pytest.approx(first.count("small"), abs=17)


@pytest.mark.usefixtures("patient")
async def test_a_call_dearer_than_a_round_begins_too() -> None:
    queue = FairQueue(1, 10)
    assert await order_of(queue, taken(queue), [("large", 257), ("small", 1)]) == ["small", "large"]


@pytest.mark.parametrize("others", [0, 1])
async def test_a_call_that_is_cancelled_just_before_its_turn_takes_no_slot(others: int) -> None:
    queue = FairQueue(1, 10)
    slot = taken(queue)
    tasks = [asyncio.create_task(queue.wait("acme", 1)) for _ in range(1 + others)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    queue.leave(*slot)  # before the task of the call is told that it is cancelled
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert (queue.waiting, queue.has_room) == (0, not others)


async def test_more_calls_than_may_wait_are_refused() -> None:
    queue = FairQueue(1, 1)
    taken(queue)
    waiting = asyncio.create_task(queue.wait("acme", 1))
    await asyncio.sleep(0)
    with pytest.raises(QueueFull):
        await queue.wait("acme", 1)
    other = asyncio.create_task(queue.wait("globex", 1))
    await asyncio.sleep(0)
    assert queue.waiting == 2
    waiting.cancel()
    other.cancel()


async def test_a_cancelled_call_leaves_no_trace() -> None:
    queue = FairQueue(1, 10)
    slot = taken(queue)
    waiting = asyncio.create_task(queue.wait("acme", 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    queue.leave(*slot)
    assert queue.waiting == 0
    assert queue.take(perf_counter()) is not None


async def test_a_call_cancelled_just_as_its_turn_comes_gives_the_slot_back() -> None:
    queue = FairQueue(1, 10)
    slot = taken(queue)
    waiting = asyncio.create_task(queue.wait("acme", 1))
    await asyncio.sleep(0)
    queue.leave(*slot)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert queue.take(perf_counter()) is not None


async def test_calls_that_wait_for_a_crm_do_not_hold_the_slots_for_ever() -> None:
    queue = FairQueue(1, 10)
    slot = taken(queue)
    began = perf_counter()
    await asyncio.wait_for(queue.wait("acme", 1), 5)
    assert perf_counter() - began >= HOLD_SECONDS * 0.9
    queue.leave(*slot)  # it was taken away: nothing happens
    assert queue.take(perf_counter()) is None
