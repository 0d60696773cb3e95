"""How long work takes, beside other work of its kind."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final

Work = Callable[[], Awaitable[object]]

ROUNDS: Final = 15
EACH: Final = 40


async def compared(one: Work, other: Work) -> float:
    """How many times as long the other takes: the median of rounds, by turns."""
    ratios = [await seconds(other) / await seconds(one) for _ in range(ROUNDS)]
    return statistics.median(ratios[2:])  # the first ones fill caches


async def seconds(work: Work) -> float:
    """Seconds that the work takes, many times in a row."""
    began = perf_counter()
    for _ in range(EACH):
        await work()
    return perf_counter() - began


async def held_up(writer: Work, beside: Callable[[], Awaitable[object]]) -> float:
    """How much longer than in a quiet time the writer waits once while the other work is done, in seconds."""
    quiet = await longest_wait(writer, None)
    other = asyncio.ensure_future(beside())
    longest = await longest_wait(writer, other)
    await other
    return longest - quiet


async def longest_wait(writer: Work, until: "asyncio.Future[object] | None") -> float:
    """The longest of the writer's waits, until the other work is done."""
    waits: list[float] = []
    while len(waits) < EACH or not (until is None or until.done()):
        began = perf_counter()
        await writer()
        waits.append(perf_counter() - began)
    return max(waits)
