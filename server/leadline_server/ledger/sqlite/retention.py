"""Retention in SQLite: select old records on the reader's connection, delete them in short write transactions."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.limits import MOST_PAGE_BYTES
from leadline_server.domain.retention import last_change, may_be_deleted
from leadline_server.ledger.call_log_rows import within
from leadline_server.ledger.codec import CALL_LOG, to_microseconds
from leadline_server.ledger.sqlite.audit import prune_audit
from leadline_server.ports.ledger import Pruned
from leadline_server.storage.sqlite import SqliteDatabase

_ACQUIRE: Final = """
    UPDATE ledger SET pruning_lease_owner = :lease_owner, pruning_lease_until = :lease_until
    WHERE pruning_lease_owner IS NULL OR pruning_lease_owner = :lease_owner OR pruning_lease_until <= :now
"""
_RELEASE: Final = """
    UPDATE ledger SET pruning_lease_owner = NULL, pruning_lease_until = NULL WHERE pruning_lease_owner = ?
"""

# Account by account, and by sequence, which is the order of the latest visible changes. Watchers need that index, too.
_NEXT_ACCOUNT: Final = "SELECT min(account_id) FROM call_logs WHERE account_id > ?"
_OLDEST: Final = """
    SELECT id, sequence, body FROM call_logs WHERE account_id = ? AND sequence > ? ORDER BY sequence LIMIT ?
"""
_DELETE_CALL: Final = "DELETE FROM call_logs WHERE id = ? AND body = ? RETURNING sequence, account_id, call_id"
_DELETE_LINKS: Final = "DELETE FROM call_links WHERE account_id = ? AND call_id = ?"
_PRUNED_THROUGH: Final = "UPDATE stored_blocks SET pruned_through = max(pruned_through, ?) WHERE account_id = ?"

_CLAIMS: Final = """
    SELECT account_id, number_key FROM claims WHERE (account_id, number_key) > (?, ?)
    ORDER BY account_id, number_key LIMIT ?
"""
_DELETE_CLAIMS: Final = """
    DELETE FROM claims WHERE (account_id, number_key) > (?, ?) AND (account_id, number_key) <= (?, ?)
    AND lease_owner IS NULL AND creation_key IS NULL AND recorded_at < ?
"""
# Undoing needs the calls of a placeholder, so the record of one is kept no longer than calls are.
_DELETE_PLACEHOLDERS: Final = """
    DELETE FROM placeholders WHERE (account_id, contact_id) IN (
        SELECT account_id, contact_id FROM placeholders WHERE created_at < ? LIMIT ?
    )
"""
_DELETE_REQUESTS: Final = """
    DELETE FROM requests WHERE (account_id, request_id) IN (
        SELECT account_id, request_id FROM requests WHERE answered_at < ? ORDER BY answered_at LIMIT ?
    )
"""
_DELETE_QUARANTINE: Final = """
    DELETE FROM quarantine WHERE (account_id, key) IN (
        SELECT account_id, key FROM quarantine WHERE received_at < ? ORDER BY received_at LIMIT ?
    )
