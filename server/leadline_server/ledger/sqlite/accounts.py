"""Accounts and their settings in SQLite."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from leadline_server.domain.errors import AccountNotFound
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.codec import SETTINGS
from leadline_server.ledger.sqlite.settings_cache import SettingsCache, SettingsVersion, read_settings_version
from leadline_server.storage.sqlite import SqliteDatabase

BLOCK_BYTES: Final = 4096
"""Stored documents are counted in blocks of this size (the triggers of migration 1)."""

_STORED: Final = "SELECT account_id, blocks FROM stored_blocks"


class SqliteAccounts:
    """Implements ports.ledger.Accounts."""

    def __init__(self, database: SqliteDatabase, version: SettingsVersion) -> None:
        self._database = database
        self._version = version
        self._cache: SettingsCache[str, AccountSettings] = SettingsCache(version)

    async def create(self, account_id: str, settings: AccountSettings) -> bool:
        """Create an account; False, changing nothing, if it exists."""

        def insert(connection: sqlite3.Connection) -> bool:
            statement = "INSERT INTO accounts (account_id, body) VALUES (?, ?) ON CONFLICT DO NOTHING"
            is_new = connection.execute(statement, (account_id, SETTINGS.encode(settings))).rowcount == 1
            if is_new:
                self._version.advance(connection)
            return is_new

        return await self._database.write(insert)

    async def get(self, account_id: str) -> AccountSettings:
        """The settings in force now. Raises AccountNotFound."""
        cached = self._cache.get(account_id)
        if cached is not None:
            return cached
        version, settings = await self._database.read_inline(
            # The version first: if the settings turn out newer than the version, they are only read once more.
            lambda connection: (read_settings_version(connection), load_settings(connection, account_id))
        )
        self._cache.put(account_id, settings, version)
        return settings

    async def change(self, account_id: str, change: Callable[[AccountSettings], AccountSettings]) -> AccountSettings:
        """Replace the settings by the result of `change`, and return that. Raises AccountNotFound."""

        def update(connection: sqlite3.Connection) -> AccountSettings:
            before = load_settings(connection, account_id)
            after = change(before)
            if after != before:
                statement = "UPDATE accounts SET body = ? WHERE account_id = ?"
                connection.execute(statement, (SETTINGS.encode(after), account_id))
                self._version.advance(connection)
            return after

        return await self._database.write(update)

    async def stored_bytes(self) -> Mapping[str, int]:
        """How many bytes each account has stored."""
        rows = await self._database.read(lambda connection: connection.execute(_STORED).fetchall())
        return {account_id: blocks * BLOCK_BYTES for account_id, blocks in rows}


def load_settings(connection: sqlite3.Connection, account_id: str) -> AccountSettings:
    """The settings of an account. Raises AccountNotFound."""
    rows = connection.execute("SELECT body FROM accounts WHERE account_id = ?", (account_id,)).fetchall()
    if not rows:
        raise AccountNotFound(account_id)
    return SETTINGS.decode(rows[0][0])
