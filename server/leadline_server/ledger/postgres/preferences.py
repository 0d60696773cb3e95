"""Users' preferences in PostgreSQL."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction, changed_fields
from leadline_server.domain.preferences import AccountSettings, Preferences, resolve
from leadline_server.ledger.account_rows import blocks_of
from leadline_server.ledger.codec import PREFERENCES, SETTINGS
from leadline_server.ledger.postgres.account_lock import count_stored, lock_account
from leadline_server.ledger.postgres.accounts import load_settings
from leadline_server.ledger.postgres.audit import note
from leadline_server.ledger.postgres.settings_versions import PostgresSettingsVersions, VersionedCache, advance_settings
from leadline_server.ports.ledger import PreferencesInForce
from leadline_server.storage.postgres.database import Connection, PostgresDatabase, Row

_GET: Final = """
    SELECT a.version, a.body, p.body
    FROM accounts AS a LEFT JOIN preferences AS p ON p.account_id = a.account_id AND p.user_id = $2
    WHERE a.account_id = $1 AND a.state <> 'deleting'
"""
_VERSION: Final = "SELECT version FROM accounts WHERE account_id = $1 AND state <> 'deleting'"
_LIST: Final = """
    SELECT user_id, body FROM preferences WHERE account_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3
"""
_BODY: Final = "SELECT body FROM preferences WHERE account_id = $1 AND user_id = $2"
_SAVE: Final = """
    INSERT INTO preferences (account_id, user_id, body) VALUES ($1, $2, $3)
    ON CONFLICT (account_id, user_id) DO UPDATE SET body = excluded.body
"""


class PostgresPreferences:
    """Implements ports.ledger.PreferenceStore."""

    def __init__(self, database: PostgresDatabase, versions: PostgresSettingsVersions) -> None:
        self._database = database
        self._versions = versions
        self._cache: VersionedCache[tuple[str, str], PreferencesInForce] = VersionedCache()

    async def version_within(self, fetch: Callable[..., Awaitable[Sequence[Row]]], account_id: str) -> int:
        """The settings version as `fetch` reads it."""
        rows = await fetch(_VERSION, account_id)
        return int(rows[0][0]) if rows else 0

    def last_read(self, account_id: str, user_id: str) -> PreferencesInForce | None:
        """The preferences as this process last read them, which may be outdated."""
        return self._cache.last((account_id, user_id))

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[tuple[str, Preferences]]:
        """The preferences of at most `limit` users whose ids follow `after`."""
        rows = await self._database.fetch(_LIST, account_id, after, limit)
        return [(user_id, PREFERENCES.decode(body)) for user_id, body in rows]

    async def get(self, account_id: str, user_id: str) -> PreferencesInForce:
        """The preferences in force now for a user, and what the user set. Raises AccountNotFound."""
        cached = self._cache.get((account_id, user_id), await self._versions.current(account_id) or 0)
        if cached is not None:
            return cached
        return await self.within(self._database.fetch, account_id, user_id)

    async def within(
        self, fetch: Callable[..., Awaitable[Sequence[Row]]], account_id: str, user_id: str
    ) -> PreferencesInForce:
        """The preferences as `fetch` reads them. Raises AccountNotFound."""
        rows = await fetch(_GET, account_id, user_id)
        if not rows:
            raise AccountNotFound(account_id)
        version, settings, body = rows[0]
        user = _preferences(body)
        preferences = PreferencesInForce(resolve(SETTINGS.decode(settings), user), user, version)
        self._cache.put((account_id, user_id), preferences, version)
        return preferences

    async def change(
        self,
        account_id: str,
        user_id: str,
        change: Callable[[AccountSettings, Preferences], Preferences],
        by: Actor = LEADLINE,
    ) -> tuple[AccountSettings, Preferences]:
        """Replace the user's preferences by the result of `change`. Returns the settings and the new preferences."""

        async def update(connection: Connection) -> tuple[AccountSettings, Preferences]:
            await lock_account(connection, account_id)
            settings = await load_settings(connection, account_id)
            body = await connection.fetchval(_BODY, account_id, user_id)
            before = _preferences(body)
            after = change(settings, before)
            if after != before:
                document = PREFERENCES.encode(after)
                await connection.execute(_SAVE, account_id, user_id, document)
                await count_stored(connection, account_id, blocks=blocks_of(document) - blocks_of(body or b""))
                changed = changed_fields(before, after)
                await note(connection, by, account_id, AuditAction.PREFERENCES_UPDATED, user_id, fields=changed)
                await advance_settings(connection, account_id)
            return settings, after

        return await self._database.write(update)


def _preferences(body: bytes | None) -> Preferences:
    return Preferences() if body is None else PREFERENCES.decode(body)
