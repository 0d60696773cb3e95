"""Calls that arrive together begin together; a lone call never waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from time import perf_counter

import pytest
from leadline_server.transport.admission import call_groups
from leadline_server.transport.admission.call_groups import (
    EXPLORE,
    HOLD_SECONDS,
    MOST_CALLS,
    MOST_WORK_SECONDS,
    GroupedQueue,
)

_NAME: ContextVar[str] = ContextVar("name")


@asynccontextmanager
async def turn_of(queue: GroupedQueue, account_id: str = "acme") -> AsyncIterator[bool]:
    """A call's turn, and whether it began at once."""
    since = perf_counter()
    slot = queue.take(since)
    at_once = slot is not None
    if slot is None:
        slot, since = await queue.wait(account_id, 1)
    try:
        yield at_once
    finally:
        queue.leave(slot, since)


class Log:
    """Calls that note when they work and when their answers are sent."""

    def __init__(self, queue: GroupedQueue, seconds: float = 0.0) -> None:
        self.queue = queue
        self.seconds = seconds
        self.events: list[str] = []
        self.at_once: list[bool] = []

    async def call(self, account_id: str = "acme") -> None:
        async with turn_of(self.queue, account_id) as at_once:
            self.at_once.append(at_once)
            self.events.append(f"work {account_id}")
            ends = perf_counter() + self.seconds
            while perf_counter() < ends:
                pass
            if not at_once:
                await asyncio.sleep(0)
            self.events.append("send")

    async def calls(self, count: int) -> None:
        await asyncio.gather(*(self.call() for _ in range(count)))

    def groups(self) -> list[int]:
        """The sizes of the groups: how many calls worked before the next answer was sent."""
        text = "".join("w" if event.startswith("work") else " " for event in self.events)
        return [len(group) for group in text.split()]


async def grouping(count: int = 4, slots: int = 32) -> Log:
    """A queue after calls that came together, `count` at a time, often enough for it to expect so many."""
    log = Log(GroupedQueue(slots, 500))
    for _ in range(EXPLORE + 2):
        await log.calls(count)
    log.events.clear()
    log.at_once.clear()
    return log


async def test_lone_calls_begin_at_once() -> None:
    log = Log(GroupedQueue(32, 500))
    for _ in range(100):
        await log.call()
        await asyncio.sleep(0)
    assert all(log.at_once)


async def test_calls_that_come_together_work_together_and_are_answered_afterwards() -> None:
    log = await grouping(4)
    await log.calls(4)
    assert log.events == ["work acme"] * 4 + ["send"] * 4


async def test_a_group_begins_when_as_many_calls_have_come_as_last_time() -> None:
    log = await grouping(4)
    shortest = HOLD_SECONDS
    for _ in range(3):  # at most one of them is held for the whole time
        began = perf_counter()
        await log.calls(4)
        shortest = min(shortest, perf_counter() - began)
    assert shortest < HOLD_SECONDS / 2


async def test_a_group_grows_when_more_calls_come() -> None:
    log = await grouping(2)
    for _ in range(EXPLORE):
        await log.calls(8)
    log.events.clear()
    await log.calls(8)
    assert log.groups() == [8]


async def test_calls_that_are_alone_again_soon_begin_at_once() -> None:
    log = await grouping(16)
    for _ in range(10):
        await log.call()
        await asyncio.sleep(0)
    assert log.at_once.index(True) <= 5
    assert all(log.at_once[log.at_once.index(True) :])


async def test_a_group_waits_no_longer_than_its_time() -> None:
    log = await grouping(16)
    began = perf_counter()
    await log.calls(2)
    assert perf_counter() - began < 1
    assert log.groups() == [2]


async def test_a_group_has_a_bounded_number_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    log = await grouping(16, slots=64)
    monkeypatch.setattr(call_groups, "perf_counter", lambda: 0.0)  # a group that is late goes with the next one
    await log.calls(40)
    assert sum(log.groups()) == 40
    assert max(log.groups()) == MOST_CALLS


async def test_answers_that_are_ready_are_sent_when_a_group_works_for_long() -> None:
    log = await grouping(6)
    log.seconds = MOST_WORK_SECONDS * 0.6
    await log.calls(6)
    assert max(log.groups()) <= 2
    assert sum(log.groups()) == 6


async def test_accounts_take_turns_in_groups_too() -> None:
    log = await grouping(16)
    many = [asyncio.create_task(log.call("many")) for _ in range(100)]
    await asyncio.gather(*many, log.call("few"))
    work = [event for event in log.events if event.startswith("work")]
    assert work.index("work few") <= MOST_CALLS


async def test_each_call_has_its_own_context() -> None:
    log, names = await grouping(4), []

    async def named(name: str) -> None:
        _NAME.set(name)
        await log.call()
        names.append((name, _NAME.get()))

    await asyncio.gather(*(named(f"call {index}") for index in range(4)))
    assert names == [(f"call {index}", f"call {index}") for index in range(4)]


async def test_a_cancelled_call_is_not_worked_on_and_holds_no_slot() -> None:
    log = await grouping(4, slots=4)
    tasks = [asyncio.create_task(log.call(f"account {index}")) for index in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [event for event in log.events if event != "send"] == ["work account 0", "work account 2"]
    assert log.queue.waiting == 0
    await log.calls(8)  # all slots are there
    assert sum(log.groups()) == 10


async def test_a_call_cancelled_while_it_waits_for_answers_to_be_sent_gives_its_slot_back() -> None:
    log = await grouping(3, slots=3)
    log.seconds = MOST_WORK_SECONDS * 1.5
    tasks = [asyncio.create_task(log.call()) for _ in range(3)]
    while not log.events:
        await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [event for event in log.events if event != "send"] == ["work acme"] * 2
    log.seconds = 0
    await log.calls(3)
    assert log.queue.waiting == 0


async def test_calls_that_find_no_slot_begin_when_one_is_given_back() -> None:
    log = await grouping(2, slots=2)
    released = asyncio.Event()

    async def slow() -> None:
        async with turn_of(log.queue):
            await released.wait()

    slow_calls = [asyncio.create_task(slow()) for _ in range(2)]
    await asyncio.sleep(HOLD_SECONDS * 3)
    waiting = asyncio.create_task(log.calls(3))
    await asyncio.sleep(HOLD_SECONDS * 3)
    assert log.queue.waiting == 3
    released.set()
    await asyncio.wait_for(asyncio.gather(waiting, *slow_calls), 5)


async def test_calls_that_wait_for_a_crm_do_not_hold_the_slots_for_ever() -> None:
    log = await grouping(2, slots=2)
    forever = asyncio.Event()

    async def stuck() -> None:
        async with turn_of(log.queue):
            await forever.wait()

    tasks = [asyncio.create_task(stuck()) for _ in range(2)]
    await asyncio.sleep(HOLD_SECONDS * 3)
    await asyncio.wait_for(log.calls(3), 5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
