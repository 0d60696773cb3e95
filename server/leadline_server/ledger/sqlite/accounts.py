"""Accounts and their settings in SQLite."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from leadline_server.domain.account_errors import AccountBeingDeleted, AccountNotFound
from leadline_server.domain.accounts import AccountRecord, AccountState
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction, changed_fields
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.account_rows import BLOCK_BYTES, account_of, administered
from leadline_server.ledger.codec import SETTINGS, to_microseconds
from leadline_server.ledger.sqlite.audit import note, record
from leadline_server.ledger.sqlite.settings_cache import SettingsVersion
from leadline_server.storage.sqlite import SqliteDatabase

_SELECT: Final = """
    SELECT account_id, body, title, state, created_at, updated_at, coalesce(revision, 0),
        (SELECT value FROM settings_version WHERE id = 1)
    FROM accounts LEFT JOIN (SELECT account_id AS id, revision FROM account_connections) ON id = account_id
    WHERE state <> 'deleting'
"""
_INSERT: Final = """
    INSERT INTO accounts (account_id, body, title, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING
"""
_STORED: Final = "SELECT account_id, blocks FROM stored_blocks"


class SqliteAccounts:
    """Implements ports.ledger.Accounts."""

    def __init__(self, database: SqliteDatabase, version: SettingsVersion) -> None:
        self._database = database
        self._version = version

    async def create(
        self,
        account_id: str,
        settings: AccountSettings,
        by: Actor = LEADLINE,
        *,
        title: str = "",
        now: datetime | None = None,
    ) -> bool:
        """Create an account; False, changing nothing, if it exists. Raises AccountBeingDeleted."""
        at = to_microseconds(now or datetime.now(UTC))
        row = (account_id, SETTINGS.encode(settings), title, AccountState.ACTIVE, at, at)

        def insert(connection: sqlite3.Connection) -> bool:
            is_new = connection.execute(_INSERT, row).rowcount == 1
            if is_new:
                note(connection, by, account_id, AuditAction.ACCOUNT_CREATED, account_id)
                self._version.advance(connection)
            elif _state(connection, account_id) == AccountState.DELETING:
                raise AccountBeingDeleted(account_id)
            return is_new

        return await self._database.write(insert)

    async def get(self, account_id: str) -> AccountSettings:
        """The settings in force now. Raises AccountNotFound."""
        return (await self.record(account_id)).settings

    async def record(self, account_id: str) -> AccountRecord:
        """The account as it is now. Raises AccountNotFound."""
        return await self._database.read_inline(lambda connection: _load_record(connection, account_id))

    async def list(self, after: str, limit: int) -> Sequence[AccountRecord]:
        """At most `limit` accounts whose ids follow `after`, in the order of their ids."""
        statement = f"{_SELECT} AND account_id > ? ORDER BY account_id LIMIT ?"
        rows = await self._database.read(lambda connection: connection.execute(statement, (after, limit)).fetchall())
        return [account_of(row) for row in rows]

    async def change(
        self, account_id: str, change: Callable[[AccountSettings], AccountSettings], by: Actor = LEADLINE
    ) -> AccountSettings:
        """Replace the settings by the result of `change`, and return that. Raises AccountNotFound."""

        def update(connection: sqlite3.Connection) -> AccountSettings:
            before = load_settings(connection, account_id)
            after = change(before)
            if after != before:
                statement = "UPDATE accounts SET body = ? WHERE account_id = ?"
                connection.execute(statement, (SETTINGS.encode(after), account_id))
                changed = changed_fields(before, after)
                note(connection, by, account_id, AuditAction.SETTINGS_UPDATED, account_id, fields=changed)
                self._version.advance(connection)
            return after

        return await self._database.write(update)

    async def administer(
        self,
        account_id: str,
        now: datetime,
        by: Actor = LEADLINE,
        *,
        title: str | None = None,
        state: AccountState | None = None,
    ) -> AccountRecord:
        """Change the title or the state, and return the account. Raises AccountNotFound."""

        def update(connection: sqlite3.Connection) -> AccountRecord:
            before = _load_record(connection, account_id)
            after = replace(
                before,
                title=before.title if title is None else title,
                state=before.state if state is None else state,
            )
            if after == before:
                return before
            statement = "UPDATE accounts SET title = ?, state = ?, updated_at = ? WHERE account_id = ?"
            connection.execute(statement, (after.title, after.state, to_microseconds(now), account_id))
            record(connection, *administered(by, before, after))
            self._version.advance(connection)
            return replace(after, update_time=now)

        return await self._database.write(update)

    async def stored_bytes(self) -> Mapping[str, int]:
        """How many bytes each account has stored."""
        rows = await self._database.read(lambda connection: connection.execute(_STORED).fetchall())
        return {account_id: blocks * BLOCK_BYTES for account_id, blocks in rows}


def load_settings(connection: sqlite3.Connection, account_id: str) -> AccountSettings:
    """The settings of an account. Raises AccountNotFound."""
    statement = "SELECT body FROM accounts WHERE account_id = ? AND state <> 'deleting'"
    rows = connection.execute(statement, (account_id,)).fetchall()
    if not rows:
        raise AccountNotFound(account_id)
    return SETTINGS.decode(rows[0][0])


def _load_record(connection: sqlite3.Connection, account_id: str) -> AccountRecord:
    rows = connection.execute(f"{_SELECT} AND account_id = ?", (account_id,)).fetchall()
    if not rows:
        raise AccountNotFound(account_id)
    return account_of(rows[0])


def _state(connection: sqlite3.Connection, account_id: str) -> str:
    rows = connection.execute("SELECT state FROM accounts WHERE account_id = ?", (account_id,)).fetchall()
    return str(rows[0][0]) if rows else ""
