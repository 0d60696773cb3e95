"""Users' preferences in SQLite."""

import sqlite3
from collections.abc import Callable, Sequence

from leadline_server.domain.audit import LEADLINE, Actor, AuditAction, changed_fields
from leadline_server.domain.preferences import AccountSettings, Preferences, resolve
from leadline_server.ledger.codec import PREFERENCES
from leadline_server.ledger.sqlite.accounts import load_settings
from leadline_server.ledger.sqlite.audit import note
from leadline_server.ledger.sqlite.settings_cache import SettingsCache, SettingsVersion, read_settings_version
from leadline_server.ports.ledger import PreferencesInForce
from leadline_server.storage.sqlite import SqliteDatabase


class SqlitePreferences:
    """Implements ports.ledger.PreferenceStore."""

    def __init__(self, database: SqliteDatabase, version: SettingsVersion) -> None:
        self._database = database
        self._version = version
        self._cache: SettingsCache[tuple[str, str], PreferencesInForce] = SettingsCache(version)

    def last_read(self, account_id: str, user_id: str) -> PreferencesInForce | None:  # noqa: ARG002 - the port has it
        """None, always: `get` reads the cache at once, and a caller that gets None calls it."""
        return None

    def latest_version(self) -> int:
        """The settings version now. It asks nothing."""
        return self._version.latest()

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[tuple[str, Preferences]]:
        """The preferences of at most `limit` users whose ids follow `after`."""
        statement = (
            "SELECT user_id, body FROM preferences WHERE account_id = ? AND user_id > ? ORDER BY user_id LIMIT ?"
        )
        values = (account_id, after, limit)
        rows = await self._database.read(lambda connection: connection.execute(statement, values).fetchall())
        return [(user_id, PREFERENCES.decode(body)) for user_id, body in rows]

    async def get(self, account_id: str, user_id: str) -> PreferencesInForce:
        """The preferences in force now for a user, and what the user set. Raises AccountNotFound."""
        cached = self._cache.get((account_id, user_id))
        if cached is not None:
            return cached

        preferences = await self._database.read_inline(lambda connection: _in_force(connection, account_id, user_id))
        self._cache.put((account_id, user_id), preferences, preferences.version)
        return preferences

    def within(self, connection: sqlite3.Connection, account_id: str, user_id: str) -> PreferencesInForce:
        """As `get`, within a write transaction: cached preferences are in force with their version, until that ends.

        It may run on the writer's thread, so it only reads the cache.
        """
        return self._cache.get((account_id, user_id)) or _in_force(connection, account_id, user_id)

    async def change(
        self,
        account_id: str,
        user_id: str,
        change: Callable[[AccountSettings, Preferences], Preferences],
        by: Actor = LEADLINE,
    ) -> tuple[AccountSettings, Preferences]:
        """Replace the user's preferences by the result of `change`. Returns the settings and the new preferences."""

        def update(connection: sqlite3.Connection) -> tuple[AccountSettings, Preferences]:
            settings = load_settings(connection, account_id)
            before = _load(connection, account_id, user_id)
            after = change(settings, before)
            if after != before:
                _save(connection, account_id, user_id, after)
                changed = changed_fields(before, after)
                note(connection, by, account_id, AuditAction.PREFERENCES_UPDATED, user_id, fields=changed)
                self._version.advance(connection)
            return settings, after

        return await self._database.write(update)


def _in_force(connection: sqlite3.Connection, account_id: str, user_id: str) -> PreferencesInForce:
    # The version first: if the preferences turn out newer than the version, they are only read once more.
    version = read_settings_version(connection)
    settings, user = load_settings(connection, account_id), _load(connection, account_id, user_id)
    return PreferencesInForce(resolve(settings, user), user, version)


def _load(connection: sqlite3.Connection, account_id: str, user_id: str) -> Preferences:
    query = "SELECT body FROM preferences WHERE account_id = ? AND user_id = ?"
    rows = connection.execute(query, (account_id, user_id)).fetchall()
    return PREFERENCES.decode(rows[0][0]) if rows else Preferences()


def _save(connection: sqlite3.Connection, account_id: str, user_id: str, preferences: Preferences) -> None:
    statement = (
        "INSERT INTO preferences (account_id, user_id, body) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET body = excluded.body"
    )
    connection.execute(statement, (account_id, user_id, PREFERENCES.encode(preferences)))
