"""The quarantine in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.sqlite.encrypted_database import DocumentCipher, EncryptedDatabase, event_field
from leadline_server.ports.ledger import QuarantinedEvent, account_owner
from leadline_server.storage.sqlite import SqliteDatabase

_PUT: Final = """
    INSERT INTO quarantine (account_id, key, route, received_at, reason, document) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET received_at = excluded.received_at, reason = excluded.reason, document = excluded.document
"""
_SIZES: Final = """
    SELECT key, length(document) FROM quarantine WHERE account_id = ? ORDER BY received_at DESC, key
"""
_LIST: Final = """
    SELECT account_id, route, key, received_at, reason FROM quarantine
    WHERE ? IN ('', account_id) ORDER BY received_at DESC, account_id, key LIMIT ?
"""
_DOCUMENT: Final = "SELECT document FROM quarantine WHERE account_id = ? AND key = ?"


class SqliteQuarantine:
    """Implements ports.ledger.Quarantine."""

    def __init__(self, database: SqliteDatabase, encrypted: EncryptedDatabase) -> None:
        self._database = database
        self._encrypted = encrypted

    async def put(self, event: QuarantinedEvent, most_events: int, most_bytes: int) -> int:
        """Keep an event, and drop the account's oldest ones beyond the limits."""
        row = (event.account_id, event.key, event.route, to_microseconds(event.received_at), event.reason)

        def insert(connection: sqlite3.Connection, cipher: DocumentCipher) -> int:
            document = cipher.encrypt(account_owner(event.account_id), event_field(event.key), event.document)
            connection.execute(_PUT, (*row, document))
            return _drop_oldest(connection, event.account_id, most_events, most_bytes)

        return await self._encrypted.write(insert)

    async def list(self, account_id: str, limit: int) -> Sequence[QuarantinedEvent]:
        """The newest events of an account, or of all, without their documents."""
        rows = await self._database.read(lambda connection: connection.execute(_LIST, (account_id, limit)).fetchall())
        return [_event(row) for row in rows]

    async def document(self, account_id: str, key: bytes) -> bytes | None:
        """The document of an event; None if there is no such event. Raises KeyMissing, SecretDamaged."""

        def select(connection: sqlite3.Connection, cipher: DocumentCipher) -> bytes | None:
            rows = connection.execute(_DOCUMENT, (account_id, key)).fetchall()
            return cipher.decrypt(account_owner(account_id), event_field(key), bytes(rows[0][0])) if rows else None

        return await self._encrypted.read(select)


def _drop_oldest(connection: sqlite3.Connection, account_id: str, most_events: int, most_bytes: int) -> int:
    size, dropped = 0, []
    for number, (key, length) in enumerate(connection.execute(_SIZES, (account_id,)).fetchall()):
        size += length
        if number >= most_events or size > most_bytes:
            dropped.append((account_id, key))
    connection.executemany("DELETE FROM quarantine WHERE account_id = ? AND key = ?", dropped)
    return len(dropped)


def _event(row: tuple[str, str, bytes, int, str]) -> QuarantinedEvent:
    account_id, route, key, received_at, reason = row
    return QuarantinedEvent(
        account_id=account_id,
        route=route,
        key=bytes(key),
        received_at=from_microseconds(received_at),
        reason=reason,
        document=b"",
    )
