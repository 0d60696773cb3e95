"""CRMs' tokens in SQLite: opaque here, sealed by whoever puts them."""

import sqlite3
from datetime import datetime

from leadline_server.ledger.codec import to_microseconds
from leadline_server.storage.sqlite import SqliteDatabase


class SqliteTokens:
    """A ports.tokens.TokenStore."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def get(self, connection: str) -> bytes | None:
        """The document of a connection; None if none was ever put."""

        def select(database: sqlite3.Connection) -> bytes | None:
            rows = database.execute("SELECT document FROM tokens WHERE connection = ?", (connection,)).fetchall()
            return bytes(rows[0][0]) if rows and rows[0][0] is not None else None

        return await self._database.read(select)

    async def lease(self, connection: str, owner: str, now: datetime, until: datetime) -> bool:
        """Take the lease of a connection up to `until`; False while another owner has it."""
        row = (connection, owner, to_microseconds(until), to_microseconds(now))
        statement = (
            "INSERT INTO tokens (connection, leased_by, leased_until) VALUES (?1, ?2, ?3)"
            " ON CONFLICT DO UPDATE SET leased_by = ?2, leased_until = ?3"
            " WHERE leased_by IS NULL OR leased_by = ?2 OR leased_until <= ?4"
        )
        return await self._database.write(lambda database: database.execute(statement, row).rowcount == 1)

    async def put(self, connection: str, owner: str, document: bytes) -> None:
        """Replace the document, and give the lease up if it is `owner`'s."""

        def save(database: sqlite3.Connection) -> None:
            database.execute(
                "INSERT INTO tokens (connection, document) VALUES (?1, ?2)"
                " ON CONFLICT DO UPDATE SET document = excluded.document",
                (connection, document),
            )
            _release(database, connection, owner)

        await self._database.write(save)

    async def release(self, connection: str, owner: str) -> None:
        """Give the lease up, leaving the document."""
        await self._database.write(lambda database: _release(database, connection, owner))


def _release(database: sqlite3.Connection, connection: str, owner: str) -> None:
    database.execute(
        "UPDATE tokens SET leased_by = NULL, leased_until = NULL WHERE connection = ? AND leased_by = ?",
        (connection, owner),
    )
