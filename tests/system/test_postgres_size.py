"""Pruning, autovacuum and migrations of a large PostgreSQL ledger hold no writer up.

The full form has a million calls. `-s` shows the figures.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from leadline_server.ledger.postgres.ledger import MIGRATIONS
from leadline_server.storage.postgres.migrations import HalfMigration, apply_migrations, load_halves
from support.apps import Harness, open_harness
from support.postgres import PostgresServer, postgres_server
from system.filled_ledgers import KNOWN, fill, prune
from system.measures import held_up

CALLS, MANY_CALLS = 20_000, 1_000_000
MOST_SECONDS: Final = 0.1
OPTIONS: Final = {"autovacuum_naptime": "1s", "max_wal_size": "4GB"}
DIRTY: Final = "UPDATE call_logs SET version = version + 1 WHERE call_id < 'old-3'"
VACUUMED: Final = "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relname = 'call_logs'"
NEWER: Final = [
    *load_halves(MIGRATIONS),
    HalfMigration(90, "pre", "labels", "ALTER TABLE call_logs ADD COLUMN label text"),
    HalfMigration(
        91,
        "pre",
        "labels_index",
        "-- no transaction\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS call_logs_by_label ON call_logs (account_id, label, start_time)",
    ),
]


@dataclass
class Large:
    """The service on a ledger with many finished calls."""

    harness: Harness
    server: PostgresServer
    url: str
    count: int = 0

    async def log(self) -> None:
        """Log a call."""
        self.count += 1
        await self.harness.log(f"new-{self.count}", KNOWN)

    async def prune(self) -> None:
        """Delete the oldest calls, some at a time."""
        await prune(self.harness)

    async def vacuumed(self) -> None:
        """Wait until autovacuum has been at the calls once more, after many rows of other calls were replaced."""
        name = self.url.rpartition("/")[2]
        before = await asyncio.to_thread(self.server.sql, VACUUMED, name)
        await asyncio.to_thread(
            self.server.sql, "UPDATE call_logs SET version = version + 1 WHERE call_id < 'old-3'", name
        )
        async with asyncio.timeout(300):
            while await asyncio.to_thread(self.server.sql, VACUUMED, name) == before:
                await asyncio.sleep(0.2)

    async def migrate(self) -> None:
        """Apply a column and an index, as a newer leadline does."""
        connection = await asyncpg.connect(self.url)
        assert await apply_migrations(connection, NEWER) == 2
        await connection.close()


@asynccontextmanager
async def large(folder: Path, calls: int) -> AsyncIterator[Large]:
    """The server is on a disk, as a million calls take more memory than a machine may have."""
    with postgres_server(options=OPTIONS) as server:
        url = server.create()
        await fill(folder / "data", calls, 1, server, url)
        async with open_harness(folder / "data", ledger=url) as harness:
            yield Large(harness, server, url)


@pytest.mark.parametrize(
    "calls", [pytest.param(CALLS, marks=pytest.mark.system), pytest.param(MANY_CALLS, marks=pytest.mark.soak)]
)
async def test_pruning_autovacuum_and_migrations_hold_no_writer_up(tmp_path: Path, calls: int) -> None:
    async with large(tmp_path, calls) as ledger:
        work = {"pruning": ledger.prune, "migration": ledger.migrate, "autovacuum": ledger.vacuumed}
        figures = {name: await held_up(ledger.log, done) for name, done in work.items()}
    shown = ", ".join(f"{name} {seconds * 1e3:.0f} ms" for name, seconds in figures.items())
    sys.stdout.write(f"\n{calls:,} calls: a writer waited longer by: {shown}\n")
    assert max(figures.values()) < MOST_SECONDS, shown
