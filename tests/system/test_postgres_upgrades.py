"""Migrations while servers work, by a role of their own, and a pooler between a server and PostgreSQL."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import asyncpg
import grpc
import pytest
from fakes.process import fake_process
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.ledger.postgres.ledger import MIGRATIONS, migrate
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.migrations import HalfMigration, apply_migrations, load_halves
from leadline_server.testing.ledger_samples import counted, key
from support.pgbouncer import pgbouncer
from support.postgres import PostgresServer
from system.postgres_replicas import SECONDS, clients_of, report_all, servers, until_logged

pytestmark = pytest.mark.system

KNOWN: Final = load_halves(MIGRATIONS)
NEWER: Final = [
    *KNOWN,
    HalfMigration(
        90,
        "pre",
        "labels",
        "ALTER TABLE call_logs ADD COLUMN label text; ALTER TABLE account_counters ADD COLUMN label text",
    ),
    HalfMigration(
        91,
        "pre",
        "labels_index",
        "-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS labels ON call_logs (account_id, label)",
    ),
    HalfMigration(91, "post", "labels_index", "ALTER TABLE accounts DROP COLUMN title"),
]
"""The migrations of a newer leadline."""

GRANTS: Final = """
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO runtime;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO runtime;
"""
PERSON: Final = {"firstname": "Ada", "lastname": "Lovelace", "phone": "(202) 555-0147"}
CALLS: Final = 60


async def test_an_old_and_a_new_process_work_through_a_migration(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one is a server; the new one is a ledger with more migrations, on the same database."""
    url = postgres.create()
    address = PostgresAddress(url=url)
    with fake_process("hubspot", tmp_path / "crm") as crm, servers(tmp_path, crm, url, 1) as old:
        crm.control("POST", "/people", [PERSON])
        async with clients_of(old) as clients:
            reporting = asyncio.create_task(report_all(clients, CALLS))
            await asyncio.sleep(1)
            monkeypatch.setattr("leadline_server.ledger.postgres.ledger.load_halves", lambda _: NEWER)
            async with open_postgres_ledger(address) as new:
                for _ in range(20):
                    await new.call_logs.change(key("of the new", "demo"), counted)
                accepted, codes = await asyncio.wait_for(reporting, SECONDS)
                for call_id in accepted:
                    await until_logged(clients[0], call_id)
                log = await new.call_logs.get(key("of the new", "demo"))
        assert log is not None
        assert log.attempts == 20
        written = crm.written()
    assert codes <= {grpc.StatusCode.UNAVAILABLE}
    assert [len(logs) for logs in written.logs.values()] == [1] * CALLS
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'label' AND table_schema = 'public'"
    assert postgres.sql(columns, url.rpartition("/")[2]) == "2"
    assert await migrate(address, with_post=True) == 1  # no old process is left
    monkeypatch.undo()
    with pytest.raises(LedgerUnavailable, match="newer leadline"):
        await migrate(address)


async def test_a_migration_that_waits_for_a_table_holds_no_writer(postgres: PostgresServer) -> None:
    url = postgres.create()
    async with open_postgres_ledger(PostgresAddress(url=url)) as ledger:
        await ledger.call_logs.change(key(), counted)
        reader, migrating = await asyncpg.connect(url), await asyncpg.connect(url)
        await reader.execute("BEGIN; SELECT count(*) FROM call_logs")
        migration = asyncio.create_task(apply_migrations(migrating, NEWER))
        slowest, until = 0.0, time.monotonic() + 3
        while time.monotonic() < until:
            began = time.monotonic()
            await ledger.call_logs.change(key(), counted)
            slowest = max(slowest, time.monotonic() - began)
        assert not migration.done()
        await reader.close()
        assert await migration == 2
        await migrating.close()
    assert slowest < 1.5  # the reader kept the table for 3 seconds; a migration waits 0.1 at a time


async def test_one_process_builds_an_index(postgres: PostgresServer) -> None:
    """More of them make the writers' commits wait longer for the disk."""
    url, setting = postgres.create(), "max_parallel_maintenance_workers"
    halves = [
        HalfMigration(1, "pre", "shared", f"CREATE TABLE seen AS SELECT current_setting('{setting}') AS workers"),
        HalfMigration(2, "pre", "alone", f"-- no transaction\nINSERT INTO seen SELECT current_setting('{setting}')"),
    ]
    migrating = await asyncpg.connect(url)
    assert await apply_migrations(migrating, halves) == 2
    await migrating.close()
    assert postgres.sql("SELECT workers FROM seen", url.rpartition("/")[2]).split() == ["0", "0"]


async def test_servers_need_no_right_to_change_the_schema(postgres: PostgresServer) -> None:
    url = postgres.create()
    name = url.rpartition("/")[2]
    await migrate(PostgresAddress(url=url))
    with suppress(AssertionError):
        postgres.sql(f"CREATE ROLE runtime LOGIN PASSWORD '{postgres.password}'")
    postgres.sql(GRANTS, name)
    address = PostgresAddress(url=url.replace("leadline:", "runtime:"))
    async with open_postgres_ledger(address) as ledger:
        await ledger.check()
        await ledger.call_logs.change(key(), counted)
        with pytest.raises(LedgerUnavailable, match="rights"):
            await ledger.storage.write(lambda connection: connection.execute("CREATE TABLE more ()"))


async def test_calls_are_logged_once_behind_a_transaction_pooler(tmp_path: Path, postgres: PostgresServer) -> None:
    direct = postgres.create()
    postgres.sql("ALTER ROLE leadline SET synchronous_commit = local")  # what a pooler's session may have
    try:
        with pgbouncer(postgres, "transaction") as pooler, fake_process("hubspot", tmp_path / "crm") as crm:
            crm.control("POST", "/people", [PERSON])
            refused: Any = pytest.raises(LedgerUnavailable, match="synchronous_commit = local")
            with refused:
                async with open_postgres_ledger(PostgresAddress(url=pooler.url(direct), direct=direct)):
                    pass
    finally:
        postgres.sql("ALTER ROLE leadline RESET synchronous_commit")
    with pgbouncer(postgres, "transaction") as pooler, fake_process("hubspot", tmp_path / "crm2") as crm:
        crm.control("POST", "/people", [PERSON])
        with servers(tmp_path, crm, pooler.url(direct), 2, LEADLINE_LEDGER_DIRECT=direct) as running:
            async with clients_of(running) as clients:
                accepted, codes = await report_all(clients, CALLS)
                for call_id in accepted:
                    await until_logged(clients[1], call_id)
        written = crm.written()
    assert codes == set()
    assert [len(logs) for logs in written.logs.values()] == [1] * CALLS
