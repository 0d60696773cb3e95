"""A PostgreSQL database whose reads and writes have spans in traced calls."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from leadline_server.storage.postgres.database import PostgresDatabase, Work
from leadline_server.tracing.spans import Tracing

T = TypeVar("T")


class TracedPostgresDatabase(PostgresDatabase):
    """A write's span ends when the change is durable. Writes that share a statement have spans that overlap."""

    def __init__(self, tracing: Tracing, *parts: Any) -> None:
        super().__init__(*parts)
        self._tracing = tracing

    async def read(self, work: Work[T]) -> T:
        """As PostgresDatabase has it, also the methods below."""
        with self._tracing.span("ledger read"):
            return await super().read(work)

    async def write(self, work: Work[T], *, is_news: bool = True) -> T:
        """A transaction."""
        with self._tracing.span("ledger write"):
            return await super().write(work, is_news=is_news)

    async def shared(self, write: Awaitable[T]) -> T:
        """A write that others join."""
        with self._tracing.span("ledger write"):
            return await super().shared(write)
