"""OAuth tokens in SQLite, as opaque documents. `crm.token_encryption` encrypts them."""

import sqlite3
from datetime import datetime

from leadline_server.domain.errors import StandbyLedger
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.sqlite.copy_mark import is_standby
from leadline_server.storage.sqlite import SqliteDatabase


class SqliteTokens:
    """Implements ports.ledger.TokenStore."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def get(self, connection: str) -> bytes | None:
        """The document of a connection; None if none was stored."""

        def select(database: sqlite3.Connection) -> bytes | None:
            rows = database.execute("SELECT document FROM tokens WHERE connection = ?", (connection,)).fetchall()
            return bytes(rows[0][0]) if rows and rows[0][0] is not None else None

        return await self._database.read(select)

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

        def save(database: sqlite3.Connection) -> None:
            database.execute(
                "INSERT INTO tokens (connection, document) VALUES (?1, ?2)"
                " ON CONFLICT DO UPDATE SET document = excluded.document",
                (connection, document),
            )
            _release(database, connection, lease_owner)

        await self._database.write(save)

    async def release(self, connection: str, lease_owner: str) -> None:
        """Release the lease and keep the document."""
        await self._database.write(lambda database: _release(database, connection, lease_owner))


def _release(database: sqlite3.Connection, connection: str, lease_owner: str) -> None:
    database.execute(
        "UPDATE tokens SET lease_owner = NULL, lease_until = NULL WHERE connection = ? AND lease_owner = ?",
        (connection, lease_owner),
    )
