"""Commits in PostgreSQL whose outcome is unknown: nothing is told before it is certain and on the standbys."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import asyncpg
import pytest
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.postgres import PostgresLedger, open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.outcomes import sent_transaction, settled
from leadline_server.testing.ledger_samples import ACCOUNT, counted, key
from support.postgres import MEMORY, PostgresServer, postgres_server

pytestmark = pytest.mark.system

WRITES: Final[dict[str, Callable[[PostgresLedger], Awaitable[object]]]] = {
    "one statement": lambda ledger: ledger.call_logs.change(key(), counted),
    "a transaction": lambda ledger: ledger.accounts.create(ACCOUNT, AccountSettings()),
}
_WAITING: Final = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'leadline'"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A server and its standby, which commits wait for."""
    with postgres_server(parent=MEMORY) as primary, primary.standby("second") as standby:
        primary.configure(synchronous_standby_names="second")
        yield primary, standby


@pytest.mark.parametrize("cut", ["pg_cancel_backend", "pg_terminate_backend"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_a_commit_whose_wait_for_the_standby_is_cut_is_told_once_the_standby_has_it(
    pair: tuple[PostgresServer, PostgresServer], write: Callable[[PostgresLedger], Awaitable[object]], cut: str
) -> None:
    primary, standby = pair
    async with open_postgres_ledger(PostgresAddress(url=primary.create())) as ledger:
        standby.stop()
        writing = asyncio.ensure_future(write(ledger))
        try:
            first = await until_waiting(primary)
            primary.sql(f"SELECT {cut}(pid) {_WAITING}")
            await until_waiting(primary, but_not=first)  # the commit that follows it
            assert not writing.done()
        finally:
            standby.start()
        assert await writing


async def test_a_transaction_that_a_crash_undid_is_not_taken_for_the_next_one_with_its_id() -> None:
    """PostgreSQL gives an id out again if nothing of its first transaction had reached the disk."""
    with postgres_server(parent=MEMORY, options={"wal_writer_delay": "10s", "autovacuum": "off"}) as server:
        url = server.create()
        connection: Any = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE kept (value integer)")
        await connection.execute("BEGIN; INSERT INTO kept VALUES (1)")
        sent = await sent_transaction(connection, "done")
        assert sent is not None
        server.restart("immediate")
        connection.terminate()
        connection = await asyncpg.connect(url)
        given = 0
        while given < int(sent.transaction_id):
            given = int(await connection.fetchval("INSERT INTO kept VALUES (2) RETURNING pg_current_xact_id()::text"))
        assert await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", sent.transaction_id) == "committed"
        assert not await settled(connection.fetch, sent)
        await connection.close()


async def test_a_transaction_is_settled_while_the_server_stays_the_same(
    pair: tuple[PostgresServer, PostgresServer],
) -> None:
    connection: Any = await asyncpg.connect(pair[0].create())
    try:
        await connection.execute("CREATE TABLE kept (value integer)")
        for end, committed in (("COMMIT", True), ("ROLLBACK", False)):
            await connection.execute("BEGIN; INSERT INTO kept VALUES (1)")
            sent = await sent_transaction(connection, None)
            await connection.execute(end)
            assert sent is not None
            assert await settled(connection.fetch, sent) == committed
    finally:
        await connection.close()


async def test_every_commit_is_synchronous_whatever_the_role_and_other_sessions_set(
    pair: tuple[PostgresServer, PostgresServer],
) -> None:
    url = pair[0].create()
    pair[0].sql(f'ALTER DATABASE "{url.rpartition("/")[2]}" SET synchronous_commit = local')
    async with open_postgres_ledger(PostgresAddress(url=url)) as ledger:
        assert [tuple(row) for row in await ledger.storage.fetch("SHOW synchronous_commit")] == [("on",)]


async def until_waiting(server: PostgresServer, but_not: str = "") -> str:
    """The session of leadline that waits for the standby, and since when: once there is another than `but_not`."""
    async with asyncio.timeout(30):
        while (waiting := await asyncio.to_thread(server.sql, f"SELECT pid, query_start {_WAITING}")) in {"", but_not}:
            await asyncio.sleep(0.05)
    return waiting
