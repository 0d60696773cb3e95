"""Backups of all that leadline keeps on disk: made while servers run, and restored into an empty data directory."""
