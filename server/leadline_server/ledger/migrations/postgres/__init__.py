"""Migrations of the PostgreSQL ledger."""
