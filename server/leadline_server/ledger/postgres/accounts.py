"""Accounts and their settings in PostgreSQL."""

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
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.audit import note, record
from leadline_server.ledger.postgres.settings_versions import advance_settings
from leadline_server.storage.postgres.database import Connection, PostgresDatabase, Row

_SELECT: Final = """
    SELECT account_id, body, title, state, created_at, a.updated_at, coalesce(revision, 0), version
    FROM accounts AS a LEFT JOIN account_connections USING (account_id) WHERE state <> 'deleting'
"""
_INSERT: Final = """
    INSERT INTO accounts (account_id, body, title, state, created_at, updated_at, version)
    VALUES ($1, $2, $3, $4, $5, $5, nextval('settings_versions')) ON CONFLICT DO NOTHING RETURNING account_id
"""
_STATE: Final = "SELECT state FROM accounts WHERE account_id = $1"
_SETTINGS: Final = "SELECT body FROM accounts WHERE account_id = $1 AND state <> 'deleting'"
_ADMINISTER: Final = "UPDATE accounts SET title = $2, state = $3, updated_at = $4 WHERE account_id = $1"
_STORED: Final = "SELECT account_id, blocks FROM account_counters WHERE blocks <> 0"


class PostgresAccounts:
    """Implements ports.ledger.Accounts."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

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
        values = (account_id, SETTINGS.encode(settings), title, AccountState.ACTIVE.value, at)

        async def insert(connection: Connection) -> bool:
            is_new = bool(await connection.fetch(_INSERT, *values))
            if is_new:
                await note(connection, by, account_id, AuditAction.ACCOUNT_CREATED, account_id)
            elif await connection.fetchval(_STATE, account_id) == AccountState.DELETING.value:
                raise AccountBeingDeleted(account_id)
            return is_new

        return await self._database.write(insert)

    async def get(self, account_id: str) -> AccountSettings:
        """The settings in force now. Raises AccountNotFound."""
        return (await self.record(account_id)).settings

    async def record(self, account_id: str) -> AccountRecord:
        """The account as it is now. Raises AccountNotFound."""
        return account_of(await _row(self._database, account_id))

    async def list(self, after: str, limit: int) -> Sequence[AccountRecord]:
        """At most `limit` accounts whose ids follow `after`, in the order of their ids."""
        statement = f"{_SELECT} AND account_id > $1 ORDER BY account_id LIMIT $2"
        return [account_of(tuple(row)) for row in await self._database.fetch(statement, after, limit)]

    async def change(
        self, account_id: str, change: Callable[[AccountSettings], AccountSettings], by: Actor = LEADLINE
    ) -> AccountSettings:
        """Replace the settings by the result of `change`, and return that. Raises AccountNotFound."""

        async def update(connection: Connection) -> AccountSettings:
            await lock_account(connection, account_id)
            before = await load_settings(connection, account_id)
            after = change(before)
            if after != before:
                statement = "UPDATE accounts SET body = $2 WHERE account_id = $1"
                await connection.execute(statement, account_id, SETTINGS.encode(after))
                changed = changed_fields(before, after)
                await note(connection, by, account_id, AuditAction.SETTINGS_UPDATED, account_id, fields=changed)
                await advance_settings(connection, account_id)
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

        async def update(connection: Connection) -> AccountRecord:
            await lock_account(connection, account_id)
            before = account_of(await _row(connection, account_id))
            after = replace(
                before,
                title=before.title if title is None else title,
                state=before.state if state is None else state,
            )
            if after == before:
                return before
            await connection.execute(_ADMINISTER, account_id, after.title, after.state.value, to_microseconds(now))
            await record(connection, *administered(by, before, after))
            await advance_settings(connection, account_id)
            return replace(after, update_time=now)

        return await self._database.write(update)

    async def stored_bytes(self) -> Mapping[str, int]:
        """How many bytes each account has stored."""
        return {account_id: blocks * BLOCK_BYTES for account_id, blocks in await self._database.fetch(_STORED)}


async def load_settings(connection: Connection, account_id: str) -> AccountSettings:
    """The settings of an account. Raises AccountNotFound."""
    body = await connection.fetchval(_SETTINGS, account_id)
    if body is None:
        raise AccountNotFound(account_id)
    return SETTINGS.decode(body)


async def _row(source: Connection, account_id: str) -> Row:
    rows = await source.fetch(f"{_SELECT} AND account_id = $1", account_id)
    if not rows:
        raise AccountNotFound(account_id)
    return tuple(rows[0])
