"""The quarantine in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.documents import event_field
from leadline_server.ledger.quarantine_rows import beyond, event_of
from leadline_server.ledger.sqlite.encrypted_database import DocumentCipher, EncryptedDatabase
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
        return [event_of(row) for row in rows]

    async def document(self, account_id: str, key: bytes) -> bytes | None:
        """The document of an event; None if there is no such event. Raises KeyMissing, SecretDamaged."""

        def select(connection: sqlite3.Connection, cipher: DocumentCipher) -> bytes | None:
            rows = connection.execute(_DOCUMENT, (account_id, key)).fetchall()
            return cipher.decrypt(account_owner(account_id), event_field(key), bytes(rows[0][0])) if rows else None

        return await self._encrypted.read(select)


def _drop_oldest(connection: sqlite3.Connection, account_id: str, most_events: int, most_bytes: int) -> int:
    dropped = beyond(connection.execute(_SIZES, (account_id,)).fetchall(), most_events, most_bytes)
    rows = [(account_id, key) for key in dropped]
    connection.executemany("DELETE FROM quarantine WHERE account_id = ? AND key = ?", rows)
    return len(dropped)
