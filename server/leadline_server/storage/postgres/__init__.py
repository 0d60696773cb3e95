"""A PostgreSQL database for many processes: addresses, connections, transactions, migrations and notifications."""
