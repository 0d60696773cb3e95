"""The directory's users in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

from leadline_server.domain.account_errors import TooManyUsers, UserConflict
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction, changed_fields
from leadline_server.domain.directory import MAX_USERS, DirectoryIndex, User
from leadline_server.ledger.codec import USER
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.audit import count_of, note
from leadline_server.ledger.postgres.settings_versions import PostgresSettingsVersions, VersionedCache, advance_settings
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_GET: Final = "SELECT body FROM users WHERE account_id = $1 AND user_id = $2"
_LIST: Final = "SELECT body FROM users WHERE account_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3"
_SAVE: Final = """
    INSERT INTO users (account_id, user_id, is_active, crm_user_id, body) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, user_id) DO UPDATE
    SET is_active = excluded.is_active, crm_user_id = excluded.crm_user_id, body = excluded.body
"""
_KEYS: Final = "INSERT INTO user_keys (account_id, key, user_id) SELECT $1, key, $2 FROM unnest($3::text[]) AS key"
_FORGET_KEYS: Final = "DELETE FROM user_keys WHERE account_id = $1 AND user_id = $2"
_DELETE: Final = "DELETE FROM users WHERE account_id = $1 AND user_id = $2"
_OTHERS: Final = "SELECT DISTINCT user_id FROM user_keys WHERE account_id = $1 AND key = ANY($2) AND user_id <> $3"
_COUNT: Final = "SELECT count(*), count(*) FILTER (WHERE user_id = $2) FROM users WHERE account_id = $1"
_ALL_KEYS: Final = "SELECT key, user_id FROM user_keys WHERE account_id = $1"
_MARKED: Final = """
    SELECT user_id, is_active, crm_user_id FROM users WHERE account_id = $1 AND (NOT is_active OR crm_user_id <> '')
"""


class PostgresUsers:
    """Implements ports.ledger.Users."""

    def __init__(self, database: PostgresDatabase, versions: PostgresSettingsVersions) -> None:
        self._database = database
        self._versions = versions
        self._cache: VersionedCache[str, DirectoryIndex] = VersionedCache()

    async def get(self, account_id: str, user_id: str) -> User | None:
        """One user; None if there is none."""
        return await _load(self._database, account_id, user_id)

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[User]:
        """At most `limit` users whose ids follow `after`, in the order of their ids."""
        return [USER.decode(body) for (body,) in await self._database.fetch(_LIST, account_id, after, limit)]

    async def put(self, account_id: str, user: User, by: Actor = LEADLINE) -> None:
        """Create or replace the user. Raises UserConflict or TooManyUsers."""

        async def save(connection: Connection) -> None:
            await lock_account(connection, account_id)
            await _check(connection, account_id, user)
            before = await _load(connection, account_id, user.user_id)
            await _note_change(connection, by, account_id, before, user)
            values = (account_id, user.user_id, user.is_active, user.crm_user_id, USER.encode(user))
            await connection.execute(_SAVE, *values)
            await connection.execute(_FORGET_KEYS, account_id, user.user_id)
            await connection.execute(_KEYS, account_id, user.user_id, list(user.keys))
            await advance_settings(connection, account_id)

        await self._database.write(save)

    async def delete(self, account_id: str, user_id: str, by: Actor = LEADLINE) -> bool:
        """Delete the user; False if there is none."""

        async def remove(connection: Connection) -> bool:
            await lock_account(connection, account_id)
            await connection.execute(_FORGET_KEYS, account_id, user_id)
            is_gone = count_of(await connection.execute(_DELETE, account_id, user_id)) == 1
            if is_gone:
                await note(connection, by, account_id, AuditAction.USER_DELETED, user_id)
                await advance_settings(connection, account_id)
            return is_gone

        return await self._database.write(remove)

    async def index(self, account_id: str) -> DirectoryIndex:
        """All users by their keys."""
        # The version first: if the index turns out newer than the version, it is only read once more.
        version = await self._versions.current(account_id) or 0
        cached = self._cache.get(account_id, version)
        if cached is None:
            cached = await self._database.read(lambda connection: _load_index(connection, account_id))
            self._cache.put(account_id, cached, version)
        return cached


async def _load(source: Connection, account_id: str, user_id: str) -> User | None:
    rows = await source.fetch(_GET, account_id, user_id)
    return USER.decode(rows[0][0]) if rows else None


async def _note_change(connection: Connection, by: Actor, account_id: str, before: User | None, after: User) -> None:
    if before is None:
        await note(connection, by, account_id, AuditAction.USER_CREATED, after.user_id)
    elif changed := changed_fields(before, after):
        await note(connection, by, account_id, AuditAction.USER_UPDATED, after.user_id, fields=changed)


async def _load_index(connection: Connection, account_id: str) -> DirectoryIndex:
    keys = await connection.fetch(_ALL_KEYS, account_id)
    marked = await connection.fetch(_MARKED, account_id)
    return DirectoryIndex(
        users=dict(keys),
        inactive=frozenset(user_id for user_id, is_active, _ in marked if not is_active),
        crm_user_ids={user_id: crm_user_id for user_id, _, crm_user_id in marked if crm_user_id},
    )


async def _check(connection: Connection, account_id: str, user: User) -> None:
    """Raise UserConflict if another user has one of the keys, TooManyUsers if the account has MAX_USERS users."""
    others = await connection.fetch(_OTHERS, account_id, list(user.keys), user.user_id)
    if others:
        raise UserConflict(sorted(user_id for (user_id,) in others))
    count, is_known = await connection.fetchrow(_COUNT, account_id, user.user_id)
    if count >= MAX_USERS and not is_known:
        raise TooManyUsers(MAX_USERS)
