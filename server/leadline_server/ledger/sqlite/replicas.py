"""The records of servers in SQLite. All of them are on one machine, so its clock is the ledger's."""

import json
import sqlite3
from collections.abc import Sequence

from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.replica_rows import replica_of
from leadline_server.ports.ledger.replicas import KEPT, Replica
from leadline_server.storage.sqlite import SqliteDatabase

_PUT = """
    INSERT INTO replicas (id, name, version, settings, started_at, clock_at, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET clock_at = excluded.clock_at, seen_at = excluded.seen_at
"""
_COLUMNS = "id, name, version, settings, started_at, clock_at, seen_at"


class SqliteReplicas:
    """Implements ports.ledger.Replicas."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def record(self, replica: Replica) -> None:
        """Keep the record of a server, with the ledger's time. Drop its older one, and those older than KEPT."""
        seen = to_microseconds(replica.clock_time)
        row = (
            replica.id,
            replica.name,
            replica.version,
            json.dumps(dict(replica.settings)),
            to_microseconds(replica.start_time),
            seen,
            seen,
        )
        oldest = to_microseconds(replica.clock_time - KEPT)

        def put(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM replicas WHERE seen_at < ?", (oldest,))
            connection.execute(_PUT, row)

        await self._database.write(put)

    async def forget(self, replica_id: str) -> None:
        """Drop the record of a server that stops; do nothing if there is none."""
        await self._database.write(
            lambda connection: connection.execute("DELETE FROM replicas WHERE id = ?", (replica_id,))
        )

    async def all(self) -> Sequence[Replica]:
        """All records, by name."""
        return await self._database.read(read_replicas)


def read_replicas(connection: sqlite3.Connection) -> Sequence[Replica]:
    """All records of a ledger, by name."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM replicas ORDER BY name, id").fetchall()  # noqa: S608 - a constant
    return [replica_of(row) for row in rows]
