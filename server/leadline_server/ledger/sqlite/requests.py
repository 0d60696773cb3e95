"""The answers by request id in SQLite."""

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from leadline_server.ledger.codec import CONTACT, to_microseconds
from leadline_server.ports.ledger import RecordedAnswer
from leadline_server.storage.sqlite import SqliteDatabase

MEMORY: Final = timedelta(hours=24)
"""How long an answer is remembered."""

_DELETED_AT_ONCE: Final = 1_000  # bounds how long one commit takes

_ANSWER: Final = (
    "SELECT fingerprint, contact FROM requests WHERE account_id = ? AND request_id = ? AND answered_at >= ?"
)
_REMEMBER: Final = """
    INSERT INTO requests (account_id, request_id, answered_at, fingerprint, contact) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE
    SET answered_at = excluded.answered_at, fingerprint = excluded.fingerprint, contact = excluded.contact
    WHERE requests.answered_at < ?
"""
_DELETE_OLD: Final = """
    DELETE FROM requests WHERE (account_id, request_id) IN (
        SELECT account_id, request_id FROM requests WHERE answered_at < ? ORDER BY answered_at LIMIT ?
    )
"""


class SqliteRequests:
    """Implements ports.ledger.Requests. The first answer to a request stays until it is too old."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def get(self, account_id: str, request_id: str, now: datetime) -> RecordedAnswer | None:
        """The answer to this request; None if it is unknown or older than 24 hours."""
        return await self._database.read_inline(lambda connection: read_answer(connection, account_id, request_id, now))

    async def remember(self, account_id: str, request_id: str, answer: RecordedAnswer, now: datetime) -> None:
        """Remember a success, and delete answers that are too old."""
        await self._database.write(lambda connection: store_answer(connection, account_id, request_id, answer, now))


def read_answer(
    connection: sqlite3.Connection, account_id: str, request_id: str, now: datetime
) -> RecordedAnswer | None:
    """The answer to a request; None if it is unknown or too old."""
    rows = connection.execute(_ANSWER, (account_id, request_id, to_microseconds(now - MEMORY))).fetchall()
    return RecordedAnswer(bytes(rows[0][0]), CONTACT.decode(rows[0][1])) if rows else None


def store_answer(
    connection: sqlite3.Connection, account_id: str, request_id: str, answer: RecordedAnswer, now: datetime
) -> None:
    """Remember a success, and delete answers that are too old. Within a transaction of the caller's."""
    oldest = to_microseconds(now - MEMORY)
    row = (account_id, request_id, to_microseconds(now), answer.fingerprint, CONTACT.encode(answer.contact), oldest)
    connection.execute(_REMEMBER, row)
    connection.execute(_DELETE_OLD, (oldest, _DELETED_AT_ONCE))
