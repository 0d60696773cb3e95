"""A database whose reads and writes have spans in traced calls."""

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

from leadline_server.storage.sqlite import SqliteDatabase
from leadline_server.storage.transactions import BatchWork, Work
from leadline_server.tracing.spans import Tracing

T = TypeVar("T")
Item = TypeVar("Item")
P = ParamSpec("P")


class TracedDatabase(SqliteDatabase):
    """A write's span ends when the change is on disk. Writes that share a commit have spans that overlap."""

    def __init__(self, tracing: Tracing, *parts: Any) -> None:
        super().__init__(*parts)
        self._tracing = tracing

    async def write(self, work: Work[T]) -> T:
        """As SqliteDatabase has it, also the methods below."""
        with self._tracing.span("ledger write"):
            return await super().write(work)

    async def write_batched(self, batch_work: BatchWork[Item, T], item: Item, *, within: float = 0.0) -> T:
        """A write that others join."""
        with self._tracing.span("ledger write"):
            return await super().write_batched(batch_work, item, within=within)

    def for_call(self, work: Callable[P, T]) -> Callable[P, T]:
        """Spans of `work` belong to the call, whichever task and thread it runs on."""
        return partial(copy_context().run, work)

    async def read(self, work: Work[T]) -> T:
        """A read on the reader's thread."""
        with self._tracing.span("ledger read"):
            return await super().read(work)
