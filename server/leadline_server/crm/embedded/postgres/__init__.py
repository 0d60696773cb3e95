"""The embedded CRM's tables in PostgreSQL, beside those of the ledger (ledger/migrations/postgres)."""

from leadline_server.crm.embedded.postgres.tables import PostgresCrmTables, open_tables

__all__ = ["PostgresCrmTables", "open_tables"]
