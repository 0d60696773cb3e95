"""The mark of a restored copy in SQLite. A backup sets it (ledger/sqlite/backup.py)."""

import sqlite3
from collections.abc import Collection
from datetime import datetime

from leadline_server.domain.audit import OPERATOR, SERVER, AuditAction
from leadline_server.ledger.codec import from_microseconds, to_microseconds
from leadline_server.ledger.sqlite.audit import note
from leadline_server.ledger.sqlite.secrets import forget_secrets
from leadline_server.ports.ledger import CopyState
from leadline_server.storage.sqlite import SqliteDatabase


class SqliteCopyMark:
    """Implements ports.ledger.CopyMark."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def state(self) -> CopyState:
        """The present state."""
        return await self._database.read(read_copy_state)

    async def make_live(self, now: datetime, *, forget: Collection[str] = ()) -> bool:
        """End the standby, and drop what needs the keys `forget`; False if the ledger is no standby."""
        statement = "UPDATE ledger SET is_standby = 0, live_since = ? WHERE is_standby = 1"
        row = (to_microseconds(now),)

        def make(connection: sqlite3.Connection) -> bool:
            forget_secrets(connection, forget)
            is_live = connection.execute(statement, row).rowcount == 1
            if is_live:
                note(connection, OPERATOR, SERVER, AuditAction.LEDGER_MADE_LIVE)
            return is_live

        return await self._database.write(make)


def read_copy_state(connection: sqlite3.Connection) -> CopyState:
    """The state of a ledger."""
    [(standby, since)] = connection.execute("SELECT is_standby, live_since FROM ledger").fetchall()
    return CopyState(bool(standby), None if since is None else from_microseconds(since))


def is_standby(connection: sqlite3.Connection) -> bool:
    """Whether the ledger is a standby."""
    return read_copy_state(connection).is_standby
