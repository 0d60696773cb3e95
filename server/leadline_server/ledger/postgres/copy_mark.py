"""The mark of a restored copy in PostgreSQL.

A ledger knows the database that it is used in. Where `pg_restore` puts a dump is another database, so the first server
that opens it makes it a standby. A physical copy cannot be told from a standby of PostgreSQL that was promoted; its
operator marks it by `leadline restore --standby`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from leadline_server.domain.audit import OPERATOR, SERVER, AuditAction
from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.postgres.audit import count_of, note
from leadline_server.ledger.postgres.secrets import forget_secrets
from leadline_server.ports.ledger import CopyState
from leadline_server.storage.postgres.connecting import IDENTITY
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_SEQUENCE_LEAP: Final = 1 << 40
"""More changes than any account gets between a backup and the day that it is restored."""

_HOME: Final = f"SELECT home, {IDENTITY} FROM ledger FOR UPDATE"  # noqa: S608 - a constant
_STANDBY: Final = """
    UPDATE ledger SET is_standby = true, live_since = NULL, sequence_base = sequence_base + $1,
        pruning_lease_owner = NULL, pruning_lease_until = NULL
"""
# Resume tokens from after the backup would be wrong: all tokens expire, and watchers list the calls again.
_EXPIRE_TOKENS: Final = """
    UPDATE account_counters SET sequence = sequence + $1, pruned_through = sequence + $1
"""


class PostgresCopyMark:
    """Implements ports.ledger.CopyMark."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def state(self) -> CopyState:
        """The present state."""
        [(is_copy, since)] = await self._database.fetch("SELECT is_standby, live_since FROM ledger")
        return CopyState(is_copy, None if since is None else from_microseconds(since))

    async def make_standby(self) -> None:
        """Make this ledger a standby."""
        await self._database.write(_make_standby)

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


async def recognise_copy(connection: Connection) -> None:
    """Make the ledger a standby if it was used in another database before."""
    home, here = await connection.fetchrow(_HOME)
    if home == here:
        return
    await connection.execute("UPDATE ledger SET home = $1", here)
    if home is not None:
        await _make_standby(connection)


async def _make_standby(connection: Connection) -> None:
    await connection.execute(_STANDBY, _SEQUENCE_LEAP)
    await connection.execute(_EXPIRE_TOKENS, _SEQUENCE_LEAP)


async def is_standby(connection: Connection) -> bool:
    """Whether the ledger is a standby."""
    return bool(await connection.fetchval("SELECT is_standby FROM ledger"))
