"""The placeholders that calls created, and the replays, in PostgreSQL."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from leadline_server.domain.audit import LEADLINE, Actor, AuditAction, AuditEvent
from leadline_server.domain.placeholder_bounds import MAX_REPLAYS, REPLAY_AGE
from leadline_server.domain.placeholders import Placeholder
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.placeholder_rows import MADE_BY_CALL, MADE_BY_REQUEST, placeholder_of
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.audit import count_of, note, record
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_RECORD: Final = """
    INSERT INTO placeholders (account_id, contact_id, created_at, document) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
"""
_LIST: Final = """
    SELECT contact_id, document, created_at FROM placeholders
    WHERE account_id = $1 AND (created_at, contact_id) > ($2, $3) ORDER BY created_at, contact_id LIMIT $4
"""
_GET: Final = """
    SELECT contact_id, document, created_at FROM placeholders WHERE account_id = $1 AND contact_id = $2
"""
_FORGET: Final = "DELETE FROM placeholders WHERE account_id = $1 AND contact_id = $2"
_OPEN: Final = """
    INSERT INTO replays (account_id, replay_id, placeholder_limit, begun, refused, opened_at)
    VALUES ($1, $2, $3, 0, 0, $4)
"""
_END_OLD: Final = """
    DELETE FROM replays WHERE account_id = $1 AND (opened_at <= $2 OR replay_id IN (
        SELECT replay_id FROM replays WHERE account_id = $1 ORDER BY opened_at DESC, replay_id OFFSET $3
    ))
"""
_HAS_REPLAY: Final = "SELECT 1 FROM replays WHERE account_id = $1 AND replay_id = $2 AND opened_at > $3"


class PostgresPlaceholders:
    """Implements ports.ledger.Placeholders; the contract of each method is there."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def list(self, account_id: str, after: tuple[datetime, str], limit: int) -> Sequence[Placeholder]:
        """Placeholders by creation time."""
        values = (account_id, to_microseconds(after[0]), after[1], limit)
        return [placeholder_of(row) for row in await self._database.fetch(_LIST, *values)]

    async def get(self, account_id: str, contact_id: str) -> Placeholder | None:
        """One placeholder."""
        rows = await self._database.fetch(_GET, account_id, contact_id)
        return placeholder_of(rows[0]) if rows else None

    async def forget(self, account_id: str, contact_id: str, by: Actor = LEADLINE) -> None:
        """Forget a placeholder."""

        async def forget(connection: Connection) -> None:
            if count_of(await connection.execute(_FORGET, account_id, contact_id)):
                await note(connection, by, account_id, AuditAction.PLACEHOLDER_REMOVED, contact_id)

        await self._database.write(forget)

    async def open_replay(
        self, account_id: str, replay_id: str, placeholder_limit: int, now: datetime, by: Actor = LEADLINE
    ) -> None:
        """Open a replay, and end the oldest ones."""
        opened, too_old = to_microseconds(now), to_microseconds(now - REPLAY_AGE)

        async def open_one(connection: Connection) -> None:
            await lock_account(connection, account_id)
            await connection.execute(_OPEN, account_id, replay_id, placeholder_limit, opened)
            await note(connection, by, account_id, AuditAction.REPLAY_OPENED, replay_id)
            await connection.execute(_END_OLD, account_id, too_old, MAX_REPLAYS)

        await self._database.write(open_one)

    async def has_replay(self, account_id: str, replay_id: str, now: datetime) -> bool:
        """Whether the replay can be used."""
        return bool(await self._database.fetch(_HAS_REPLAY, account_id, replay_id, to_microseconds(now - REPLAY_AGE)))


async def record_created(
    connection: Connection, account_id: str, contact_id: str, now: int, taken: str, by: Actor | None
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
    if not taken or count_of(await connection.execute(_RECORD, account_id, contact_id, now, taken)):
        await note_created(connection, account_id, contact_id, taken, by)


async def note_created(connection: Connection, account_id: str, contact_id: str, taken: str, by: Actor | None) -> None:
    """Have the audit trail say that a placeholder was created. The arguments are those of `record_created`."""
    if taken:
        await record(connection, creation_by_call(account_id, contact_id, taken))
    elif by is not None:
        await note(connection, by, account_id, AuditAction.PLACEHOLDER_CREATED, contact_id, reason=MADE_BY_REQUEST)


def creation_by_call(account_id: str, contact_id: str, taken: str) -> AuditEvent:
    """The entry of the audit trail for a placeholder that a call created, by what `take` returned for it."""
    made = json.loads(taken)
    owner, action = LEADLINE.acting_for(made["user"]), AuditAction.PLACEHOLDER_CREATED
    return AuditEvent.of(owner, account_id, action, contact_id, reason=MADE_BY_CALL, call_id=made["call"])
