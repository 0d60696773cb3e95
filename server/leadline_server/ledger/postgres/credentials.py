"""API keys and denied tokens in PostgreSQL.

Nothing is cached: a key that was revoked through another process must not be accepted once more, and only a question
can tell. Questions are short, and the rows are few.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from typing import Final

from leadline_server.domain.access.principals import ApiKey, BrowserSession, VerifiedToken
from leadline_server.domain.access_errors import KeyConflict, KeyNotFound, TooManyKeys
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction
from leadline_server.ledger.codec import API_KEY, to_microseconds
from leadline_server.ledger.credential_rules import denied_of, is_denied, is_ended, issued, rotated
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.audit import note, record
from leadline_server.ports.ledger.credentials import DenialKind, TokenDenial
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_FIND: Final = "SELECT body FROM api_keys WHERE digest = $1"
_LIST: Final = "SELECT body FROM api_keys WHERE account_id = $1 AND key_id > $2 ORDER BY key_id LIMIT $3"
_FAMILY: Final = """
    SELECT body FROM api_keys WHERE account_id = $1 AND family = (
        SELECT family FROM api_keys WHERE account_id = $1 AND key_id = $2
    ) ORDER BY key_id
"""
_SAVE: Final = """
    INSERT INTO api_keys (digest, key_id, account_id, family, body) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (digest) DO UPDATE SET body = excluded.body
"""
_DROP: Final = "DELETE FROM api_keys WHERE digest = ANY($1::bytea[])"
_ALL: Final = "SELECT digest, body FROM api_keys WHERE account_id = $1"
_DENY: Final = """
    INSERT INTO denied_tokens (account_id, issuer, kind, value, denied_at, until) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id, issuer, kind, value) DO UPDATE
    SET denied_at = excluded.denied_at, until = excluded.until
"""
_DROP_ENDED: Final = "DELETE FROM denied_tokens WHERE account_id = $1 AND until <= $2"
_DENIED: Final = """
    SELECT account_id, issuer, kind, value, denied_at, until FROM denied_tokens
    WHERE account_id = ANY($1) AND issuer = $2 AND value = ANY($3)
"""
_FIRST_KEY: Final = "SELECT pg_advisory_xact_lock(hashtextextended('leadline keys', 0))"
_DIGEST: Final = "SELECT pg_advisory_xact_lock(hashtextextended('leadline key ' || encode($1, 'hex'), 0))"


class PostgresCredentials:
    """Implements ports.ledger.Credentials."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self.version = count().__next__
        """Another number each time, since only a question can tell whether something changed."""

    async def find(self, digest: bytes) -> ApiKey | None:
        """The key with this digest."""
        return await _load(self._database, digest)

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[ApiKey]:
        """At most `limit` keys of an account whose ids follow `after`."""
        return [API_KEY.decode(body) for (body,) in await self._database.fetch(_LIST, account_id, after, limit)]

    async def issue(self, key: ApiKey, most: int) -> None:
        """Keep a new key. Raises TooManyKeys or KeyConflict."""

        async def insert(connection: Connection) -> None:
            await lock_account(connection, key.account_id)
            await connection.execute(_DIGEST, key.digest)
            known = await _load(connection, key.digest)
            if known is not None and known.is_live(key.create_time):
                raise KeyConflict("This certificate is accepted already. Revoke it first.")
            await connection.execute(_DROP, [key.digest])
            await _make_room(connection, key, most)
            await _save(connection, [key])
            await record(connection, issued(key))

        await self._database.write(insert)

    async def issue_first(self, key: ApiKey) -> bool:
        """Keep the very first key; False if there has been one."""

        async def insert(connection: Connection) -> bool:
            await connection.execute(_FIRST_KEY)
            if await connection.fetch("SELECT 1 FROM api_keys LIMIT 1"):
                return False
            await _save(connection, [key])
            await record(connection, issued(key))
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

        async def update(connection: Connection) -> Sequence[ApiKey]:
            await lock_account(connection, account_id)
            family = [API_KEY.decode(body) for (body,) in await connection.fetch(_FAMILY, account_id, key_id)]
            if not family:
                raise KeyNotFound(key_id)
            changed = change(family)
            known = {key.key_id for key in family}
            for new in (key for key in changed if key.key_id not in known):
                await _make_room(connection, new, most)
            await _save(connection, changed)
            await record(connection, *rotated(by, family, changed))
            return changed

        return await self._database.write(update)

    async def deny(self, denial: TokenDenial, by: Actor = LEADLINE) -> None:
        """Refuse tokens from now on. The account's denials that have ended are dropped."""
        account_id, now = denial.account_id, to_microseconds(denial.denied_at)
        until = None if denial.until is None else to_microseconds(denial.until)
        values = (account_id, denial.issuer, denial.kind.value, denial.value, now, until)

        async def insert(connection: Connection) -> None:
            await connection.execute(_DROP_ENDED, account_id, now)
            await connection.execute(_DENY, *values)
            is_session = denial.kind in (DenialKind.SESSION, DenialKind.SESSIONS)
            action = AuditAction.SESSION_ENDED if is_session else AuditAction.TOKENS_DENIED
            await note(connection, by, account_id, action, denial.value, reason=denial.kind.name)

        await self._database.write(insert)

    async def is_denied(self, token: VerifiedToken, now: datetime) -> bool:
        """Whether a token's subject or id is denied at `now`."""
        values = (["", token.account_id], token.issuer, [token.subject, token.token_id])
        return is_denied(denied_of(await self._database.fetch(_DENIED, *values)), token, now)

    async def is_ended(self, session: BrowserSession, principal_id: str) -> bool:
        """Whether a session, or all sessions of its principal until then, were ended."""
        denied = denied_of(await self._database.fetch(_DENIED, [""], "", [principal_id, session.session_id]))
        return is_ended(denied, session, principal_id)

    async def reach(self) -> None:
        """Read one row."""
        await self._database.fetch("SELECT id FROM ledger")


async def _save(connection: Connection, keys: Sequence[ApiKey]) -> None:
    rows = [(key.digest, key.key_id, key.account_id, key.family, API_KEY.encode(key)) for key in keys]
    await connection.executemany(_SAVE, rows)


async def _make_room(connection: Connection, new: ApiKey, most: int) -> None:
    """Drop the account's keys that are not accepted any more, if it has `most` keys. Raises TooManyKeys."""
    keys = await connection.fetch(_ALL, new.account_id)
    if len(keys) < most:
        return
    gone = [digest for digest, body in keys if not API_KEY.decode(body).is_live(new.create_time)]
    if not gone:
        raise TooManyKeys(most)
    await connection.execute(_DROP, gone)


async def _load(source: Connection, digest: bytes) -> ApiKey | None:
    rows = await source.fetch(_FIND, digest)
    return API_KEY.decode(rows[0][0]) if rows else None
