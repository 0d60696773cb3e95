"""Natural batching: what is asked while one flush runs goes into the next one. No timers.

A flush that costs a commit is worth a group that is as large as it can be without anybody waiting for nothing. So where
items come together, a group is not closed before the event loop has hardly anything left that might add to it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

_QUIET_TURNS: Final = 5
"""A group is closed when nothing came for so many turns of the event loop. Idle ones take some 10 us each."""

_MOST_TURNS: Final = 32
"""And after so many turns in any case."""


class Batcher(Generic[In, Out]):
    """Collects items and hands them over in groups, in the order they came, one group at a time.

    `flush` gets a group and returns one result for each item, in the same order. An Exception among the results is
    raised to that item's submitter alone; an exception that `flush` raises goes to all of its group and to nobody else.
    An item costs a future and a list entry; a group at rest costs one task. Who comes alone is flushed at once; only
    after a group of several does the next one wait for others that are on their way.

    `max_batch` is the most items that one flush gets.
    """

    def __init__(self, flush: Callable[[list[In]], Awaitable[Sequence[Out | Exception]]], max_batch: int) -> None:
        self._flush = flush
        self._max_batch = max_batch
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._last_size = 0
        self._is_closed = False

    async def submit(self, item: In) -> Out:
        """The result of `item`, once its group was flushed. Cancelling this does not take the item back.

        Raises RuntimeError after `close`.
        """
        if self._is_closed:
            raise RuntimeError("This batcher is closed.")
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            # The task starts with the loop's next turn, so all that this turn submits makes one group.
            self._worker = asyncio.create_task(self._work())
        return await future

    async def close(self) -> None:
        """Take no more items, and return when all that were submitted are flushed."""
        self._is_closed = True
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        group: list[tuple[In, asyncio.Future[Out]]] = []
        try:
            while self._waiting:
                if self._last_size > 1:
                    await self._others()
                group, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
                self._last_size = len(group)
                results = await self._results([item for item, _ in group])
                for (_, future), result in zip(group, results, strict=True):
                    _settle(future, result)
        except asyncio.CancelledError:
            # The event loop is going down: whoever still waits must not wait for ever.
            for _, future in (*group, *self._waiting):
                future.cancel()
            self._waiting = []
            raise
        finally:
            self._worker = None

    async def _others(self) -> None:
        """Let the loop go on until nothing more seems to come."""
        count, quiet = len(self._waiting), 0
        for _ in range(_MOST_TURNS):
            if count >= self._max_batch or quiet == _QUIET_TURNS:
                return
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == count else 0
            count = len(self._waiting)

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
