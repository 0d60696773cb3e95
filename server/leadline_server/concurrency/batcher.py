"""Natural batching: items that are submitted while one flush runs share the next flush. There are no timers.

A flush that commits costs the same for few items and for many, so larger groups are better. While items keep coming, a
group stays open until the event loop has hardly any other work. Measured with 32 calls in flight: groups grew from 4 to
17 writes (docs/decisions/0019).

Example: call A is submitted and flushed alone. Calls B, C and D come while A is synced to disk; one flush takes them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


_QUIET_TURNS: Final = 20
"""A group is closed if no item came for so many turns of the event loop. An idle turn takes 1 or 2 us."""

_HOPEFUL_TURNS: Final = 400
"""After so many if it is smaller than the last one, and groups keep their size."""

_QUIET_SECONDS: Final = 0.002
"""Or if no item came for so many seconds: the loop may be busy with other work, such as sending to watchers."""

_MOST_SECONDS: Final = 0.01
"""And after so many seconds in any case."""


def _one(_: Any) -> int:
    return 1


class Batcher(Generic[In, Out]):
    """Collects items, and flushes them in groups, in the order in which they were submitted.

    `flush` gets a group and returns one result for each item, in the same order. An exception among the results is
    raised to the submitter of that item. An exception that `flush` raises is raised to all submitters of its group. An
    item that comes alone is flushed at once. Only after a group of several items, the next group waits for more.

    Args:
        flush: see above.
        max_batch: the largest group, in items or in what `size` returns for them. One item alone may be larger.
        at_once: how many groups may be in progress before new items wait.
        full_waits: whether a full group waits, too. If not it is flushed at once, however many are in progress, because
            waiting would not make it larger.
        size: returns how much of `max_batch` an item takes.
        keeps_size: whether a group that is smaller than the last one waits longer for more. Without that, 32 calls in
            flight fell apart into groups of 5 to 8, which stay apart, since the answers of a group cause the next one.
    """

    def __init__(
        self,
        flush: Callable[[list[In]], Awaitable[Sequence[Out | Exception]]],
        max_batch: int,
        *,
        at_once: int = 1,
        full_waits: bool = True,
        size: Callable[[In], int] = _one,
        keeps_size: bool = False,
    ) -> None:
        self._flush = flush
        self._max_batch = max_batch
        self._at_once = at_once
        self._full_waits = full_waits
        self._size = size
        self._keeps_size = keeps_size
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._waiting_size = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._last_size = 0
        self._is_collecting = False
        self._is_closed = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or is in progress."""
        return not self._waiting and not self._workers

    async def submit(self, item: In, *, within: float = 0.0) -> Out:
        """The result of `item`, once its group is flushed. Cancelling this does not withdraw the item.

        With `within`, the item starts no group of its own before so many seconds, but goes along with the next one.

        Raises RuntimeError after `close`.
        """
        if self._is_closed:
            raise RuntimeError("This batcher is closed.")
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._waiting_size += self._size(item)
        if within:
            asyncio.get_running_loop().call_later(within, self._start)
        else:
            self._start()
        return await future

    async def close(self) -> None:
        """Accept no more items, and return when all submitted items are flushed."""
        self._is_closed = True
        self._start()  # what waits to go along with others
        while self._workers:
            await asyncio.wait(self._workers)

    def _start(self) -> None:
        """Start a task that flushes the next group, if one more may be in progress.

        The task starts in the loop's next turn, so all items that this turn submits are one group.
        """
        if not self._is_collecting and self._may_flush(len(self._workers) + 1):
            self._is_collecting = True
            self._workers.add(asyncio.create_task(self._work()))

    def _may_flush(self, workers: int) -> bool:
        """Whether items wait that may be flushed while so many workers, including the one for them, are in progress."""
        if not self._waiting:
            return False
        return workers <= self._at_once or (not self._full_waits and self._waiting_size >= self._max_batch)

    async def _work(self) -> None:
        group: list[tuple[In, asyncio.Future[Out]]] = []
        try:
            while True:
                if self._last_size > 1:
                    await self._wait_for_more()
                group, self._is_collecting = self._take(), False
                self._start()  # items that did not fit may be flushed at the same time
                results = await self._results([item for item, _ in group])
                for (_, future), result in zip(group, results, strict=True):
                    _settle(future, result)
                if self._is_collecting or not self._may_flush(len(self._workers)):
                    break  # another worker flushes the waiting items
                self._is_collecting = True
        except asyncio.CancelledError:
            # The event loop is stopping: the submitters must not wait for ever.
            for _, future in (*group, *self._waiting):
                future.cancel()
            self._waiting, self._waiting_size, self._is_collecting = [], 0, False
            raise
        finally:
            self._workers = {worker for worker in self._workers if worker is not asyncio.current_task()}

    async def _wait_for_more(self) -> None:
        """Let the event loop run until no more items seem to come."""
        began = last = now = perf_counter()
        count, quiet = len(self._waiting), 0
        while self._waiting_size < self._max_batch and quiet < self._patience():
            if now - last > _QUIET_SECONDS or now - began > _MOST_SECONDS:
                return
            await asyncio.sleep(0)
            now, quiet = perf_counter(), quiet + 1
            if len(self._waiting) != count:
                count, quiet, last = len(self._waiting), 0, now

    def _patience(self) -> int:
        """After how many quiet turns of the event loop the group is closed."""
        is_small = self._keeps_size and len(self._waiting) < self._last_size
        return _HOPEFUL_TURNS if is_small else _QUIET_TURNS

    def _take(self) -> list[tuple[In, asyncio.Future[Out]]]:
        """The next group: as many items as fit, at least one."""
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
        except Exception as error:  # noqa: BLE001 - it is raised to the submitters
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
