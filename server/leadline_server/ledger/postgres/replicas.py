"""The records of servers in PostgreSQL. The ledger's clock is the database's."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.replica_rows import replica_of
from leadline_server.ports.ledger.replicas import KEPT, Replica
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_PUT: Final = f"""
    INSERT INTO replicas (id, name, version, settings, started_at, clock_at, seen_at)
    VALUES ($1, $2, $3, $4, $5, $6, {_NOW})
    ON CONFLICT (id) DO UPDATE SET clock_at = excluded.clock_at, seen_at = excluded.seen_at
"""  # noqa: S608 - constants
_DROP_OLD: Final = f"DELETE FROM replicas WHERE seen_at < {_NOW} - $1"  # noqa: S608 - constants
ALL: Final = "SELECT id, name, version, settings, started_at, clock_at, seen_at FROM replicas ORDER BY name, id"
"""Reads all records, as `ledger.replica_rows.replica_of` takes them."""

_KEPT: Final = KEPT // timedelta(microseconds=1)


class PostgresReplicas:
    """Implements ports.ledger.Replicas."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def record(self, replica: Replica) -> None:
        """Keep the record of a server, with the ledger's time. Drop its older one, and those older than KEPT."""
        started, clock = to_microseconds(replica.start_time), to_microseconds(replica.clock_time)
        values = (replica.id, replica.name, replica.version, json.dumps(dict(replica.settings)), started, clock)

        async def put(connection: Connection) -> None:
            await connection.execute(_DROP_OLD, _KEPT)
            await connection.execute(_PUT, *values)

        await self._database.write(put)

    async def forget(self, replica_id: str) -> None:
        """Drop the record of a server that stops; do nothing if there is none."""
        statement = "DELETE FROM replicas WHERE id = $1"
        await self._database.write(lambda connection: connection.execute(statement, replica_id))

    async def all(self) -> Sequence[Replica]:
        """All records, by name."""
        return [replica_of(row) for row in await self._database.fetch(ALL)]
