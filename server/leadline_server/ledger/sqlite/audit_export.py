"""Reads the audit trail of a ledger's file, also while servers use it: to export and to verify it."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from leadline_server.domain.audit_chain import ChainedEntry, broken
from leadline_server.ledger.sqlite.audit import read_anchors, read_entries, read_starts

_STRAY: Final = """
    SELECT DISTINCT account_id FROM audit WHERE hash IS NOT NULL
    AND account_id NOT IN (SELECT account_id FROM audit_chains)
"""


class AuditSnapshot:
    """The audit trail at one moment. new entries, which are younger than a second, are left out."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.starts = {start.account_id: start for start in read_starts(connection)}
        self.anchors = {anchor.account_id: anchor for anchor in read_anchors(connection)}

    def entries(self, account_id: str) -> Iterator[ChainedEntry]:
        """The entries of an account, in order."""
        return read_entries(self._connection, account_id)

    def problems(self, known: Mapping[str, Mapping[int, bytes]]) -> Iterator[str]:
        """A sentence for each fault of a chain. `known` has earlier anchors, by account and sequence."""
        for account_id, start in self.starts.items():
            entries, end = self.entries(account_id), self.anchors[account_id]
            yield from broken(entries, start, end, known.get(account_id, {}))
        for account_id in known.keys() - self.starts.keys():
            yield f"{account_id or 'the server'}: an anchor is known, and the ledger has no chain"
        for (account_id,) in self._connection.execute(_STRAY):
            yield f"{account_id or 'the server'}: it has entries and no chain"


@contextmanager
def audit_snapshot(connection: sqlite3.Connection) -> Iterator[AuditSnapshot]:
    """One snapshot of the audit trail, which further writes do not change."""
    connection.execute("BEGIN")
    try:
        yield AuditSnapshot(connection)
    finally:
        connection.execute("ROLLBACK")
