"""The audit trail in SQLite. `record` belongs to the transaction of the change that it is about."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Final

from leadline_server.domain.audit import Actor, AuditAction, AuditEvent, AuditFilter
from leadline_server.domain.audit_chain import BEGINNING, Anchor, ChainedEntry, following
from leadline_server.ledger.audit_rows import LOOKED_AT, fits
from leadline_server.ports.ledger.audit import AuditPage
from leadline_server.storage.row_batch import RowBatch
from leadline_server.storage.sqlite import SqliteDatabase

_APPEND: Final = "INSERT INTO audit (account_id, time, document) VALUES (?, ?, ?)"
_APPEND_ALL: Final = RowBatch(
    ("account_id", "time", "document"),
    "INSERT INTO audit (account_id, time, document) SELECT * FROM given WHERE account_id IS NOT NULL",
)
_NEW: Final = "SELECT id, account_id, time, document FROM audit WHERE hash IS NULL ORDER BY id LIMIT ?"
_HAS_NEW: Final = "SELECT 1 FROM audit WHERE hash IS NULL LIMIT 1"
_CHAIN: Final = "UPDATE audit SET sequence = ?, hash = ? WHERE id = ?"
_ANCHOR: Final = "SELECT account_id, sequence, hash FROM audit_chains WHERE account_id = ?"
_ANCHORS: Final = "SELECT account_id, sequence, hash FROM audit_chains ORDER BY account_id"
_START: Final = "SELECT account_id, pruned_sequence, pruned_hash FROM audit_chains"
_STARTS: Final = f"{_START} ORDER BY account_id"
_MOVE_ANCHOR: Final = """
    INSERT INTO audit_chains (account_id, sequence, hash) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET sequence = ?2, hash = ?3
"""
_LIST: Final = """
    SELECT account_id, sequence, time, document, hash FROM audit WHERE account_id = ? AND sequence > ?
    ORDER BY sequence LIMIT ?
"""
_ALL: Final = """
    SELECT account_id, sequence, time, document, hash FROM audit WHERE account_id = ? AND hash IS NOT NULL
    ORDER BY sequence
"""
_OLD_ACCOUNTS: Final = """
    SELECT DISTINCT account_id FROM (
        SELECT account_id FROM audit WHERE time < ? AND hash IS NOT NULL ORDER BY time LIMIT ?
    )
"""
# Old entries at the start of the chain. A later one whose clock was wrong stays until those before it are old too.
_OLD: Final = """
    SELECT sequence, hash, time FROM audit WHERE account_id = ? AND hash IS NOT NULL ORDER BY sequence LIMIT ?
"""
_PRUNED: Final = "UPDATE audit_chains SET pruned_sequence = ?, pruned_hash = ? WHERE account_id = ?"
_DELETE: Final = "DELETE FROM audit WHERE account_id = ? AND sequence <= ?"


class SqliteAudit:
    """Implements ports.ledger.AuditTrail."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._changes = -1

    async def append(self, events: Sequence[AuditEvent]) -> None:
        """Store entries of what changed nothing."""
        await self._database.write(lambda connection: record(connection, *events))

    async def has_new(self, *, of_any_process: bool = True) -> bool:
        """Whether entries wait to be chained."""
        if self._database.changes == self._changes and not of_any_process:
            return False
        self._changes = self._database.changes
        return bool(await self._database.read_inline(lambda connection: connection.execute(_HAS_NEW).fetchall()))

    async def chain(self, limit: int) -> Sequence[ChainedEntry]:
        """Chain up to `limit` entries."""
        return await self._database.write(lambda connection: _chain(connection, limit))

    async def list(self, account_id: str, after: int, limit: int) -> Sequence[ChainedEntry]:
        """Chained entries of an account."""
        row = (account_id, after, limit)
        return await self._database.read(
            lambda connection: [ChainedEntry(*row) for row in connection.execute(_LIST, row)]
        )

    async def find(self, account_id: str, after: int, limit: int, among: AuditFilter) -> AuditPage:
        """Chained entries of an account that fit a filter."""
        return await self._database.read(lambda connection: _find(connection, account_id, after, limit, among))

    async def ends(self, account_id: str) -> tuple[Anchor, Anchor]:
        """The start and the end of an account's chain."""
        return await self._database.read(
            lambda connection: (_start(connection, account_id), _anchor(connection, account_id))
        )

    async def anchors(self) -> Sequence[Anchor]:
        """The state of every chain."""
        return await self._database.read(read_anchors)


