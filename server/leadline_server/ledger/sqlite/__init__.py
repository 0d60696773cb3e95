"""The ledger in one SQLite file, which several processes of one machine may share."""

from leadline_server.ledger.sqlite.ledger import SqliteLedger, open_sqlite_ledger

__all__ = ["SqliteLedger", "open_sqlite_ledger"]
