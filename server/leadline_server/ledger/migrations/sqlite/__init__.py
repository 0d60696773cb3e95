"""The schema of the SQLite ledger."""
