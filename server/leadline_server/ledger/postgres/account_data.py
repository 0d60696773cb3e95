"""The deletion of accounts in PostgreSQL, in steps that other writers hardly wait for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.accounts import AccountState
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction
from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.audit import count_of, note
from leadline_server.ledger.postgres.secrets import forget_owner
from leadline_server.ports.ledger import account_owner
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

TABLES: Final = (
    "account_connections",
    "api_keys",
    "denied_tokens",
    "preferences",
    "user_keys",
    "users",
    "call_logs",
    "call_links",
    "claims",
    "placeholder_counts",
    "replays",
    "placeholders",
    "requests",
    "quarantine",
)
"""The tables with rows of accounts that go with the account. The audit trail stays."""

_BEGIN: Final = "UPDATE accounts SET state = $2, updated_at = $3 WHERE account_id = $1 AND state <> $2"
_DELETING: Final = "SELECT account_id, updated_at FROM accounts WHERE state = $1"
_END: Final = "DELETE FROM accounts WHERE account_id = $1 AND state = $2"
# The sequences go on: if the id is used again, old resume tokens must not fit.
_FORGET_BLOCKS: Final = "UPDATE account_counters SET blocks = 0, pruned_through = sequence WHERE account_id = $1"


class PostgresAccountData:
    """Implements ports.ledger.AccountData."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def begin_deletion(self, account_id: str, now: datetime, by: Actor = LEADLINE) -> None:
        """From now on the account does not exist for others. Raises AccountNotFound."""
        values = (account_id, AccountState.DELETING.value, to_microseconds(now))

        async def mark(connection: Connection) -> None:
            await lock_account(connection, account_id)
            if count_of(await connection.execute(_BEGIN, *values)) == 0:
                raise AccountNotFound(account_id)
            await note(connection, by, account_id, AuditAction.ACCOUNT_DELETED, account_id)
            await connection.execute("DELETE FROM api_keys WHERE account_id = $1", account_id)
            await forget_owner(connection, account_owner(account_id))

        await self._database.write(mark)

    async def deleting(self) -> Sequence[tuple[str, datetime]]:
        """The accounts that are being deleted, and when that began."""
        rows = await self._database.fetch(_DELETING, AccountState.DELETING.value)
        return [(account_id, from_microseconds(began)) for account_id, began in rows]

    async def purge(self, account_id: str, limit: int) -> bool:
        """Delete at most `limit` rows of each kind, and all secrets; False once nothing is left."""
        own = account_owner(account_id)

        async def delete(connection: Connection) -> bool:
            await lock_account(connection, account_id)
            deleted = 0
            for table in TABLES:
                statement = (
                    f"DELETE FROM {table} WHERE account_id = $1 AND ctid = ANY (ARRAY("  # noqa: S608 - constants
                    f"SELECT ctid FROM {table} WHERE account_id = $1 LIMIT $2))"
                )
                deleted += count_of(await connection.execute(statement, account_id, limit))
            await forget_owner(connection, own)
            for table in ("tokens", "connection_checks"):
                await connection.execute(f"DELETE FROM {table} WHERE connection = $1", own)  # noqa: S608 - constants
            await connection.execute(_FORGET_BLOCKS, account_id)
            return bool(deleted)

        return await self._database.write(delete)

    async def end_deletion(self, account_id: str) -> None:
        """Forget the account itself."""
        values = (account_id, AccountState.DELETING.value)
        await self._database.write(lambda connection: connection.execute(_END, *values))
