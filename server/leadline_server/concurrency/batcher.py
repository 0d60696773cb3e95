"""Natural batching: what is asked while one flush runs goes into the next one. No timers.

A flush that costs a commit is worth a group that is as large as it can be without anybody waiting for nothing. So where
items come together, a group is not closed before the event loop has hardly anything left that might add to it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


_QUIET_TURNS: Final = 20
"""A group is closed when nothing came for so many turns of the event loop. Idle ones take 1 or 2 us each."""

_QUIET_SECONDS: Final = 0.002
"""Or for so many seconds: the loop may be busy with what adds nothing, as sending to watchers."""

_MOST_SECONDS: Final = 0.01
"""And after so many in any case."""


def _one(_: Any) -> int:
    return 1


class Batcher(Generic[In, Out]):
    """Collects items and hands them over in groups, in the order they came.

    `flush` gets a group and returns one result for each item, in the same order. An Exception among the results is
    raised to that item's submitter alone; an exception that `flush` raises goes to all of its group and to nobody else.
    An item costs a future and a list entry; a group at rest costs one task. Who comes alone is flushed at once; only
    after a group of several does the next one wait for others that are on their way.

    Args:
        flush: see above.
        max_batch: the most that one flush gets: items, or what `size` makes of them. An item alone may be larger.
        at_once: how many groups are under way before what is submitted waits, and gathers.
        full_waits: whether a group that has no room for more waits too. One that does not leaves at once, however many
            are under way: nothing would be gained.
        size: what an item takes of `max_batch`.
    """

    def __init__(
        self,
        flush: Callable[[list[In]], Awaitable[Sequence[Out | Exception]]],
        max_batch: int,
        *,
        at_once: int = 1,
        full_waits: bool = True,
        size: Callable[[In], int] = _one,
    ) -> None:
        self._flush = flush
        self._max_batch = max_batch
        self._at_once = at_once
        self._full_waits = full_waits
        self._size = size
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._waiting_size = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._last_size = 0
        self._is_gathering = False
        self._is_closed = False

    async def submit(self, item: In) -> Out:
        """The result of `item`, once its group was flushed. Cancelling this does not take the item back.

        Raises RuntimeError after `close`.
        """
        if self._is_closed:
            raise RuntimeError("This batcher is closed.")
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._waiting_size += self._size(item)
        self._start()
        return await future

    async def close(self) -> None:
        """Take no more items, and return when all that were submitted are flushed."""
        self._is_closed = True
        while self._workers:
            await asyncio.wait(self._workers)

    def _start(self) -> None:
        """Have another group gathered, if it may go then.

        The task starts with the loop's next turn, so all that this turn submits makes one group.
        """
        if not self._is_gathering and self._may_go(len(self._workers) + 1):
            self._is_gathering = True
            self._workers.add(asyncio.create_task(self._work()))

    def _may_go(self, workers: int) -> bool:
        """Whether something waits that so many workers, with the one that would take it, need not leave waiting."""
        if not self._waiting:
            return False
        return workers <= self._at_once or (not self._full_waits and self._waiting_size >= self._max_batch)

    async def _work(self) -> None:
        group: list[tuple[In, asyncio.Future[Out]]] = []
        try:
            while True:
                if self._last_size > 1:
                    await self._others()
                group, self._is_gathering = self._take(), False
                self._start()  # what did not fit in may go as well
                results = await self._results([item for item, _ in group])
                for (_, future), result in zip(group, results, strict=True):
                    _settle(future, result)
                if self._is_gathering or not self._may_go(len(self._workers)):
                    break  # another one sees to what waits, or those that are under way do
                self._is_gathering = True
        except asyncio.CancelledError:
            # The event loop is going down: whoever still waits must not wait for ever.
            for _, future in (*group, *self._waiting):
                future.cancel()
            self._waiting, self._waiting_size, self._is_gathering = [], 0, False
            raise
        finally:
            self._workers = {worker for worker in self._workers if worker is not asyncio.current_task()}

    async def _others(self) -> None:
        """Let the loop go on until nothing more seems to come."""
        began = last = now = perf_counter()
        count, quiet = len(self._waiting), 0
        while self._waiting_size < self._max_batch and quiet < _QUIET_TURNS:
            if now - last > _QUIET_SECONDS or now - began > _MOST_SECONDS:
                return
            await asyncio.sleep(0)
            now, quiet = perf_counter(), quiet + 1
            if len(self._waiting) != count:
                count, quiet, last = len(self._waiting), 0, now

    def _take(self) -> list[tuple[In, asyncio.Future[Out]]]:
        """The next group: as many as fit in, one at least."""
        count = size = 0
        for item, _ in self._waiting:
            if count and size + self._size(item) > self._max_batch:
                break
            count += 1
            size += self._size(item)
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_size -= size
        self._last_size = count
        return group

    async def _results(self, items: list[In]) -> Sequence[Out | Exception]:
        try:
            results = await self._flush(items)
        except Exception as error:  # noqa: BLE001 - it belongs to the submitters, who are told
            return [error] * len(items)
        if len(results) != len(items):
            return [RuntimeError(f"A flush of {len(items)} items gave {len(results)} results.")] * len(items)
        return results


def _settle(future: "asyncio.Future[Out]", result: Out | Exception) -> None:
    if future.done():  # its submitter was cancelled
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
