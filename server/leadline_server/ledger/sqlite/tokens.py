"""OAuth tokens in SQLite, encrypted."""

import sqlite3
from datetime import datetime

from leadline_server.domain.ledger_errors import StandbyLedger
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.documents import TOKENS
from leadline_server.ledger.sqlite.copy_mark import is_standby
from leadline_server.ledger.sqlite.encrypted_database import DocumentCipher, EncryptedDatabase
from leadline_server.ports.ledger import connection_owner
from leadline_server.storage.sqlite import SqliteDatabase


class SqliteTokens:
    """Implements ports.ledger.TokenStore."""

    def __init__(self, database: SqliteDatabase, encrypted: EncryptedDatabase) -> None:
        self._database = database
        self._encrypted = encrypted

    async def get(self, connection: str) -> bytes | None:
        """The document of a connection; None if none was stored."""

        def select(database: sqlite3.Connection, cipher: DocumentCipher) -> bytes | None:
            rows = database.execute("SELECT document FROM tokens WHERE connection = ?", (connection,)).fetchall()
            encrypted = rows[0][0] if rows else None
            return None if encrypted is None else cipher.decrypt(connection_owner(connection), TOKENS, bytes(encrypted))

        return await self._encrypted.read(select)

    async def acquire(self, connection: str, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """Acquire the lease of a connection; False if another process holds it. Raises StandbyLedger."""
        row = (connection, lease_owner, to_microseconds(lease_until), to_microseconds(now))
        statement = (
            "INSERT INTO tokens (connection, lease_owner, lease_until) VALUES (?1, ?2, ?3)"
            " ON CONFLICT DO UPDATE SET lease_owner = ?2, lease_until = ?3"
            " WHERE lease_owner IS NULL OR lease_owner = ?2 OR lease_until <= ?4"
        )

        def lease(database: sqlite3.Connection) -> bool:
            if is_standby(database):
                raise StandbyLedger
            return database.execute(statement, row).rowcount == 1

        return await self._database.write(lease)

    async def put(self, connection: str, lease_owner: str, document: bytes) -> None:
        """Replace the document, and release the lease if `lease_owner` holds it."""

        def save(database: sqlite3.Connection, cipher: DocumentCipher) -> None:
            database.execute(
                "INSERT INTO tokens (connection, document) VALUES (?1, ?2)"
                " ON CONFLICT DO UPDATE SET document = excluded.document",
                (connection, cipher.encrypt(connection_owner(connection), TOKENS, document)),
            )
            _release(database, connection, lease_owner)

        await self._encrypted.write(save)

    async def release(self, connection: str, lease_owner: str) -> None:
        """Release the lease and keep the document."""
        await self._database.write(lambda database: _release(database, connection, lease_owner))


def _release(database: sqlite3.Connection, connection: str, lease_owner: str) -> None:
    database.execute(
        "UPDATE tokens SET lease_owner = NULL, lease_until = NULL WHERE connection = ? AND lease_owner = ?",
        (connection, lease_owner),
    )
