"""Items that come while one flush runs share the next, and a failed item does not affect the others."""

import asyncio
from collections.abc import Sequence

import pytest
from leadline_server.concurrency import batcher as batcher_module
from leadline_server.concurrency.batcher import Batcher


class Doubler:
    """A flush that waits for `may_run` and records its groups; `at_once` of them may run. Items below zero fail."""

    def __init__(self, at_once: int = 1) -> None:
        self.at_once = at_once
        self.groups: list[list[int]] = []
        self.running = 0
        self.started = asyncio.Event()
        self.may_run = asyncio.Event()
        self.may_run.set()

    async def __call__(self, items: list[int]) -> Sequence[int | Exception]:
        self.groups.append(items)
        self.running += 1
        assert self.running <= self.at_once
        self.started.set()
        await self.may_run.wait()
        self.running -= 1
        if 13 in items:
            raise LookupError("13")
        return [ValueError(str(item)) if item < 0 else item * 2 for item in items]


async def turns() -> None:
    """Let all tasks run as far as they can."""
    for _ in range(1_000):
        await asyncio.sleep(0)


@pytest.fixture
def doubler() -> Doubler:
    return Doubler()


@pytest.fixture
def batcher(doubler: Doubler) -> Batcher[int, int]:
    return Batcher(doubler, max_batch=4)


async def test_an_item_gets_its_own_result(batcher: Batcher[int, int]) -> None:
    assert await asyncio.gather(*map(batcher.submit, [3, 1, 2])) == [6, 2, 4]


async def test_what_one_turn_of_the_loop_submits_is_one_group(batcher: Batcher[int, int], doubler: Doubler) -> None:
    await asyncio.gather(*map(batcher.submit, [3, 1, 2]))
    assert doubler.groups == [[3, 1, 2]]


