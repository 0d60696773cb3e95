"""The placeholders that calls created, and the replays, in SQLite."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from leadline_server.domain.audit import LEADLINE, Actor, AuditAction, AuditEvent
from leadline_server.domain.placeholder_bounds import MAX_REPLAYS, REPLAY_AGE
from leadline_server.domain.placeholders import Placeholder
from leadline_server.domain.unshown import unshown
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.placeholder_rows import MADE_BY_CALL, MADE_BY_REQUEST, placeholder_of
from leadline_server.ledger.sqlite.audit import note, record
from leadline_server.storage.row_batch import RowBatch
from leadline_server.storage.sqlite import SqliteDatabase

_COLUMNS: Final = "contact_id, document, created_at"
_RECORD: Final = "INSERT OR IGNORE INTO placeholders (account_id, contact_id, created_at, document) VALUES (?, ?, ?, ?)"
_RECORD_NEW: Final = RowBatch(
    ("account_id", "contact_id", "created_at", "document"),
    "INSERT INTO placeholders (account_id, contact_id, created_at, document)"
    " SELECT * FROM given WHERE account_id IS NOT NULL",
)
_LIST: Final = f"""
    SELECT {_COLUMNS} FROM placeholders WHERE account_id = ? AND (created_at, contact_id) > (?, ?)
    ORDER BY created_at, contact_id LIMIT ?
"""  # noqa: S608 - constants of this module
_GET: Final = f"SELECT {_COLUMNS} FROM placeholders WHERE account_id = ? AND contact_id = ?"  # noqa: S608 - as above
_FORGET: Final = "DELETE FROM placeholders WHERE account_id = ? AND contact_id = ?"
_OPEN: Final = """
    INSERT INTO replays (account_id, replay_id, placeholder_limit, begun, refused, opened_at) VALUES (?, ?, ?, 0, 0, ?)
"""
_END_OLD: Final = """
    DELETE FROM replays WHERE account_id = ? AND (opened_at <= ? OR replay_id IN (
        SELECT replay_id FROM replays WHERE account_id = ? ORDER BY opened_at DESC, replay_id LIMIT -1 OFFSET ?
    ))
"""
_HAS_REPLAY: Final = "SELECT 1 FROM replays WHERE account_id = ? AND replay_id = ? AND opened_at > ?"


class SqlitePlaceholders:
    """Implements ports.ledger.Placeholders; the contract of each method is there."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def list(self, account_id: str, after: tuple[datetime, str], limit: int) -> Sequence[Placeholder]:
        """Placeholders by creation time."""
        values = (account_id, to_microseconds(after[0]), after[1], limit)
        rows = await self._database.read(lambda connection: connection.execute(_LIST, values).fetchall())
        return [placeholder_of(row) for row in rows]

    async def get(self, account_id: str, contact_id: str) -> Placeholder | None:
        """One placeholder."""
        key = (account_id, contact_id)
        rows = await self._database.read(lambda connection: connection.execute(_GET, key).fetchall())
        return placeholder_of(rows[0]) if rows else None

    async def forget(self, account_id: str, contact_id: str, by: Actor = LEADLINE) -> None:
        """Forget a placeholder."""

        def forget(connection: sqlite3.Connection) -> None:
            if connection.execute(_FORGET, (account_id, contact_id)).rowcount:
                note(connection, by, account_id, AuditAction.PLACEHOLDER_REMOVED, contact_id)

        await self._database.write(forget)

    async def open_replay(
        self, account_id: str, replay_id: str, placeholder_limit: int, now: datetime, by: Actor = LEADLINE
    ) -> None:
        """Open a replay, and end the oldest ones."""
        opened, too_old = to_microseconds(now), to_microseconds(now - REPLAY_AGE)

        def open_one(connection: sqlite3.Connection) -> None:
            connection.execute(_OPEN, (account_id, replay_id, placeholder_limit, opened))
            note(connection, by, account_id, AuditAction.REPLAY_OPENED, replay_id)
            connection.execute(_END_OLD, (account_id, too_old, account_id, MAX_REPLAYS))

        await self._database.write(open_one)

    async def has_replay(self, account_id: str, replay_id: str, now: datetime) -> bool:
        """Whether the replay can be used."""
        key = (account_id, replay_id, to_microseconds(now - REPLAY_AGE))
        rows = await self._database.read_inline(lambda connection: connection.execute(_HAS_REPLAY, key).fetchall())
        return bool(rows)


@unshown
class CreatedPlaceholder(NamedTuple):
    """A placeholder that a call created; the attributes are the arguments of `record_created`."""

    account_id: str
    contact_id: str
    now: int
    taken: str


def record_new(connection: sqlite3.Connection, created: Sequence[CreatedPlaceholder]) -> None:
    """As `record_created`, of contacts that were made in this transaction, so that none is recorded yet.

    With eight in a group that is 44,000 instructions of a placeholder's call less.
    """
    _RECORD_NEW.run(connection, created)
    record(connection, *[_event(account_id, contact_id, taken) for account_id, contact_id, _, taken in created])


def _event(account_id: str, contact_id: str, taken: str) -> AuditEvent:
    made = msgspec.json.decode(taken)
    owner, action = LEADLINE.acting_for(made["user"]), AuditAction.PLACEHOLDER_CREATED
    return AuditEvent.of(owner, account_id, action, contact_id, reason=MADE_BY_CALL, call_id=made["call"])


def record_created(
    connection: sqlite3.Connection, account_id: str, contact_id: str, now: int, taken: str, by: Actor | None
) -> None:
    """Record a placeholder that was created, within a transaction of the caller's.

    Args:
        connection: the connection.
        account_id: the account.
        contact_id: the placeholder.
        now: the time in microseconds.
        taken: what `placeholder_counts.take` returned for it; empty: a request of `by` created it, not a call.
        by: who has the audit trail say, without `taken`.
    """
    if taken:
        if connection.execute(_RECORD, (account_id, contact_id, now, taken)).rowcount:  # it is not recorded yet
            record(connection, _event(account_id, contact_id, taken))
    elif by is not None:
        note(connection, by, account_id, AuditAction.PLACEHOLDER_CREATED, contact_id, reason=MADE_BY_REQUEST)
