"""The ledger in a PostgreSQL database, which processes of many machines may share."""

from leadline_server.ledger.postgres.ledger import PostgresLedger, open_postgres_ledger

__all__ = ["PostgresLedger", "open_postgres_ledger"]
