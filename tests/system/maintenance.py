"""The service on a ledger with many calls, and the work beside its calls: pruning, migrations and autovacuum."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg
from bench.workload import known_number
from leadline_server.commands.list_call_logs import CallLogQuery
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.ledger.postgres.ledger import MIGRATIONS
from leadline_server.ports.ledger import CallLogFilter
from leadline_server.storage.postgres.migrations import HalfMigration, apply_migrations, load_halves
from support.apps import ACCOUNT, Harness
from support.postgres import PostgresServer
from system.filled_ledgers import NUMBER, prune
from system.measures import held_up

OPTIONS: Final = {
    "autovacuum_naptime": "1s",
    "max_wal_size": "8GB",
    "shared_buffers": "1GB",
    "wal_level": "minimal",  # the copies need no WAL
    "max_wal_senders": "0",
}
"""Of a server with many calls."""

_SECONDS: Final = 3600.0
_PAGE: Final = 50
_CALLERS: Final = 80
"""Contacts that are asked for, all over the ledger. The first rounds of `compared` read them from the disk."""

_VACUUMED: Final = "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relname = 'call_logs'"
_NEWER: Final = [
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
class Asked:
    """The requests of a phone system, to the service on a ledger with `contacts` contacts."""

    harness: Harness
    contacts: int
    count: int = 0

    async def log(self) -> None:
        """LogCall of a known caller."""
        number = self._next_number()
        assert (await self.harness.log(f"new-{self.count}", number)).state is CallLogState.LOGGED

    async def list(self) -> None:
        """ListCallLogs: the newest page."""
        await self._page(CallLogFilter(account_id=ACCOUNT))

    async def list_of_number(self) -> None:
        """ListCallLogs of one number."""
        await self._page(CallLogFilter(account_id=ACCOUNT, phone_number=NUMBER))

    async def find(self) -> None:
        """FindContact."""
        assert len(await self.harness.find(self._next_number())) == 1

    async def prune(self) -> None:
        """Delete the oldest calls, some at a time."""
        await prune(self.harness)

    def _next_number(self) -> str:
        self.count += 1
        return known_number(self.count % _CALLERS * (self.contacts // _CALLERS))

    async def _page(self, selection: CallLogFilter) -> None:
        query = CallLogQuery(selection=selection, page_size=_PAGE, page_token="")
        page = await self.harness.app.commands.list_call_logs.execute(query)
        assert len(page.call_logs) == _PAGE


@dataclass(frozen=True)
class Maintenance:
    """Work of PostgreSQL on a database with `calls` calls."""

    server: PostgresServer
    url: str
    calls: int

    async def migrate(self) -> None:
        """Apply a column and an index, as a newer leadline does."""
        connection = await asyncpg.connect(self.url)
        assert await apply_migrations(connection, _NEWER) == 2
        await connection.close()

    async def replace_rows(self) -> None:
        """Write a tenth of the calls again, so that there is something to vacuum. Autovacuum is off from here on."""
        few = f"call-{self.calls // 10:08d}"
        await self._sql("ALTER TABLE call_logs SET (autovacuum_enabled = false)")
        await self._sql(f"UPDATE call_logs SET version = version + 1 WHERE call_id < '{few}'")  # noqa: S608 - our own
        await self._sql("CHECKPOINT")

    async def vacuum(self) -> None:
        """Let autovacuum be at the calls once more."""
        before = await self._sql(_VACUUMED)
        await self._sql("ALTER TABLE call_logs SET (autovacuum_enabled = true)")
        async with asyncio.timeout(_SECONDS):
            while await self._sql(_VACUUMED) == before:
                await asyncio.sleep(0.2)

    async def _sql(self, statement: str) -> str:
        return await asyncio.to_thread(self.server.sql, statement, self.url.rpartition("/")[2], _SECONDS)


async def held_up_by_maintenance(asked: Asked, maintenance: Maintenance | None) -> Mapping[str, float]:
    """How much longer a writer waits while others prune, migrate and vacuum, in seconds. Files are only pruned."""
    waits = {"pruning": await held_up(asked.log, asked.prune)}
    if maintenance is not None:
        waits["migration"] = await held_up(asked.log, maintenance.migrate)
        await maintenance.replace_rows()
        waits["autovacuum"] = await held_up(asked.log, maintenance.vacuum)
    return waits


def in_milliseconds(waits: Mapping[str, float]) -> str:
    """The waits in words."""
    return ", ".join(f"{name} {seconds * 1e3:.0f} ms" for name, seconds in waits.items())
