"""Reads the audit trail of a ledger's file, also while servers use it: to export and to verify it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from leadline_server.ledger.audit_snapshot import AuditSnapshot
from leadline_server.ledger.sqlite.audit import read_anchors, read_entries, read_starts

_STRAY: Final = """
    SELECT DISTINCT account_id FROM audit WHERE hash IS NOT NULL
    AND account_id NOT IN (SELECT account_id FROM audit_chains)
"""


def snapshot_of(connection: sqlite3.Connection) -> AuditSnapshot:
    """The audit trail, as this connection reads it."""
    return AuditSnapshot(
        read_starts(connection),
        read_anchors(connection),
        lambda account_id: read_entries(connection, account_id),
        lambda: [account_id for (account_id,) in connection.execute(_STRAY)],
    )


@contextmanager
def audit_snapshot(connection: sqlite3.Connection) -> Iterator[AuditSnapshot]:
    """One snapshot of the audit trail, which further writes do not change."""
    connection.execute("BEGIN")
    try:
        yield snapshot_of(connection)
    finally:
        connection.execute("ROLLBACK")