"""


class _OldCalls(NamedTuple):
    """The calls of one step: those to delete (row id and body), and the position of the next step."""

    deletable: Sequence[tuple[int, bytes]]
    position: str | None


class SqliteRetention:
    """Implements ports.ledger.Retention."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def acquire(self, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """Acquire or renew the lease on pruning; False if another process holds it."""
        values = {
            "lease_owner": lease_owner,
            "now": to_microseconds(now),
            "lease_until": to_microseconds(lease_until),
        }
        return await self._database.write(lambda connection: connection.execute(_ACQUIRE, values).rowcount == 1)

    async def release(self, lease_owner: str) -> None:
        """Release the lease."""
        await self._database.write(lambda connection: connection.execute(_RELEASE, (lease_owner,)))

    async def prune_calls(self, unchanged_since: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` calls of one account, the longest unchanged first, and delete those that may be.

        The position has the account, and the sequence after which the next step looks: `["acme", 48210]`.
        """
        after = json.loads(position) if position else ("", None)
        old = await self._database.read(lambda connection: _select(connection, unchanged_since, after, limit))
        if old is None:
            return Pruned(0, None)
        deleted = 0
        if old.deletable:
            deleted = await self._database.write(lambda connection: _delete_calls(connection, old.deletable))
        return Pruned(deleted, old.position)

    async def prune_claims(self, recorded_before: datetime, position: str, limit: int) -> Pruned:
        """Look at the next `limit` claims; delete those whose contact was recorded before `recorded_before`."""
        after = tuple(json.loads(position)) if position else ("", "")
        if not position:
            row = (to_microseconds(recorded_before), limit)
            await self._database.write(lambda connection: connection.execute(_DELETE_PLACEHOLDERS, row))
        rows = await self._database.read(lambda connection: connection.execute(_CLAIMS, (*after, limit)).fetchall())
        if not rows:
            return Pruned(0, None)
        values = (*after, *rows[-1], to_microseconds(recorded_before))
        deleted = await self._database.write(lambda connection: connection.execute(_DELETE_CLAIMS, values).rowcount)
        return Pruned(deleted, json.dumps(rows[-1]))

    async def prune_requests(self, answered_before: datetime, limit: int) -> Pruned:
        """Delete up to `limit` answers that were given before `answered_before`."""
        return await self._delete(_DELETE_REQUESTS, answered_before, limit)

    async def prune_quarantine(self, received_before: datetime, limit: int) -> Pruned:
        """Delete up to `limit` events of the quarantine that came before `received_before`."""
        return await self._delete(_DELETE_QUARANTINE, received_before, limit)

    async def prune_audit(self, before: datetime, limit: int) -> Pruned:
        """Delete chained audit entries from before `before`, about `limit`."""
        at = to_microseconds(before)
        deleted = await self._database.write(lambda connection: prune_audit(connection, at, limit))
        return Pruned(deleted, "more" if deleted >= limit else None)

    async def _delete(self, statement: str, before: datetime, limit: int) -> Pruned:
        values = (to_microseconds(before), limit)
        deleted = await self._database.write(lambda connection: connection.execute(statement, values).rowcount)
        return Pruned(deleted, "more" if deleted == limit else None)


def _select(
    connection: sqlite3.Connection, unchanged_since: datetime, position: tuple[str, int | None], limit: int
) -> _OldCalls | None:
    """The calls of the next step; None if no account is left. Without a sequence the next account begins."""
    account_id, after = position
    if after is None:
        following, after = _next_account(connection, account_id), 0
        if following is None:
            return None
        account_id = following
    deletable, are_recent, last = [], True, after
    for row_id, sequence, body in within(connection.execute(_OLDEST, (account_id, after, limit)), MOST_PAGE_BYTES):
        last = sequence
        try:
            log = CALL_LOG.decode(body)
        except LedgerUnavailable:
            are_recent = False  # keep a damaged document: `leadline ledger check` reports it, and a person decides
            continue
        are_recent = are_recent and last_change(log) >= unchanged_since
        if may_be_deleted(log, unchanged_since):
            deletable.append((row_id, body))
    if not are_recent:
        return _OldCalls(deletable, json.dumps((account_id, last)))
    is_last = _next_account(connection, account_id) is None
    return _OldCalls(deletable, None if is_last else json.dumps((account_id, None)))


def _next_account(connection: sqlite3.Connection, after: str) -> str | None:
    [(account_id,)] = connection.execute(_NEXT_ACCOUNT, (after,)).fetchall()
    return account_id if account_id is None else str(account_id)


def _delete_calls(connection: sqlite3.Connection, deletable: Sequence[tuple[int, bytes]]) -> int:
    # A call that was changed since it was selected has another body, so it is not deleted.
    deleted = [connection.execute(_DELETE_CALL, row).fetchall() for row in deletable]
    connection.executemany(_DELETE_LINKS, [row[1:] for rows in deleted for row in rows])
    sequences = [row[:2] for rows in deleted for row in rows]
    connection.executemany(_PRUNED_THROUGH, sequences)
    return len(sequences)
