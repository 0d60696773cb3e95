"""Copies of a ledger to PostgreSQL, from it, and between two of its databases."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from leadline_server.crm.embedded import EmbeddedCrm, open_crm_database
from leadline_server.crm.embedded.postgres import open_tables
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.copying import CopyRefused, abandon_copy, copy_ledger
from leadline_server.ledger.copying.postgres_store import MIGRATIONS, PostgresStore, open_postgres_store
from leadline_server.ledger.copying.sqlite_store import SqliteStore
from leadline_server.ledger.copying.store import TABLES, Progress, Row
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.database import open_pool
from leadline_server.storage.postgres.migrations import apply_migrations, load_halves
from leadline_server.testing.ledger_samples import ACCOUNT, call_log, put
from support.ledger_rows import CALLS, OTHER, filled_ledger, rows_of
from support.postgres import PostgresServer

pytestmark = pytest.mark.system

KEPT_APART = {"ledger", "account_counters", "schema_migrations", "replicas"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_ledger(tmp_path_factory.mktemp("filled") / "ledger.db")


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    """A SQLite ledger with rows in every table."""
    return Path(shutil.copy(filled, tmp_path / "ledger.db"))


async def to_postgres(path: Path, url: str) -> None:
    async with open_postgres_store(url) as target:
        await copy_ledger(SqliteStore(path, is_target=False), target)


async def fetch(url: str, query: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_every_table_is_copied_or_kept_apart(postgres: PostgresServer) -> None:
    url = postgres.create()
    connection = await asyncpg.connect(url)
    await apply_migrations(connection, load_halves(MIGRATIONS))
    await connection.close()
    tables = await fetch(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {name for (name,) in tables} == KEPT_APART | set(TABLES)


async def test_a_ledger_comes_back_from_postgresql_as_it_was(
    path: Path, tmp_path: Path, postgres: PostgresServer
) -> None:
    first, second, back = postgres.create(), postgres.create(), tmp_path / "back.db"
    await to_postgres(path, first)
    async with open_postgres_store(first) as source, open_postgres_store(second) as target:
        await copy_ledger(source, target)
    async with open_postgres_store(second) as source:
        report = await copy_ledger(source, SqliteStore(back, is_target=True))
    assert report.rows == {table: len(rows_of(path, table)) for table in TABLES}
    for table in set(TABLES) - {"call_logs"}:
        assert rows_of(back, table) == rows_of(path, table)
    before, after = ([(*row[1:12], row[13]) for row in rows_of(each, "call_logs")] for each in (path, back))
    assert sorted(before, key=repr) == sorted(after, key=repr)  # but for the rowid and the sequence
    async with open_sqlite_ledger(back) as ledger:
        await put(ledger, call_log("new"))
    database = await open_crm_database(back)
    crm = EmbeddedCrm(database, ACCOUNT, lambda: "US")
    assert [each.name for each in (await crm.search_contacts("son 17", 10, "")).contacts] == ["Person 17"]
    await crm.create_contact(ContactDraft(name="New", phone_number=parse_number("+12025559999", "US")), "new")
    await database.close()


async def test_contacts_are_found_and_added_in_the_copy(path: Path, postgres: PostgresServer) -> None:
    url = postgres.create()
    await to_postgres(path, url)
    async with open_pool(PostgresAddress(url=url)) as database:
        crm = EmbeddedCrm(await open_tables(database), OTHER, lambda: "US")
        number = parse_number("+12025550017", "US")
        [contact] = await crm.find_contacts([number])
        assert contact.name == "Person 17"
        assert (await crm.search_contacts("son 17", 10, "")).contacts == (contact,)
        await crm.create_contact(ContactDraft(name="New", phone_number=number), "new")
        assert len(await crm.find_contacts([number])) == 2
        assert await crm.find_call_log("log 1") is not None


async def test_a_fenced_book_takes_no_contact(path: Path, postgres: PostgresServer) -> None:
    await to_postgres(path, postgres.create())
    database = await open_crm_database(path)
    draft = ContactDraft(name="New", phone_number=parse_number("+12025550017", "US"))
    with pytest.raises(CrmUnavailable):
        await EmbeddedCrm(database, ACCOUNT, lambda: "US").create_contact(draft, "new")
    await database.close()


async def test_sequences_keep_their_order_within_an_account_and_old_tokens_expire(
    path: Path, tmp_path: Path, postgres: PostgresServer
) -> None:
    url, back = postgres.create(), tmp_path / "back.db"
    await to_postgres(path, url)
    async with open_postgres_store(url) as source:
        largest = (await source.counters()).sequence
        await copy_ledger(source, SqliteStore(back, is_target=True))
    for account in (ACCOUNT, OTHER):
        ordered = [
            [row[2] for row in sorted(rows_of(each, "call_logs"), key=lambda row: row[12]) if row[1] == account]
            for each in (path, back)
        ]
        assert ordered[0] == ordered[1]
    [ledger] = rows_of(back, "ledger")
    sequences = [row[12] for row in rows_of(back, "call_logs")]
    assert ledger[5] == largest  # pruned_through
    assert largest < min(sequences) < max(sequences) <= ledger[4]
    assert len(set(sequences)) == len(sequences)


async def test_servers_cannot_write_to_a_source_or_an_unfinished_target(path: Path, postgres: PostgresServer) -> None:
    first, second = postgres.create(), postgres.create()
    await to_postgres(path, first)
    async with open_postgres_store(first) as source, open_postgres_store(second) as target:
        with pytest.raises(Stops):
            await copy_ledger(source, Interrupted(target, 3))
        for url in (first, second):
            for statement in (
                "UPDATE call_logs SET reason = 1",
                "DELETE FROM accounts",
                "INSERT INTO ledger DEFAULT VALUES",
            ):
                with pytest.raises(asyncpg.ReadOnlySQLTransactionError, match="fenced"):
                    await fetch(url, statement)
        await abandon_copy(source)
        await fetch(first, "UPDATE call_logs SET reason = 1")
        with pytest.raises(CopyRefused, match="unfinished copy"):
            await copy_ledger(source, target)


class Stops(Exception):
    """A copy is interrupted."""


class Interrupted:
    """A target that stops after some pages, as if the process were killed."""

    def __init__(self, target: PostgresStore, pages: int) -> None:
        self._target = target
        self._pages = pages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    async def append(self, table: str, columns: Sequence[str], rows: Sequence[Row], progress: Progress) -> None:
        if self._pages == 0:
            raise Stops
        self._pages -= 1
        await self._target.append(table, columns, rows, progress)


async def test_a_copy_goes_on_where_it_was_interrupted(path: Path, postgres: PostgresServer) -> None:
    url, source = postgres.create(), SqliteStore(path, is_target=False)
    rounds, is_done = 0, False
    while not is_done:
        async with open_postgres_store(url) as target:
            try:
                report = await copy_ledger(source, Interrupted(target, 4))
                is_done = True
            except Stops:
                rounds += 1
    assert rounds > 3
    assert report.rows["call_logs"] == CALLS + 1
    assert await fetch(url, "SELECT count(*) FROM call_logs") == [(CALLS + 1,)]
    assert await fetch(url, "SELECT to_regclass('ledger_copy')::text") == [(None,)]


async def test_a_database_with_rows_is_refused_and_the_source_not_fenced(path: Path, postgres: PostgresServer) -> None:
    url = postgres.create()
    connection = await asyncpg.connect(url)
    await apply_migrations(connection, load_halves(MIGRATIONS))
    await connection.execute("INSERT INTO connection_checks VALUES ('sales', 1, NULL, NULL, '')")
    await connection.close()
    with pytest.raises(CopyRefused, match="not empty: connection_checks has rows"):
        await to_postgres(path, url)
    assert await SqliteStore(path, is_target=False).mark() is None
    await fetch(url, "DELETE FROM connection_checks")  # and the target is not fenced either


async def test_what_postgresql_cannot_store_is_refused_by_name(tmp_path: Path, postgres: PostgresServer) -> None:
    path = tmp_path / "ledger.db"
    async with open_sqlite_ledger(path) as ledger:
        await ledger.accounts.create("zero\0byte", AccountSettings())
    with pytest.raises(CopyRefused, match="accounts"):
        await to_postgres(path, postgres.create())
