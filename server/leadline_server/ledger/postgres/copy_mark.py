"""The mark of a restored copy in PostgreSQL.

The ledger keeps the id of the database that it is in. A copy that `pg_restore` or `CREATE DATABASE ... TEMPLATE` made
is in another one, so the first server or command that opens it marks it. Point-in-time recovery keeps the id, as the
promotion of a streaming standby does, which must go on by itself; `leadline restore --standby` marks such a copy.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from leadline_server.domain.audit import OPERATOR, SERVER, AuditAction
from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.postgres.audit import count_of, note
from leadline_server.ledger.postgres.secrets import forget_secrets
from leadline_server.ports.ledger import CopyState
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_SEQUENCE_LEAP: Final = 1 << 40
"""More changes than any ledger gets between a backup and the day that it is restored. See ledger/sqlite/backup.py."""

_DATABASE: Final = """
    SELECT CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE')
        THEN (SELECT system_identifier::text FROM pg_control_system()) ELSE '' END
        || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_MARK: Final = """
    UPDATE ledger SET is_standby = true, live_since = NULL, pruning_lease_owner = NULL, pruning_lease_until = NULL,
    sequence_base = sequence_base + $1
"""
_EXPIRE: Final = "UPDATE account_counters SET sequence = sequence + $1, pruned_through = sequence + $1"


class PostgresCopyMark:
    """Implements ports.ledger.CopyMark."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def state(self) -> CopyState:
        """The present state."""
        [(is_copy, since)] = await self._database.fetch("SELECT is_standby, live_since FROM ledger")
        return CopyState(is_copy, None if since is None else from_microseconds(since))

    async def make_standby(self) -> bool:
        """Mark the ledger as a restored copy, and let all resume tokens expire; False if it is a standby already."""

        async def make(connection: Connection) -> bool:
            is_marked = await connection.fetchval("SELECT is_standby FROM ledger FOR UPDATE")
            if not is_marked:
                await _mark(connection)
            return not is_marked

        return await self._database.write(make)

    async def make_live(self, now: datetime, *, forget: Collection[str] = ()) -> bool:
        """End the standby, and drop what needs the keys `forget`; False if the ledger is no standby."""
        statement = "UPDATE ledger SET is_standby = false, live_since = $1 WHERE is_standby"

        async def make(connection: Connection) -> bool:
            await forget_secrets(connection, forget)
            is_live = count_of(await connection.execute(statement, to_microseconds(now))) == 1
            if is_live:
                await note(connection, OPERATOR, SERVER, AuditAction.LEDGER_MADE_LIVE)
            return is_live

        return await self._database.write(make)


async def is_standby(connection: Connection) -> bool:
    """Whether the ledger is a standby."""
    return bool(await connection.fetchval("SELECT is_standby FROM ledger"))


async def notice_copy(connection: Connection) -> None:
    """Mark the ledger if it was copied to another database. A ledger that has no id yet gets that of its database."""
    here = await connection.fetchval(_DATABASE)
    if await connection.fetchval("SELECT database_id FROM ledger") == here:
        return
    known = await connection.fetchval("SELECT database_id FROM ledger FOR UPDATE")
    if known not in {None, here}:
        await _mark(connection)
    await connection.execute("UPDATE ledger SET database_id = $1", here)


async def _mark(connection: Connection) -> None:
    await connection.execute(_MARK, _SEQUENCE_LEAP)
    await connection.execute(_EXPIRE, _SEQUENCE_LEAP)
