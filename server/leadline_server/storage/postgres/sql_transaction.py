"""A transaction of a PostgreSQL ledger, for code of another layer: a CRM whose tables are in the same database."""

from collections.abc import Sequence
from typing import Protocol

from leadline_server.storage.postgres.database import Connection, Row
from leadline_server.storage.postgres.deferred import DeferredRow


class NotDeferrable(Exception):
    """The work cannot be done by one statement at its end. It has to run again in a transaction."""


class SqlTransaction(Protocol):
    """Reads, and writes of one account's rows."""

    @property
    def reads_committed(self) -> bool:
        """Whether all that it reads is what others have committed, so that another connection may read it."""
        ...

    async def fetch(self, query: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that reads."""
        ...

    async def writing(self, account_id: str) -> Connection:
        """The connection, once the account is locked: then it may write the account's rows.

        Raises:
            NotDeferrable: all writes are to be deferred.
        """
        ...

    def defer(self, account_id: str, row: DeferredRow, *, instead_of: DeferredRow | None = None) -> bool:
        """Have a row written at the end, instead of another deferred one; false if the transaction writes at once."""
        ...
