"""Pruning in SQLite: looking on the reader's connection, deleting in short transactions between other writers'."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.domain.retention import last_change, may_be_deleted
from leadline_server.ledger.codec import CALL_LOG, to_microseconds
from leadline_server.ports.retention import Pruned
from leadline_server.storage.sqlite import SqliteDatabase

_TAKE_TURN: Final = """
    UPDATE ledger SET upkeep_owner = :owner, upkeep_until = :until
    WHERE upkeep_owner IS NULL OR upkeep_owner = :owner OR upkeep_until <= :now
"""
_END_TURN: Final = "UPDATE ledger SET upkeep_owner = NULL, upkeep_until = NULL WHERE upkeep_owner = ?"

# By sequence, which is the order of the last visible changes: no index serves pruning alone.
_OLDEST: Final = "SELECT id, sequence, body FROM call_logs WHERE sequence > ? ORDER BY sequence LIMIT ?"
_DELETE_CALL: Final = "DELETE FROM call_logs WHERE id = ? AND body = ? RETURNING sequence"
_PRUNED_THROUGH: Final = "UPDATE ledger SET pruned_through = max(pruned_through, ?)"

_CLAIMS: Final = """
    SELECT account_id, number_key FROM claims WHERE (account_id, number_key) > (?, ?)
    ORDER BY account_id, number_key LIMIT ?
"""
_DELETE_CLAIMS: Final = """
    DELETE FROM claims WHERE (account_id, number_key) > (?, ?) AND (account_id, number_key) <= (?, ?)
    AND owner IS NULL AND creation_key IS NULL AND recorded_at < ?
"""
_DELETE_REQUESTS: Final = """
    DELETE FROM requests WHERE (account_id, request_id) IN (
        SELECT account_id, request_id FROM requests WHERE answered_at < ? ORDER BY answered_at LIMIT ?
    )
"""


class _Seen(NamedTuple):
    """A stretch of calls: those to delete (row and body), the last sequence, and whether all are too young."""

    deletable: Sequence[tuple[int, bytes]]
    last: int
    are_young: bool


class SqliteRetention:
    """An upkeep.Retention."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def take_turn(self, owner: str, now: datetime, until: datetime) -> bool:
        """Take the turn at pruning, or keep it, until `until`; False while another owner has it."""
        values = {"owner": owner, "now": to_microseconds(now), "until": to_microseconds(until)}
        return await self._database.write(lambda connection: connection.execute(_TAKE_TURN, values).rowcount == 1)

    async def end_turn(self, owner: str) -> None:
        """Give the turn back."""
        await self._database.write(lambda connection: connection.execute(_END_TURN, (owner,)))

    async def prune_calls(self, unchanged_since: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` calls, the longest unchanged first, and delete those that may be."""
        after = int(position or 0)
        seen = await self._database.read(lambda connection: _look(connection, unchanged_since, after, limit))
        if seen is None:
            return Pruned(0, None)
        deleted = 0
        if seen.deletable:
            deleted = await self._database.write(lambda connection: _delete_calls(connection, seen.deletable))
        return Pruned(deleted, None if seen.are_young else str(seen.last))

    async def prune_claims(self, recorded_before: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` claims; delete those whose contact was recorded before `recorded_before`."""
        after = tuple(json.loads(position)) if position else ("", "")
        rows = await self._database.read(lambda connection: connection.execute(_CLAIMS, (*after, limit)).fetchall())
        if not rows:
            return Pruned(0, None)
        values = (*after, *rows[-1], to_microseconds(recorded_before))
        deleted = await self._database.write(lambda connection: connection.execute(_DELETE_CLAIMS, values).rowcount)
        return Pruned(deleted, json.dumps(rows[-1]))

    async def prune_requests(self, answered_before: datetime, limit: int) -> Pruned:
        """Delete up to `limit` answers that were given before `answered_before`."""
        values = (to_microseconds(answered_before), limit)
        deleted = await self._database.write(lambda connection: connection.execute(_DELETE_REQUESTS, values).rowcount)
        return Pruned(deleted, "more" if deleted == limit else None)


def _look(connection: sqlite3.Connection, unchanged_since: datetime, after: int, limit: int) -> _Seen | None:
    rows = connection.execute(_OLDEST, (after, limit)).fetchall()
    if not rows:
        return None
    deletable, are_young = [], True
    for row_id, _, body in rows:
        try:
            log = CALL_LOG.decode(body)
        except LedgerUnavailable:
            are_young = False  # a damaged document is for `ledger check` to tell, and for a person to mend
            continue
        are_young = are_young and last_change(log) >= unchanged_since
        if may_be_deleted(log, unchanged_since):
            deletable.append((row_id, body))
    return _Seen(deletable, rows[-1][1], are_young)


def _delete_calls(connection: sqlite3.Connection, deletable: Sequence[tuple[int, bytes]]) -> int:
    # A call that was changed after it was looked at has another body by now, and stays.
    found = [connection.execute(_DELETE_CALL, row).fetchall() for row in deletable]
    sequences = [sequence for rows in found for (sequence,) in rows]
    if sequences:
        connection.execute(_PRUNED_THROUGH, (max(sequences),))
    return len(sequences)
