"""Several requests at once: all results in order, or one error."""

import asyncio

import pytest
from leadline_server.concurrency.fan_out import together
from leadline_server.domain.crm_errors import CrmUnavailable


async def later(turns: int, answer: int) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return answer


async def test_results_come_in_the_order_of_the_requests() -> None:
    assert await together(later(turns, turns) for turns in (3, 1, 2)) == [3, 1, 2]
    assert await together([]) == []


async def test_one_failure_is_raised_and_the_other_requests_are_cancelled() -> None:
    given_up = asyncio.Event()

    async def hang() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.set()
            raise
        return 0

    async def fail() -> int:
        await asyncio.sleep(0)
        raise CrmUnavailable("Down.")

    with pytest.raises(CrmUnavailable):
        await together([hang(), fail()])
    await asyncio.wait_for(given_up.wait(), 5)
