"""The audit trail: who acts now, what is observed, chaining, export and verification."""
