"""PostgreSQL in trouble: keys of the schema, migrations in halves, lost answers, and a database that is away."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.postgres import PostgresLedger, open_postgres_ledger
from leadline_server.ledger.postgres.ledger import MIGRATIONS
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.migrations import HalfMigration, apply_migrations, load_halves
from leadline_server.testing.ledger_samples import ACCOUNT, call_log, counted, key
from support.postgres import MEMORY, PostgresServer, postgres_server

pytestmark = pytest.mark.system

WHOLE_TABLES = {"api_keys_by_digest": "a request names no account before its key is found"}
"""Indexes of rows of accounts that do not begin with the account, and why."""


@pytest.fixture
async def ledger(postgres: PostgresServer) -> AsyncIterator[PostgresLedger]:
    async with open_postgres_ledger(PostgresAddress(url=postgres.create())) as opened:
        yield opened


async def test_every_key_of_an_accounts_rows_begins_with_the_account(postgres: PostgresServer) -> None:
    url = postgres.create()
    async with open_postgres_ledger(PostgresAddress(url=url)):
        rows = postgres.sql(
            "SELECT i.relname, (SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = x.indkey[0])"
            " FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid"
            " WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = t.oid AND attname = 'account_id')"
            " AND t.relnamespace = 'public'::regnamespace",
            url.rpartition("/")[2],
        )
    first = dict(row.split("|") for row in rows.splitlines())
    assert len(first) > 20
    assert {name for name, column in first.items() if column != "account_id"} == set(WHOLE_TABLES)


async def test_an_old_process_works_on_beside_the_first_half_of_a_migration_and_not_after_the_second(
    postgres: PostgresServer,
) -> None:
    url, known = postgres.create(), load_halves(MIGRATIONS)
    newer = [
        *known,
        HalfMigration(2, "pre", "more", "ALTER TABLE accounts ADD COLUMN more text"),
        HalfMigration(2, "post", "more", "ALTER TABLE accounts DROP COLUMN title"),
    ]
    connection: Any = await asyncpg.connect(url)
    try:
        assert await apply_migrations(connection, known) == 1
        assert await apply_migrations(connection, newer) == 1
        assert await apply_migrations(connection, newer) == 0
        assert await apply_migrations(connection, known) == 0  # the old process starts once more
        assert await apply_migrations(connection, newer, with_post=True) == 1
        with pytest.raises(LedgerUnavailable, match="newer leadline"):
            await apply_migrations(connection, known)
    finally:
        await connection.close()


async def test_processes_that_start_at_once_migrate_once(postgres: PostgresServer) -> None:
    address = PostgresAddress(url=postgres.create(), connections=2)

    async def start() -> bytes:
        async with open_postgres_ledger(address) as opened:
            return opened.secret

    assert len(set(await asyncio.gather(*(start() for _ in range(6))))) == 1


async def test_a_write_whose_answer_is_lost_happens_once(
    ledger: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statement is committed, and its connection is cut before the answer is read."""
    await ledger.call_logs.change(key(), counted)
    database: Any = ledger.call_logs._database  # noqa: SLF001 - the answer is lost within
    answered, lost = database._answered, list[str]()  # noqa: SLF001 - as above

    async def lose(connection: Any, answer: Any) -> Any:
        result = await answered(connection, answer)
        if not lost:
            lost.append("answer")
            connection.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return result

    monkeypatch.setattr(database, "_answered", lose)
    changed = await ledger.call_logs.change(key(), counted)
    log = await ledger.call_logs.get(key())
    assert lost
    assert log == changed.after
    assert (changed.before, changed.after.attempts) == (counted(None), 2)


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT"])
async def test_a_transaction_whose_connection_is_lost_happens_once(
    ledger: PostgresLedger, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    database: Any = ledger.accounts._database  # noqa: SLF001 - the connection is lost within
    transaction, lost = database._transaction, list[str]()  # noqa: SLF001 - as above

    async def lose(work: Any, sent: Any) -> Any:
        if lost:
            return await transaction(work, sent)
        lost.append(statement)
        if statement == "COMMIT":
            await transaction(work, sent)
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    monkeypatch.setattr(database, "_transaction", lose)
    assert await ledger.accounts.create(ACCOUNT, AccountSettings())
    assert await ledger.audit.has_new()
    assert [entry.sequence for entry in await ledger.audit.chain(10)] == [1]


async def test_a_call_changed_by_another_process_is_changed_on_from_there(
    postgres: PostgresServer,
) -> None:
    address = PostgresAddress(url=postgres.create())
    async with open_postgres_ledger(address) as one, open_postgres_ledger(address) as two:
        for _ in range(5):
            await one.call_logs.change(key(), counted)
            await two.call_logs.change(key(), counted)
        log = await one.call_logs.get(key())
    assert log is not None
    assert log.attempts == 10


async def test_what_changes_nothing_is_told_of_the_log_as_it_is(postgres: PostgresServer) -> None:
    address = PostgresAddress(url=postgres.create())

    def same(log: CallLog | None) -> CallLog:
        return log or call_log()

    async with open_postgres_ledger(address) as one, open_postgres_ledger(address) as two:
        await one.call_logs.change(key(), same)
        changed = await two.call_logs.change(key(), lambda log: replace(log or call_log(), attempts=3))
        assert (await one.call_logs.change(key(), same)).after == changed.after


async def test_a_database_that_is_away_is_said_to_be_and_is_used_again_once_it_is_back() -> None:
    with postgres_server(parent=MEMORY) as postgres:
        async with open_postgres_ledger(PostgresAddress(url=postgres.create())) as ledger:
            await ledger.call_logs.change(key(), counted)
            postgres.stop("immediate")
            with pytest.raises(LedgerUnavailable) as refused:
                await ledger.call_logs.change(key("other"), counted)
            with pytest.raises(LedgerUnavailable):
                await ledger.check()
            assert refused.value.retry_after is not None
            postgres.start()
            await ledger.check()
            await ledger.call_logs.change(key(), counted)
            log = await ledger.call_logs.get(key())
    assert log is not None
    assert log.attempts == 2


async def test_wake_ups_of_other_processes_come_before_the_next_poll(postgres: PostgresServer) -> None:
    address = PostgresAddress(url=postgres.create())
    async with open_postgres_ledger(address) as one, open_postgres_ledger(address) as two:
        woken = asyncio.Event()
        two.call_logs.subscribe(woken.set)
        async with asyncio.timeout(30):
            while not woken.is_set():
                await one.call_logs.change(key(), counted)
                await asyncio.sleep(0.05)


async def test_leases_end_by_the_databases_clock(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own clock is an hour slow."""
    monkeypatch.setattr(time, "time", lambda: datetime.now(UTC).timestamp() - 3600)
    async with open_postgres_ledger(PostgresAddress(url=postgres.create())) as opened:
        [(seconds,)] = await opened.storage.fetch("SELECT extract(epoch FROM clock_timestamp())::float8")
        assert abs(opened.clock.now().timestamp() - seconds) < 5
