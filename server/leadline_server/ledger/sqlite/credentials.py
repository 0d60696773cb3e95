"""API keys and denied tokens in SQLite."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from leadline_server.domain.access.principals import ApiKey, BrowserSession, VerifiedToken
from leadline_server.domain.access_errors import KeyConflict, KeyNotFound, TooManyKeys
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction
from leadline_server.ledger.codec import API_KEY, to_microseconds
from leadline_server.ledger.credential_rules import Denied, denied_of, is_denied, is_ended, issued, rotated
from leadline_server.ledger.sqlite.audit import note, record
from leadline_server.ledger.sqlite.settings_cache import (
    CREDENTIALS,
    SettingsCache,
    SettingsVersion,
    read_settings_version,
)
from leadline_server.ports.ledger.credentials import DenialKind, TokenDenial
from leadline_server.storage.sqlite import SqliteDatabase

_SAVE: Final = (
    "INSERT INTO api_keys (digest, key_id, account_id, family, body) VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (digest) DO UPDATE SET body = ?5"
)
_DENY: Final = (
    "INSERT INTO denied_tokens (account_id, issuer, kind, value, denied_at, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    " ON CONFLICT DO UPDATE SET denied_at = ?5, until = ?6"
)


class SqliteCredentials:
    """Implements ports.ledger.Credentials."""

    def __init__(self, database: SqliteDatabase, version: SettingsVersion) -> None:
        self._database = database
        self._version = version
        self._keys: SettingsCache[bytes, ApiKey] = SettingsCache(version)
        self._denied: SettingsCache[None, Denied] = SettingsCache(version)
        self.version: Callable[[], int] = version.latest
        """A number that changes, for every process, with every change of keys and denials."""

    async def find(self, digest: bytes) -> ApiKey | None:
        """The key with this digest."""
        cached = self._keys.get(digest)
        if cached is not None:
            return cached
        version, key = await self._database.read_inline(
            # The version first: if the key turns out newer than the version, it is only read once more.
            lambda connection: (read_settings_version(connection, CREDENTIALS), _load(connection, digest))
        )
        if key is not None:
            self._keys.put(digest, key, version)
        return key

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[ApiKey]:
        """At most `limit` keys of an account whose ids follow `after`."""
        query = "SELECT body FROM api_keys WHERE account_id = ? AND key_id > ? ORDER BY key_id LIMIT ?"
        rows = await self._database.read(lambda one: one.execute(query, (account_id, after, limit)).fetchall())
        return [API_KEY.decode(body) for (body,) in rows]

    async def issue(self, key: ApiKey, most: int) -> None:
        """Keep a new key. Raises TooManyKeys or KeyConflict."""

        def insert(connection: sqlite3.Connection) -> None:
            known = _load(connection, key.digest)
            if known is not None and known.is_live(key.create_time):
                raise KeyConflict("This certificate is accepted already. Revoke it first.")
            connection.execute("DELETE FROM api_keys WHERE digest = ?", (key.digest,))
            _make_room(connection, key, most)
            self._save(connection, [key])
            record(connection, issued(key))

        await self._database.write(insert)

    async def issue_first(self, key: ApiKey) -> bool:
        """Keep the very first key; False if there has been one."""

        def insert(connection: sqlite3.Connection) -> bool:
            if connection.execute("SELECT 1 FROM api_keys LIMIT 1").fetchall():
                return False
            self._save(connection, [key])
            record(connection, issued(key))
            return True

        return await self._database.write(insert)

    async def change(
        self,
        account_id: str,
        key_id: str,
        change: Callable[[Sequence[ApiKey]], Sequence[ApiKey]],
        most: int,
        by: Actor = LEADLINE,
    ) -> Sequence[ApiKey]:
        """Change the rotation of a key. Raises KeyNotFound or TooManyKeys."""

        def update(connection: sqlite3.Connection) -> Sequence[ApiKey]:
            query = (
                "SELECT body FROM api_keys WHERE account_id = ?1 AND family ="
                " (SELECT family FROM api_keys WHERE account_id = ?1 AND key_id = ?2) ORDER BY key_id"
            )
            family = [API_KEY.decode(body) for (body,) in connection.execute(query, (account_id, key_id))]
            if not family:
                raise KeyNotFound(key_id)
            changed = change(family)
            known = {key.key_id for key in family}
            for new in (key for key in changed if key.key_id not in known):
                _make_room(connection, new, most)
            self._save(connection, changed)
            record(connection, *rotated(by, family, changed))
            return changed

        return await self._database.write(update)

    async def deny(self, denial: TokenDenial, by: Actor = LEADLINE) -> None:
        """Refuse tokens from now on. Denials that have ended are dropped."""
        until = None if denial.until is None else to_microseconds(denial.until)
        now = to_microseconds(denial.denied_at)

        def insert(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM denied_tokens WHERE until <= ?", (now,))
            row = (denial.account_id, denial.issuer, denial.kind, denial.value, now, until)
            connection.execute(_DENY, row)
            is_session = denial.kind in (DenialKind.SESSION, DenialKind.SESSIONS)
            action = AuditAction.SESSION_ENDED if is_session else AuditAction.TOKENS_DENIED
            note(connection, by, denial.account_id, action, denial.value, reason=denial.kind.name)
            self._version.advance(connection)

        await self._database.write(insert)

    async def is_denied(self, token: VerifiedToken, now: datetime) -> bool:
        """Whether a token's subject or id is denied at `now`."""
        denied = await self._all_denied()
        return bool(denied) and is_denied(denied, token, now)

    async def is_ended(self, session: BrowserSession, principal_id: str) -> bool:
        """Whether a session, or all sessions of its principal until then, were ended."""
        denied = await self._all_denied()
        return bool(denied) and is_ended(denied, session, principal_id)

    async def _all_denied(self) -> Denied:
        cached = self._denied.get(None)
        if cached is not None:
            return cached
        version, denied = await self._database.read_inline(
            lambda connection: (read_settings_version(connection, CREDENTIALS), _load_denied(connection))
        )
        self._denied.put(None, denied, version)
        return denied

    async def reach(self) -> None:
        """Read one row."""
        await self._database.read_inline(lambda connection: read_settings_version(connection, CREDENTIALS))

    def _save(self, connection: sqlite3.Connection, keys: Sequence[ApiKey]) -> None:
        rows = [(key.digest, key.key_id, key.account_id, key.family, API_KEY.encode(key)) for key in keys]
        connection.executemany(_SAVE, rows)
        self._version.advance(connection)


def _make_room(connection: sqlite3.Connection, new: ApiKey, most: int) -> None:
    """Drop the account's keys that are not accepted any more, if it has `most` keys. Raises TooManyKeys."""
    query = "SELECT digest, body FROM api_keys WHERE account_id = ?"
    keys = connection.execute(query, (new.account_id,)).fetchall()
    if len(keys) < most:
        return
    gone = [(digest,) for digest, body in keys if not API_KEY.decode(body).is_live(new.create_time)]
    if not gone:
        raise TooManyKeys(most)
    connection.executemany("DELETE FROM api_keys WHERE digest = ?", gone)


def _load(connection: sqlite3.Connection, digest: bytes) -> ApiKey | None:
    rows = connection.execute("SELECT body FROM api_keys WHERE digest = ?", (digest,)).fetchall()
    return API_KEY.decode(rows[0][0]) if rows else None


def _load_denied(connection: sqlite3.Connection) -> Denied:
    query = "SELECT account_id, issuer, kind, value, denied_at, until FROM denied_tokens"
    return denied_of(connection.execute(query).fetchall())
