"""Single flight: tasks that want the same result at the same time share one piece of work."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Hashable, Iterable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flight(Generic[V]):
    """One piece of work, and how many tasks wait for its result in `results`.

    The work runs in a task of its own, because the task that started it may be cancelled while others wait.
    """

    __slots__ = ("task", "waiting")

    def __init__(self, work: Coroutine[Any, Any, V]) -> None:
        self.waiting = 0
        self.task = asyncio.create_task(work)
        self.task.add_done_callback(_retrieve)

    @property
    def may_be_joined(self) -> bool:
        """Whether a task that comes now may use the result."""
        return not self.task.done()


class SingleFlight(Generic[K, V]):
    """The work in progress, by key.

    Example: ten requests need a new OAuth token at once. The first calls `run("", refresh)`, which starts the refresh.
    The other nine calls of `run` wait for the same refresh.
    """

    def __init__(self) -> None:
        self._flights: dict[K, Flight[V]] = {}

    def joinable(self, key: K) -> Flight[V] | None:
        """The work in progress for a key; None if there is none that may be joined."""
        flight = self._flights.get(key)
        return flight if flight is not None and flight.may_be_joined else None

    def add(self, keys: Iterable[K], flight: Flight[V]) -> Flight[V]:
        """Let others join a flight for each of `keys`, until it ends or another flight is added for the key."""
        covered = tuple(keys)
        self._flights.update(dict.fromkeys(covered, flight))

        def remove(_: asyncio.Task[V]) -> None:
            for key in covered:
                if self._flights.get(key) is flight:
                    del self._flights[key]

        flight.task.add_done_callback(remove)
        return flight

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of the work in progress for `key`, or of new work. It goes on if all callers are cancelled."""
        flight = self.joinable(key) or self.add([key], Flight(work()))
        return await asyncio.shield(flight.task)

    async def close(self, seconds: float) -> None:
        """Wait for the work in progress. Cancel what takes longer than `seconds`, and wait for its end."""
        if tasks := {flight.task for flight in self._flights.values()}:
            _, unfinished = await asyncio.wait(tasks, timeout=seconds)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)


async def results(flights: Collection[Flight[V]]) -> list[V]:
    """The results of several flights. A flight is cancelled when no task waits for it any more."""
    for flight in flights:
        flight.waiting += 1
    try:
        return [await asyncio.shield(flight.task) for flight in flights]
    finally:
        for flight in flights:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Retrieve the exception, so that asyncio does not log it if no task waits any more."""
    if not task.cancelled():
        task.exception()
