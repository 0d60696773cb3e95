"""SQLite for many concurrent users in one process: group commits, reads, migrations, integrity checks and copies."""
