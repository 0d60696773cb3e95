"""Retention: deletes old records in the background."""
