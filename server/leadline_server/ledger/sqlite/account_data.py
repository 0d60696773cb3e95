"""The deletion of accounts in SQLite, in steps that other writers hardly wait for."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.accounts import AccountState
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction
from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.sqlite.audit import note
from leadline_server.ledger.sqlite.secrets import forget_owner
from leadline_server.ledger.sqlite.settings_cache import SettingsVersion
from leadline_server.ports.ledger import account_owner
from leadline_server.storage.sqlite import SqliteDatabase

_TABLES: Final = {
    "account_connections": "account_id",
    "api_keys": "digest",
    "denied_tokens": "account_id, issuer, kind, value",
    "preferences": "account_id, user_id",
    "user_keys": "account_id, key",
    "users": "account_id, user_id",
    "call_logs": "id",
    "call_links": "id",
    "claims": "account_id, number_key",
    "placeholder_counts": "account_id, scope, hour",
    "replays": "account_id, replay_id",
    "placeholders": "account_id, contact_id",
    "requests": "account_id, request_id",
    "quarantine": "account_id, key",
    "stored_blocks": "account_id",
}
"""The tables with rows of accounts, and the columns of their keys."""


class SqliteAccountData:
    """Implements ports.ledger.AccountData."""

    def __init__(self, database: SqliteDatabase, versions: Sequence[SettingsVersion]) -> None:
        self._database = database
        self._versions = versions

    async def begin_deletion(self, account_id: str, now: datetime, by: Actor = LEADLINE) -> None:
        """From now on the account does not exist for others. Raises AccountNotFound."""
        statement = "UPDATE accounts SET state = ?, updated_at = ? WHERE account_id = ? AND state <> ?"
        row = (AccountState.DELETING, to_microseconds(now), account_id, AccountState.DELETING)

        def mark(connection: sqlite3.Connection) -> None:
            if connection.execute(statement, row).rowcount == 0:
                raise AccountNotFound(account_id)
            connection.execute("DELETE FROM api_keys WHERE account_id = ?", (account_id,))
            forget_owner(connection, account_owner(account_id))
            note(connection, by, account_id, AuditAction.ACCOUNT_DELETED, account_id)
            self._advance(connection)

        await self._database.write(mark)

    async def deleting(self) -> Sequence[tuple[str, datetime]]:
        """The accounts that are being deleted, and when that began."""
        statement = "SELECT account_id, updated_at FROM accounts WHERE state = ?"
        row = (AccountState.DELETING,)
        rows = await self._database.read(lambda connection: connection.execute(statement, row).fetchall())
        return [(account_id, from_microseconds(began)) for account_id, began in rows]

    async def purge(self, account_id: str, limit: int) -> bool:
        """Delete at most `limit` rows of each kind, and all secrets; False once nothing is left."""

        def delete(connection: sqlite3.Connection) -> bool:
            deleted = [
                connection.execute(
                    f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE account_id = ? LIMIT ?)",  # noqa: S608 - constants
                    (account_id, limit),
                ).rowcount
                for table, key in _TABLES.items()
            ]
            forget_owner(connection, account_owner(account_id))
            for table in ("tokens", "connection_checks"):
                connection.execute(f"DELETE FROM {table} WHERE connection = ?", (account_owner(account_id),))  # noqa: S608 - constants
            return any(deleted)

        return await self._database.write(delete)

    async def end_deletion(self, account_id: str) -> None:
        """Forget the account itself."""
        statement = "DELETE FROM accounts WHERE account_id = ? AND state = ?"

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute(statement, (account_id, AccountState.DELETING))
            self._advance(connection)

        await self._database.write(forget)

    def _advance(self, connection: sqlite3.Connection) -> None:
        """Tell every process that the account's settings and credentials are outdated."""
        for version in self._versions:
            version.advance(connection)
