"""Implementations of the ledger port: leadline's own durable state."""
