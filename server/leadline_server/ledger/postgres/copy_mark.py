"""The mark of a restored copy in PostgreSQL."""

from collections.abc import Collection
from datetime import datetime

from leadline_server.domain.audit import OPERATOR, SERVER, AuditAction
from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.postgres.audit import count_of, note
from leadline_server.ledger.postgres.secrets import forget_secrets
from leadline_server.ports.ledger import CopyState
from leadline_server.storage.postgres.database import Connection, PostgresDatabase


class PostgresCopyMark:
    """Implements ports.ledger.CopyMark."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def state(self) -> CopyState:
        """The present state."""
        [(is_copy, since)] = await self._database.fetch("SELECT is_standby, live_since FROM ledger")
        return CopyState(is_copy, None if since is None else from_microseconds(since))

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
