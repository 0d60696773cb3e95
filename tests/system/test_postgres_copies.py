"""Copies of a ledger in PostgreSQL are standbys, and a failover makes none."""

import secrets
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from leadline_server.domain.ledger_errors import LedgerUnavailable, StandbyLedger
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.traced import TracedPostgresDatabase
from leadline_server.testing.ledger_samples import ACCOUNT, NOW, counted, key
from support.postgres import PostgresServer, postgres_server
from support.servers import leadline
from system.postgres_replicas import PARENT

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(parent=PARENT) as running:
        yield running


async def used(url: str) -> int:
    """Use the ledger at an address, and return the sequence of its latest change."""
    async with open_postgres_ledger(PostgresAddress(url=url)) as ledger:
        await ledger.call_logs.change(key(), counted)
        return await ledger.call_logs.last_sequence(ACCOUNT)


def dumped(server: PostgresServer, url: str, folder: Path) -> str:
    """A dump of a database, restored into another one. Returns its address."""
    copy, socket = server.create(), ("-h", server.folder, "-p", str(server.port), "-U", "leadline")
    text = server.programs.run("pg_dump", *socket, "-d", url.rpartition("/")[2])
    file = folder / f"{secrets.token_hex(4)}.sql"
    file.write_text(text)
    folder.chmod(0o755)
    server.programs.run("psql", *socket, "-Xq", "-v", "ON_ERROR_STOP=1", "-d", copy.rpartition("/")[2], input=text)
    return copy


async def test_a_restored_dump_is_a_standby_until_it_is_made_live(server: PostgresServer, tmp_path: Path) -> None:
    url = server.create()
    sequence = await used(url)
    copy = dumped(server, url, tmp_path)
    async with open_postgres_ledger(PostgresAddress(url=copy)) as ledger:
        assert (await ledger.copy_mark.state()).is_standby
        with pytest.raises(StandbyLedger):
            await ledger.tokens.acquire("crm", "me", NOW, NOW)
        assert await ledger.call_logs.pruned_through(ACCOUNT) > sequence  # all resume tokens of before expire
        assert await ledger.call_logs.last_sequence(ACCOUNT) >= await ledger.call_logs.pruned_through(ACCOUNT)
        assert (await ledger.call_logs.change(key(), counted)).after.attempts == 2
    settings = {"LEADLINE_LEDGER": copy, "LEADLINE_DATA_DIR": str(tmp_path / "data")}
    assert "It is a standby" in leadline("restore", settings=settings).stdout
    assert "It is live. Replay" in leadline("restore", "--live", settings=settings).stdout
    assert leadline("restore", "--live", settings=settings).stdout == "It is live already.\n"
    async with open_postgres_ledger(PostgresAddress(url=copy)) as ledger:
        state = await ledger.copy_mark.state()
        assert not state.is_standby
        assert state.live_since is not None
    async with open_postgres_ledger(PostgresAddress(url=url)) as ledger:
        assert not (await ledger.copy_mark.state()).is_standby  # the first one is as it was


async def test_a_promoted_standby_of_postgresql_is_no_copy_and_a_physical_copy_is_marked_by_hand(
    tmp_path: Path,
) -> None:
    with postgres_server(parent=PARENT) as primary:
        url = primary.create()
        await used(url)
        with primary.standby() as standby:
            primary.stop()
            standby.promote()
            promoted = standby.url(url.rpartition("/")[2])
            async with open_postgres_ledger(PostgresAddress(url=promoted)) as ledger:
                assert not (await ledger.copy_mark.state()).is_standby
            settings = {"LEADLINE_LEDGER": promoted, "LEADLINE_DATA_DIR": str(tmp_path / "data")}
            assert "It is a standby" in leadline("restore", "--standby", settings=settings).stdout
            refused = leadline("restore", str(tmp_path), settings=settings)
            assert refused.returncode == 2
            assert "pg_restore" in refused.stderr


async def test_an_address_that_leads_to_another_database_is_refused(server: PostgresServer) -> None:
    url = server.create()
    name = url.rpartition("/")[2]
    async with open_postgres_ledger(PostgresAddress(url=url)) as ledger:
        await ledger.call_logs.change(key(), counted)
        server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608 - the test made the name
        server.sql(f'ALTER DATABASE "{name}" RENAME TO "{name}_moved"')
        server.sql(f'CREATE DATABASE "{name}" TEMPLATE "{name}_moved"')
        with pytest.raises(LedgerUnavailable, match="another PostgreSQL database"):
            await ledger.call_logs.change(key(), counted)


async def test_reads_and_writes_have_spans(server: PostgresServer) -> None:
    names = []

    class Noting:
        def span(self, name: str) -> Any:
            names.append(name)
            return nullcontext()

    tracing: Any = Noting()
    make = partial(TracedPostgresDatabase, tracing)
    async with open_postgres_ledger(PostgresAddress(url=server.create()), make=make) as ledger:
        names.clear()
        await ledger.call_logs.change(key(), counted)
        assert names == ["ledger write"]
        await ledger.call_logs.get(key())
        assert names == ["ledger write", "ledger read"]
        await ledger.copy_mark.make_live(datetime.now(UTC))
        assert names == ["ledger write", "ledger read", "ledger write"]
