"""PostgreSQL at its limits: connections, time, locks and disks. Nothing is accepted that is not kept."""

import asyncio
import gc
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.ledger_errors import LedgerFull, LedgerUnavailable
from leadline_server.ledger.postgres import PostgresLedger, open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.database import open_pool
from leadline_server.testing.ledger_samples import call_log, counted, key
from support.disks import in_memory
from support.postgres import MEMORY, PostgresServer, postgres_server

pytestmark = pytest.mark.system

MOST: Final = 12
_NEW: Final = 400


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server(parent=MEMORY, options={"max_connections": str(MOST), "max_wal_senders": "0"}) as running:
        yield running


async def test_a_server_without_free_connections_is_unavailable_until_it_has_one(server: PostgresServer) -> None:
    url = server.create()
    async with open_postgres_ledger(PostgresAddress(url=url, connections=2)) as ledger:
        await ledger.call_logs.change(key(), counted)
        others = await all_connections(url)
        try:
            with pytest.raises(LedgerUnavailable, match="no connection") as refused:
                await ledger.call_logs.change(key("other"), counted)
        finally:
            for connection in others:
                connection.terminate()
        assert refused.value.retry_after is not None
        await until_it_works(ledger)
        assert await ledger.call_logs.get(key("other")) is None


async def test_a_slow_statement_is_unavailable_and_changes_nothing(server: PostgresServer) -> None:
    url = server.create()
    async with open_postgres_ledger(PostgresAddress(url=url, statement_seconds=0.3)) as ledger:
        other: Any = await asyncpg.connect(url)
        await other.execute("BEGIN; LOCK TABLE call_logs")
        with pytest.raises(LedgerUnavailable, match="busy") as refused:
            await ledger.call_logs.change(key(), counted)
        await other.close()
        assert refused.value.retry_after is not None
        assert await ledger.call_logs.get(key()) is None
        assert (await ledger.call_logs.change(key(), counted)).before is None


async def test_all_connections_at_work_are_unavailable_and_not_a_longer_queue(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.storage.postgres.database._ACQUIRE_SECONDS", 0.2)
    async with open_pool(PostgresAddress(url=server.create(), connections=2)) as database:
        slow = [asyncio.create_task(database.fetch("SELECT pg_sleep(2)")) for _ in range(2)]
        await asyncio.sleep(0.5)
        with pytest.raises(LedgerUnavailable, match="busy"):
            await database.fetch("SELECT 1")
        await asyncio.gather(*slow)
        await database.fetch("SELECT 1")


async def test_transactions_that_wait_for_each_other_in_a_circle_are_both_done(server: PostgresServer) -> None:
    async with open_pool(PostgresAddress(url=server.create())) as database:
        await database.write(lambda connection: connection.execute("CREATE TABLE two AS SELECT 1 AS id, 0 AS value"))
        await database.write(lambda connection: connection.execute("INSERT INTO two VALUES (2, 0)"))
        runs, both = list[int](), asyncio.Barrier(2)

        async def both_rows(first: int, connection: Any) -> None:
            runs.append(first)
            await connection.execute("UPDATE two SET value = value + 1 WHERE id = $1", first)
            if runs.count(first) == 1:
                await both.wait()
            await connection.execute("UPDATE two SET value = value + 1 WHERE id = $1", 3 - first)

        await asyncio.gather(*(database.write(partial(both_rows, first)) for first in (1, 2)))
        assert [tuple(row) for row in await database.fetch("SELECT value FROM two")] == [(2,), (2,)]
        assert len(runs) > 2


async def test_a_transaction_that_cannot_be_serialised_is_run_again(server: PostgresServer) -> None:
    async with open_pool(PostgresAddress(url=server.create())) as database:
        await database.write(lambda connection: connection.execute("CREATE TABLE one AS SELECT 0 AS value"))
        runs = []

        async def count(connection: Any) -> None:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            value = await connection.fetchval("SELECT value FROM one")
            runs.append(value)
            if len(runs) == 1:
                await database.write(lambda other: other.execute("UPDATE one SET value = 7"))
            await connection.execute("UPDATE one SET value = $1", value + 1)

        await database.write(count)
        assert await database.fetch("SELECT value FROM one") == [(8,)]
        assert runs == [0, 7]


async def test_a_write_that_fails_when_no_one_waits_for_it_any_more_logs_no_traceback(server: PostgresServer) -> None:
    said, begun = list[Any](), asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))

    async def fail(connection: Any) -> None:
        begun.set()
        await connection.execute("SELECT pg_sleep(0.1)")
        await connection.execute("SELECT 1 / 0")

    async with open_pool(PostgresAddress(url=server.create())) as database:
        writing = asyncio.create_task(database.write(fail))
        await begun.wait()
        writing.cancel()
        await asyncio.wait([writing])
        await database.finish()
    del writing  # else it would keep the write
    gc.collect()
    assert said == []