async def test_items_that_come_while_a_flush_runs_share_the_next_group(
    batcher: Batcher[int, int], doubler: Doubler
) -> None:
    doubler.may_run.clear()
    first = asyncio.create_task(batcher.submit(1))
    await doubler.started.wait()
    others = [asyncio.create_task(batcher.submit(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    doubler.may_run.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert doubler.groups == [[1], [2, 3]]


async def some_turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def late(batcher: Batcher[int, int], item: int, turns: int) -> int:
    """Submit an item some turns of the loop later."""
    await some_turns(turns)
    return await batcher.submit(item)


async def test_after_a_group_of_several_items_the_next_group_waits_for_more(
    batcher: Batcher[int, int], doubler: Doubler
) -> None:
    await asyncio.gather(*map(batcher.submit, [1, 2]))
    await asyncio.gather(*(late(batcher, item, turns) for item, turns in ((3, 0), (4, 2), (5, 4))))
    assert doubler.groups == [[1, 2], [3, 4, 5]]


@pytest.mark.parametrize(("keeps_size", "groups"), [(True, [[1, 2, 3], [4, 5, 6]]), (False, [[1, 2, 3], [4], [5, 6]])])
async def test_a_group_that_is_smaller_than_the_last_one_waits_longer_if_groups_keep_their_size(
    doubler: Doubler, monkeypatch: pytest.MonkeyPatch, *, keeps_size: bool, groups: list[list[int]]
) -> None:
    monkeypatch.setattr(batcher_module, "_QUIET_SECONDS", 10.0)  # turns alone count, also on a busy machine
    monkeypatch.setattr(batcher_module, "_MOST_SECONDS", 10.0)
    batcher: Batcher[int, int] = Batcher(doubler, max_batch=10, keeps_size=keeps_size)
    await asyncio.gather(*map(batcher.submit, [1, 2, 3]))
    await asyncio.gather(*(late(batcher, item, turns) for item, turns in ((4, 0), (5, 100), (6, 100))))
    assert doubler.groups == groups


async def test_an_item_that_comes_alone_does_not_wait(batcher: Batcher[int, int], doubler: Doubler) -> None:
    await batcher.submit(1)
    await asyncio.gather(late(batcher, 2, 0), late(batcher, 3, 3))
    assert doubler.groups == [[1], [2], [3]]


async def test_a_group_is_closed_although_more_items_keep_coming(doubler: Doubler) -> None:
    batcher = Batcher(doubler, max_batch=1_000)
    await asyncio.gather(*map(batcher.submit, [1, 2]))
    await asyncio.gather(*(late(batcher, 100 + turn, turn) for turn in range(1_000)))
    assert len(doubler.groups) > 4


async def test_a_full_group_does_not_wait(batcher: Batcher[int, int], doubler: Doubler) -> None:
    await asyncio.gather(*map(batcher.submit, [1, 2]))
    full = [asyncio.create_task(batcher.submit(item)) for item in range(4)]
    await some_turns(3)
    assert doubler.groups[1:] == [[0, 1, 2, 3]]
    await asyncio.gather(*full)


async def test_a_group_is_no_larger_than_allowed_and_the_order_is_kept(
    batcher: Batcher[int, int], doubler: Doubler
) -> None:
    await asyncio.gather(*map(batcher.submit, range(10)))
    assert doubler.groups == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_several_groups_may_be_in_progress_before_new_items_wait() -> None:
    doubler = Doubler(at_once=2)
    batcher = Batcher[int, int](doubler, max_batch=4, at_once=2)
    doubler.may_run.clear()
    tasks = []
    for item in range(6):
        tasks.append(asyncio.create_task(batcher.submit(item)))
        await turns()
    assert doubler.groups == [[0], [1]]
    doubler.may_run.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8, 10]
    assert doubler.groups == [[0], [1], [2, 3, 4, 5]]


async def test_a_full_group_that_need_not_wait_is_flushed_beside_the_others_and_is_not_followed_by_more() -> None:
    doubler = Doubler(at_once=3)
    batcher = Batcher[int, int](doubler, max_batch=4, full_waits=False)
    doubler.may_run.clear()
    tasks = [asyncio.create_task(batcher.submit(item)) for item in range(13)]
    await turns()
    assert doubler.groups == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    doubler.may_run.set()
    assert await asyncio.gather(*tasks) == [2 * item for item in range(13)]
    assert doubler.groups[3:] == [[12]]
    doubler.may_run.clear()
    late = []
    for item in (13, 14, 15):
        late.append(asyncio.create_task(batcher.submit(item + 1)))
        await turns()
    assert doubler.groups[4:] == [[14]]
    doubler.may_run.set()
    assert await asyncio.gather(*late) == [28, 30, 32]


async def test_waiting_items_are_flushed_only_when_fewer_groups_are_in_progress_than_allowed() -> None:
    gates: list[asyncio.Event] = []

    async def gated(items: list[int]) -> list[int]:
        gates.append(asyncio.Event())
        await gates[-1].wait()
        return items

    batcher = Batcher[int, int](gated, max_batch=4, full_waits=False)
    tasks = [asyncio.create_task(batcher.submit(item)) for item in range(9)]
    await turns()
    assert len(gates) == 2
    gates[0].set()
    await turns()
    assert len(gates) == 2
    gates[1].set()
    await turns()
    assert len(gates) == 3
    gates[2].set()
    assert await asyncio.gather(*tasks) == list(range(9))


async def test_a_group_that_one_worker_collects_is_not_taken_by_another() -> None:
    doubler = Doubler(at_once=2)
    batcher = Batcher[int, int](doubler, max_batch=4, at_once=2)
    doubler.may_run.clear()
    together = [asyncio.create_task(batcher.submit(item)) for item in (1, 2)]
    await doubler.started.wait()
    late = asyncio.create_task(batcher.submit(3))
    await asyncio.sleep(0)
    doubler.may_run.set()  # who flushed the first is free while the second is kept open for others
    assert await asyncio.gather(*together, late) == [2, 4, 6]
    await turns()
    assert doubler.groups == [[1, 2], [3]]


async def test_the_size_of_items_limits_a_group_and_a_larger_item_is_flushed_alone() -> None:
    doubler = Doubler()
    batcher = Batcher[int, int](doubler, max_batch=4, size=abs)
    await asyncio.gather(*map(batcher.submit, [1, 2, 2, 9, 3, 1]))
    assert doubler.groups == [[1, 2], [2], [9], [3, 1]]


async def test_an_exception_as_a_result_is_raised_only_to_its_submitter(batcher: Batcher[int, int]) -> None:
    good, bad, late = await asyncio.gather(*map(batcher.submit, [1, -2, 3]), return_exceptions=True)
    assert (good, late) == (2, 6)
    assert isinstance(bad, ValueError)


async def test_a_failed_flush_fails_its_group_but_no_later_one(batcher: Batcher[int, int]) -> None:
    results = await asyncio.gather(*map(batcher.submit, [1, 2, 3, 13, 5]), return_exceptions=True)
    assert [type(result) for result in results] == [LookupError] * 4 + [int]


async def test_cancelling_a_submitter_does_not_withdraw_its_item(batcher: Batcher[int, int], doubler: Doubler) -> None:
    doubler.may_run.clear()
    cancelled, other = (asyncio.create_task(batcher.submit(item)) for item in (1, 2))
    await doubler.started.wait()
    cancelled.cancel()
    doubler.may_run.set()
    assert await other == 4
    assert cancelled.cancelled()
    assert doubler.groups == [[1, 2]]


async def test_too_few_results_are_an_error_for_every_submitter() -> None:
    async def forgetful(_: list[int]) -> list[int]:
        return []

    with pytest.raises(RuntimeError, match="1 items gave 0 results"):
        await Batcher[int, int](forgetful, max_batch=4).submit(1)


async def test_closing_waits_for_all_submitted_items(batcher: Batcher[int, int], doubler: Doubler) -> None:
    tasks = [asyncio.create_task(batcher.submit(item)) for item in range(6)]
    await asyncio.sleep(0)
    await batcher.close()
    assert [await task for task in tasks] == [0, 2, 4, 6, 8, 10]


async def test_a_closed_batcher_accepts_no_items(batcher: Batcher[int, int]) -> None:
    await batcher.close()
    with pytest.raises(RuntimeError, match="closed"):
        await batcher.submit(1)


async def test_when_the_event_loop_stops_no_submitter_waits_for_ever(
    batcher: Batcher[int, int], doubler: Doubler
) -> None:
    doubler.may_run.clear()
    submitted = [asyncio.create_task(batcher.submit(item)) for item in range(6)]
    await doubler.started.wait()
    for task in asyncio.all_tasks() - {asyncio.current_task(), *submitted}:
        task.cancel()
    await asyncio.wait(submitted)
    assert all(task.cancelled() for task in submitted)


async def test_items_after_a_cancelled_group_are_flushed(batcher: Batcher[int, int], doubler: Doubler) -> None:
    await asyncio.gather(*map(batcher.submit, [1, 2]))
    late = asyncio.create_task(batcher.submit(3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task(), late}:
        task.cancel()
    await asyncio.wait([late])
    assert late.cancelled()
    async with asyncio.timeout(5):
        assert await batcher.submit(4) == 8
    assert doubler.groups == [[1, 2], [4]]
