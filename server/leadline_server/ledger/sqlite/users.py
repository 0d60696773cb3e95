"""The directory's users in SQLite."""

import sqlite3
from collections.abc import Sequence

from leadline_server.domain.account_errors import TooManyUsers, UserConflict
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction, changed_fields
from leadline_server.domain.directory import MAX_USERS, DirectoryIndex, User
from leadline_server.ledger.codec import USER
from leadline_server.ledger.sqlite.audit import note
from leadline_server.ledger.sqlite.settings_cache import SettingsCache, SettingsVersion, read_settings_version
from leadline_server.storage.sqlite import SqliteDatabase


class SqliteUsers:
    """Implements ports.ledger.Users."""

    def __init__(self, database: SqliteDatabase, version: SettingsVersion) -> None:
        self._database = database
        self._version = version
        self._cache: SettingsCache[str, DirectoryIndex] = SettingsCache(version)

    async def get(self, account_id: str, user_id: str) -> User | None:
        """One user; None if there is none."""
        return await self._database.read(lambda connection: _load(connection, account_id, user_id))

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[User]:
        """At most `limit` users whose ids follow `after`, in the order of their ids."""

        def select(connection: sqlite3.Connection) -> Sequence[User]:
            query = "SELECT body FROM users WHERE account_id = ? AND user_id > ? ORDER BY user_id LIMIT ?"
            return [USER.decode(body) for (body,) in connection.execute(query, (account_id, after, limit))]

        return await self._database.read(select)

    async def put(self, account_id: str, user: User, by: Actor = LEADLINE) -> None:
        """Create or replace the user. Raises UserConflict or TooManyUsers."""

        def save(connection: sqlite3.Connection) -> None:
            _check(connection, account_id, user)
            _note_change(connection, by, account_id, _load(connection, account_id, user.user_id), user)
            connection.execute(
                "INSERT INTO users (account_id, user_id, is_active, crm_user_id, body) VALUES (?1, ?2, ?3, ?4, ?5)"
                " ON CONFLICT DO UPDATE SET is_active = ?3, crm_user_id = ?4, body = ?5",
                (account_id, user.user_id, user.is_active, user.crm_user_id, USER.encode(user)),
            )
            _forget_keys(connection, account_id, user.user_id)
            connection.executemany(
                "INSERT INTO user_keys (account_id, key, user_id) VALUES (?, ?, ?)",
                [(account_id, key, user.user_id) for key in user.keys],
            )
            self._version.advance(connection)

        await self._database.write(save)

    async def delete(self, account_id: str, user_id: str, by: Actor = LEADLINE) -> bool:
        """Delete the user; False if there is none."""

        def remove(connection: sqlite3.Connection) -> bool:
            _forget_keys(connection, account_id, user_id)
            statement = "DELETE FROM users WHERE account_id = ? AND user_id = ?"
            is_gone = connection.execute(statement, (account_id, user_id)).rowcount == 1
            if is_gone:
                note(connection, by, account_id, AuditAction.USER_DELETED, user_id)
                self._version.advance(connection)
            return is_gone

        return await self._database.write(remove)

    async def index(self, account_id: str) -> DirectoryIndex:
        """All users by their keys."""
        cached = self._cache.get(account_id)
        if cached is not None:
            return cached
        # The version first: if the index turns out newer than the version, it is only read once more.
        version, index = await self._database.read(
            lambda connection: (read_settings_version(connection), _load_index(connection, account_id))
        )
        self._cache.put(account_id, index, version)
        return index


def _load(connection: sqlite3.Connection, account_id: str, user_id: str) -> User | None:
    query = "SELECT body FROM users WHERE account_id = ? AND user_id = ?"
    rows = connection.execute(query, (account_id, user_id)).fetchall()
    return USER.decode(rows[0][0]) if rows else None


def _note_change(connection: sqlite3.Connection, by: Actor, account_id: str, before: User | None, after: User) -> None:
    if before is None:
        note(connection, by, account_id, AuditAction.USER_CREATED, after.user_id)
    elif changed := changed_fields(before, after):
        note(connection, by, account_id, AuditAction.USER_UPDATED, after.user_id, fields=changed)


def _load_index(connection: sqlite3.Connection, account_id: str) -> DirectoryIndex:
    keys = connection.execute("SELECT key, user_id FROM user_keys WHERE account_id = ?", (account_id,)).fetchall()
    marked = connection.execute(
        "SELECT user_id, is_active, crm_user_id FROM users"
        " WHERE account_id = ? AND (is_active = 0 OR crm_user_id <> '')",
        (account_id,),
    ).fetchall()
    return DirectoryIndex(
        users=dict(keys),
        inactive=frozenset(user_id for user_id, is_active, _ in marked if not is_active),
        crm_user_ids={user_id: crm_user_id for user_id, _, crm_user_id in marked if crm_user_id},
    )


def _check(connection: sqlite3.Connection, account_id: str, user: User) -> None:
    """Raise UserConflict if another user has one of the keys, TooManyUsers if the account has MAX_USERS users."""
    query = f"SELECT DISTINCT user_id FROM user_keys WHERE account_id = ? AND key IN ({_marks(user)}) AND user_id <> ?"  # noqa: S608 - only question marks
    others = connection.execute(query, (account_id, *user.keys, user.user_id)).fetchall()
    if others:
        raise UserConflict(sorted(user_id for (user_id,) in others))
    query = "SELECT count(*), coalesce(sum(user_id = ?2), 0) FROM users WHERE account_id = ?1"
    [(count, is_known)] = connection.execute(query, (account_id, user.user_id)).fetchall()
    if count >= MAX_USERS and not is_known:
        raise TooManyUsers(MAX_USERS)


def _marks(user: User) -> str:
    return ", ".join("?" * len(user.keys))


def _forget_keys(connection: sqlite3.Connection, account_id: str, user_id: str) -> None:
    connection.execute("DELETE FROM user_keys WHERE account_id = ? AND user_id = ?", (account_id, user_id))