async def test_a_full_disk_of_the_tables_takes_no_call_until_it_has_space() -> None:
    with small_disk(64) as disk, postgres_server(parent=MEMORY) as server:
        (folder := disk / "tables").mkdir()
        server.programs.own(folder)
        url = server.create()
        name = url.rpartition("/")[2]
        server.sql(f"CREATE TABLESPACE small LOCATION '{folder}'")
        server.sql(f'ALTER DATABASE "{name}" SET default_tablespace = small')
        async with open_postgres_ledger(PostgresAddress(url=url)) as ledger, full(disk, ledger) as accepted:
            with pytest.raises(LedgerFull) as refused:
                await accept_calls(ledger, accepted)
            assert refused.value.retry_after is not None


async def test_a_full_disk_of_the_log_loses_no_accepted_call() -> None:
    """PostgreSQL ends all its processes then, and starts again once there is space."""
    with small_disk(256) as disk, postgres_server(parent=disk, options={"max_wal_size": "64MB"}) as server:
        async with open_postgres_ledger(PostgresAddress(url=server.create())) as ledger, full(disk, ledger) as accepted:
            with pytest.raises(LedgerUnavailable) as refused:
                await accept_calls(ledger, accepted)
            assert refused.value.retry_after is not None
            (disk / "filler").unlink()
            server.restart("immediate")


async def all_connections(url: str) -> list[Any]:
    """Cut the connections of leadline, and take all that the server has."""
    taken: list[Any] = [await asyncpg.connect(url)]
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leadline'"
    with suppress(asyncpg.TooManyConnectionsError):
        for _ in range(10 * MOST):
            await taken[0].execute(query)
            taken.append(await asyncpg.connect(url))
    return taken


async def until_it_works(ledger: PostgresLedger) -> None:
    """Return once the ledger takes a call."""
    async with asyncio.timeout(60):
        while True:
            with suppress(LedgerUnavailable):
                await ledger.call_logs.change(key("works"), counted)
                return
            await asyncio.sleep(0.1)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A small disk that PostgreSQL's user can reach."""
    with tempfile.TemporaryDirectory(prefix="leadline-disk-") as folder:
        Path(folder).chmod(0o755)
        with in_memory(Path(folder) / "disk", megabytes) as disk:
            yield disk


@asynccontextmanager
async def full(disk: Path, ledger: PostgresLedger) -> AsyncIterator[list[CallLog]]:
    """The disk is full while the body runs, which notes the accepted calls. Then it has space, and all of them."""
    accepted: list[CallLog] = []
    await ledger.call_logs.change(key(), counted)
    with (disk / "filler").open("wb") as filler, suppress(OSError):
        while True:
            filler.write(bytes(65536))
            filler.flush()
    yield accepted
    (disk / "filler").unlink(missing_ok=True)
    await until_it_works(ledger)
    for log in accepted:
        assert await ledger.call_logs.get(key(log.call.id)) == log


async def accept_calls(ledger: PostgresLedger, accepted: list[CallLog]) -> None:
    """Report calls with long notes until one is refused."""
    for number in range(_NEW):
        sample = call_log(f"call-{number}")
        log = replace(sample, call=replace(sample.call, note=secrets.token_hex(50_000)))
        accepted.append((await ledger.call_logs.change(key(log.call.id), partial(the_same, log))).after)


def the_same(log: CallLog, _: CallLog | None) -> CallLog:
    """A change to this log."""
    return log
