"""Reads the audit trail of a ledger in PostgreSQL, also while servers use it: to export and to verify it."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, Final

from leadline_server.domain.audit_chain import Anchor, ChainedEntry
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.audit_snapshot import AuditSnapshot
from leadline_server.ledger.postgres.audit import ANCHORS, LIST
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.errors import storage_error
from leadline_server.storage.postgres.pooling import plain_connection

_PAGE: Final = 1000
_WHOLE_SECONDS: Final = 600.0
"""How long a question about the whole table may take."""

_HAS_TABLES: Final = "SELECT to_regclass('audit_chains') IS NOT NULL"
_STARTS: Final = "SELECT account_id, pruned_sequence, pruned_hash FROM audit_chains ORDER BY account_id"
_STRAY: Final = """
    SELECT DISTINCT account_id FROM audit WHERE hash IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM audit_chains WHERE audit_chains.account_id = audit.account_id)
"""


class _Trail:
    """A connection in a transaction that only reads, for a program without an event loop of its own."""

    def __init__(self, runner: asyncio.Runner, connection: Any) -> None:
        self._runner = runner
        self._connection = connection

    def fetch(self, query: str, *arguments: Any, seconds: float | None = None) -> Any:
        """The rows of a query. Raises LedgerUnavailable."""
        try:
            return self._runner.run(self._connection.fetch(query, *arguments, timeout=seconds))
        except Exception as error:
            raise storage_error(error) or error from error

    def entries(self, account_id: str) -> Iterator[ChainedEntry]:
        """The chained entries of an account, in order, a page at a time."""
        after = -1
        while rows := self.fetch(LIST, account_id, after, _PAGE):
            yield from (ChainedEntry(*row) for row in rows)
            after = rows[-1]["sequence"]

    def stray(self) -> list[str]:
        """The accounts that have entries in a chain that is not recorded."""
        return [account_id for (account_id,) in self.fetch(_STRAY, seconds=_WHOLE_SECONDS)]


@contextmanager
def postgres_audit_snapshot(address: PostgresAddress) -> Iterator[AuditSnapshot]:
    """One snapshot of the audit trail, which further writes do not change.

    Raises:
        LedgerUnavailable: the database cannot be read, or has no ledger.
    """
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        connection = runner.run(_opened(stack, address))
        trail = _Trail(runner, connection)
        try:
            if not trail.fetch(_HAS_TABLES)[0][0]:
                raise LedgerUnavailable("It has no ledger yet; a server of leadline creates it.")
            starts, anchors = ([Anchor(*row) for row in trail.fetch(query)] for query in (_STARTS, ANCHORS))
            yield AuditSnapshot(starts, anchors, trail.entries, trail.stray)
        finally:
            runner.run(stack.aclose())


async def _opened(stack: AsyncExitStack, address: PostgresAddress) -> Any:
    connection = await stack.enter_async_context(plain_connection(address, address.url))
    await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
    return connection
