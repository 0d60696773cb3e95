"""The answers by request id in PostgreSQL."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from leadline_server.ledger.account_rows import blocks_of
from leadline_server.ledger.codec import CONTACT, to_microseconds
from leadline_server.ledger.postgres.account_lock import count_stored, lock_account
from leadline_server.ports.ledger import RecordedAnswer
from leadline_server.storage.postgres.database import Connection, PostgresDatabase, Row

MEMORY: Final = timedelta(hours=24)
"""How long an answer is remembered."""

_DELETED_AT_ONCE: Final = 1_000  # bounds how long one commit takes

_GET: Final = """
    SELECT fingerprint, contact FROM requests WHERE account_id = $1 AND request_id = $2 AND answered_at >= $3
"""
_KNOWN: Final = "SELECT answered_at, contact FROM requests WHERE account_id = $1 AND request_id = $2"
_REMEMBER: Final = """
    INSERT INTO requests (account_id, request_id, answered_at, fingerprint, contact) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, request_id) DO UPDATE
    SET answered_at = excluded.answered_at, fingerprint = excluded.fingerprint, contact = excluded.contact
"""
_DELETE_OLD: Final = """
    DELETE FROM requests WHERE account_id = $1 AND request_id IN (
        SELECT request_id FROM requests WHERE account_id = $1 AND answered_at < $2 ORDER BY answered_at LIMIT $3
    ) RETURNING contact
"""


class PostgresRequests:
    """Implements ports.ledger.Requests. The first answer to a request stays until it is too old."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def get(self, account_id: str, request_id: str, now: datetime) -> RecordedAnswer | None:
        """The answer to this request; None if it is unknown or older than 24 hours."""
        return await read_answer(self._database.fetch, account_id, request_id, now)

    async def remember(self, account_id: str, request_id: str, answer: RecordedAnswer, now: datetime) -> None:
        """Remember a success, and delete the account's answers that are too old."""

        async def insert(connection: Connection) -> None:
            await lock_account(connection, account_id)
            await store_answer(connection, account_id, request_id, answer, now)

        await self._database.write(insert)


async def read_answer(
    fetch: Callable[..., Awaitable[Sequence[Row]]], account_id: str, request_id: str, now: datetime
) -> RecordedAnswer | None:
    """The answer to a request, as `fetch` reads it."""
    rows = await fetch(_GET, account_id, request_id, to_microseconds(now - MEMORY))
    return RecordedAnswer(rows[0][0], CONTACT.decode(rows[0][1])) if rows else None


async def store_answer(
    connection: Connection, account_id: str, request_id: str, answer: RecordedAnswer, now: datetime
) -> None:
    """Remember a success, and delete old answers. Under the account's lock."""
    oldest, document = to_microseconds(now - MEMORY), CONTACT.encode(answer.contact)
    await delete_answers(connection, account_id, oldest, _DELETED_AT_ONCE)
    known = await connection.fetchrow(_KNOWN, account_id, request_id)
    if known is None or known[0] < oldest:
        await connection.execute(_REMEMBER, account_id, request_id, to_microseconds(now), answer.fingerprint, document)
        before = 0 if known is None else blocks_of(known[1])
        await count_stored(connection, account_id, blocks=blocks_of(document) - before)


async def delete_answers(connection: Connection, account_id: str, before: int, limit: int) -> int:
    """Delete up to `limit` of the account's answers from before a time. Under the account's lock."""
    gone = await connection.fetch(_DELETE_OLD, account_id, before, limit)
    await count_stored(connection, account_id, blocks=-sum(blocks_of(contact) for (contact,) in gone))
    return len(gone)
