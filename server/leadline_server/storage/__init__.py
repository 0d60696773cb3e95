"""What everything that keeps state in SQLite shares: batching, group commits, migrations."""
