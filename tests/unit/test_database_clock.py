"""The database's clock, as a process knows it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from leadline_server.storage.postgres.clock import DatabaseClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Machine:
    """Counts seconds, and asks a database whose answers take time."""

    def __init__(self) -> None:
        self.elapsed = 1000.0
        self.takes = 0.0

    def count(self) -> float:
        return self.elapsed

    async def fetch(self, _: str) -> Sequence[tuple[float]]:
        """The database's clock shows noon at 1000 seconds, and is asked in the middle of the time it takes."""
        at = self.elapsed + self.takes / 2
        self.elapsed += self.takes
        return [(NOON.timestamp() + at - 1000,)]


@pytest.mark.parametrize("takes", [0.0, 0.4])
async def test_it_goes_on_from_the_last_answer(takes: float) -> None:
    machine = Machine()
    machine.takes = takes
    clock = DatabaseClock(machine.count)
    await clock.measure(machine.fetch)
    machine.elapsed += 5
    assert abs(clock.now() - NOON - timedelta(seconds=5 + takes)) < timedelta(milliseconds=1)


async def test_an_answer_that_took_long_is_ignored_unless_it_is_the_first() -> None:
    machine = Machine()
    clock = DatabaseClock(machine.count)
    await clock.measure(machine.fetch, at_any_cost=True)

    async def late(query: str) -> Sequence[tuple[float]]:
        [(seconds,)] = await machine.fetch(query)
        machine.elapsed += 20
        return [(seconds,)]

    await clock.measure(late)
    assert abs(clock.now() - NOON - timedelta(seconds=20)) < timedelta(milliseconds=1)
