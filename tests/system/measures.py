"""How long work takes, beside other work of its kind."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Final

Work = Callable[[], Awaitable[object]]

ROUNDS: Final = 15
EACH: Final = 40


@dataclass(frozen=True)
class Comparison:
    """The seconds of two pieces of work, and how many times as long the second takes. All are medians."""

    one: float
    other: float
    ratio: float

    def __str__(self) -> str:
        return f"{self.one * 1e3:.2f} and {self.other * 1e3:.2f} ms ({self.ratio:.2f})"


async def compared(one: Work, other: Work) -> Comparison:
    """Compare two works by rounds of both, by turns."""
    rounds = [(await seconds(one), await seconds(other)) for _ in range(ROUNDS)][2:]  # the first ones fill caches
    ones, others = zip(*rounds, strict=True)
    ratio = statistics.median(second / first for first, second in rounds)
    return Comparison(statistics.median(ones) / EACH, statistics.median(others) / EACH, ratio)


async def seconds(work: Work) -> float:
    """Seconds that the work takes, many times in a row."""
    began = perf_counter()
    for _ in range(EACH):
        await work()
    return perf_counter() - began


async def held_up(writer: Work, beside: Callable[[], Awaitable[object]]) -> float:
    """How much longer the writer waits at most while the other work is done, in seconds.

    The longest of its waits is compared with the longest of as many in a quiet time.
    """
    other = asyncio.ensure_future(beside())
    waits = [await _wait(writer) for _ in range(EACH)]
    while not other.done():
        waits.append(await _wait(writer))
    await other
    quiet = [await _wait(writer) for _ in waits]
    return max(waits) - max(quiet)


async def _wait(work: Work) -> float:
    began = perf_counter()
    await work()
    return perf_counter() - began