def record(connection: sqlite3.Connection, *events: AuditEvent) -> None:
    """Store entries in the present transaction."""
    now = time.time_ns() // 1000
    rows = [(event.account_id, now, event.document) for event in events]
    if len(rows) == 1:
        connection.execute(_APPEND, rows[0])
    else:
        _APPEND_ALL.run(connection, rows)


def note(
    connection: sqlite3.Connection, by: Actor, account_id: str, action: AuditAction, subject: str = "", **others: object
) -> None:
    """Store one entry in the present transaction; arguments as for `AuditEvent.of`."""
    record(connection, AuditEvent.of(by, account_id, action, subject, **others))


def _chain(connection: sqlite3.Connection, limit: int) -> Sequence[ChainedEntry]:
    anchors: dict[str, Anchor] = {}
    chained: list[ChainedEntry] = []
    for row_id, account_id, at, document in connection.execute(_NEW, (limit,)).fetchall():
        last = anchors.get(account_id) or _anchor(connection, account_id)
        entry = following(last, at, document)
        anchors[account_id] = entry.anchor
        connection.execute(_CHAIN, (entry.sequence, entry.hash, row_id))
        chained.append(entry)
    connection.executemany(_MOVE_ANCHOR, anchors.values())
    return chained


def _find(connection: sqlite3.Connection, account_id: str, after: int, limit: int, among: AuditFilter) -> AuditPage:
    found: list[ChainedEntry] = []
    looked_at = 0
    for row in connection.execute(_LIST, (account_id, after, LOOKED_AT)):
        if len(found) == limit:
            return AuditPage(found, after)
        entry = ChainedEntry(*row)
        looked_at, after = looked_at + 1, entry.sequence
        if fits(entry, among):
            found.append(entry)
    return AuditPage(found, after if looked_at == LOOKED_AT else None)


def _start(connection: sqlite3.Connection, account_id: str) -> Anchor:
    rows = connection.execute(f"{_START} WHERE account_id = ?", (account_id,)).fetchall()
    return Anchor(*rows[0]) if rows else Anchor(account_id, 0, BEGINNING)


def _anchor(connection: sqlite3.Connection, account_id: str) -> Anchor:
    rows = connection.execute(_ANCHOR, (account_id,)).fetchall()
    return Anchor(*rows[0]) if rows else Anchor(account_id, 0, BEGINNING)


def read_anchors(connection: sqlite3.Connection) -> Sequence[Anchor]:
    """The state of every chain."""
    return [Anchor(*row) for row in connection.execute(_ANCHORS).fetchall()]


def read_starts(connection: sqlite3.Connection) -> Sequence[Anchor]:
    """The last pruned entry of every chain; sequence 0: none was."""
    return [Anchor(*row) for row in connection.execute(_STARTS).fetchall()]


def read_entries(connection: sqlite3.Connection, account_id: str) -> Iterator[ChainedEntry]:
    """All chained entries of an account in order."""
    return (ChainedEntry(*row) for row in connection.execute(_ALL, (account_id,)))


def prune_audit(connection: sqlite3.Connection, before: int, limit: int) -> int:
    """Delete old entries from the start of their chains, and keep the hash of the last one. Returns how many."""
    deleted = 0
    for (account_id,) in connection.execute(_OLD_ACCOUNTS, (before, limit)).fetchall():
        last: tuple[int, bytes] | None = None
        for sequence, digest, at in connection.execute(_OLD, (account_id, limit)):
            if at >= before:
                break
            last = sequence, digest
        if last is not None:
            connection.execute(_PRUNED, (*last, account_id))
            deleted += connection.execute(_DELETE, (account_id, last[0])).rowcount
    return deleted
