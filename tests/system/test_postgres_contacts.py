"""Contact books in PostgreSQL: bulk import, search with trigrams and without, and the command line."""

import sys
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from leadline_server.crm.embedded import EmbeddedCrm, importing
from leadline_server.crm.embedded.contact_files import ContactRecord, FileItem, FileOutcome
from leadline_server.crm.embedded.import_summary import ImportSummary
from leadline_server.crm.embedded.importing import ImportOptions, import_contacts
from leadline_server.crm.embedded.postgres import open_tables
from leadline_server.crm.embedded.postgres.bulk_import import PostgresImport
from leadline_server.ledger.postgres import open_postgres_ledger
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.database import PostgresDatabase, open_pool
from support.contact_imports import counts, found, records
from support.postgres import PostgresServer
from support.servers import leadline

pytestmark = pytest.mark.system

ADA = ContactRecord(line=2, name="Ada", phone_numbers=("(415) 555-0123", "+442079460123"), email="ada@example.com")


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    async with open_pool(PostgresAddress(url=url)) as opened:
        yield opened


@pytest.fixture
async def crm(database: PostgresDatabase) -> EmbeddedCrm:
    return EmbeddedCrm(await open_tables(database), "acme", lambda: "US")


async def run(database: PostgresDatabase, rows: Iterable[FileItem], **options: bool) -> ImportSummary:
    target = PostgresImport(database)
    chosen = ImportOptions(**options)
    return await import_contacts(target, "acme", rows, "US", options=chosen, on_progress=lambda _: None)


async def test_an_imported_contact_is_found_by_each_number_and_by_name(
    database: PostgresDatabase, crm: EmbeddedCrm
) -> None:
    await run(database, [ADA])
    page = await crm.search_contacts("ada", 10, "")
    for number in ("+14155550123", "+442079460123"):
        assert await found(crm, number) == list(page.contacts)
    assert [each.email for each in page.contacts] == [ADA.email]


async def test_a_file_imported_twice_doubles_nothing_and_an_update_changes_its_row(
    database: PostgresDatabase, crm: EmbeddedCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_CHUNK", 3)
    assert counts(await run(database, records(10), is_dry_run=True)) == {FileOutcome.CREATED: 10}
    assert counts(await run(database, records(10))) == {FileOutcome.CREATED: 10}
    assert counts(await run(database, records(12))) == {FileOutcome.CREATED: 2, FileOutcome.UNCHANGED: 10}
    named = [replace(row, uid=str(row.line), name=f"Named {row.line}") for row in records(4)]
    assert counts(await run(database, named)) == {FileOutcome.CREATED: 4}
    renamed = [replace(named[0], phone_numbers=("+14155559999",))]
    assert counts(await run(database, renamed)) == {FileOutcome.LEFT: 1}
    assert counts(await run(database, renamed, is_update=True)) == {FileOutcome.CHANGED: 1}
    assert [each.name for each in await found(crm, "+14155559999")] == ["Named 100"]
    assert [each.name for each in await found(crm, "+14155550100")] == ["Name 100"]
    [[total]] = await database.fetch("SELECT count(*) FROM crm_contacts")
    assert total == 16


async def test_names_are_found_by_trigrams_and_in_pages(
    database: PostgresDatabase, crm: EmbeddedCrm, postgres: PostgresServer, url: str
) -> None:
    rows = [ContactRecord(line=n, name=f"Person {n:05}", phone_numbers=(f"+1415{n:07}",)) for n in range(5_000)]
    await run(database, [*rows, replace(ADA, name="Zoë 100% O_Brien\\x")])
    postgres.sql("VACUUM ANALYZE crm_contacts", url.rpartition("/")[2])
    for part in ("zoë", "100%", "o_b", "brien\\x"):
        assert [each.name for each in (await crm.search_contacts(part, 10, "")).contacts] == ["Zoë 100% O_Brien\\x"]
    assert (await crm.search_contacts("o%b", 10, "")).contacts == ()
    names: list[str] = []
    page = await crm.search_contacts("person 000", 30, "")
    names += [each.name for each in page.contacts]
    while page.next_cursor:
        page = await crm.search_contacts("person 000", 30, page.next_cursor)
        names += [each.name for each in page.contacts]
    assert names == [f"Person {n:05}" for n in range(100)]
    plan = postgres.sql(
        "SET enable_seqscan = off; SET enable_indexscan = off; SET enable_indexonlyscan = off;"
        " EXPLAIN SELECT id FROM crm_contacts WHERE account_id = 'acme' AND folded_name LIKE '%o_brien%'",
        url.rpartition("/")[2],
    )
    assert "crm_contacts_by_trigram" in plan


async def test_without_the_extensions_the_ledger_opens_and_names_are_found(postgres: PostgresServer) -> None:
    url = postgres.create()
    database = url.rpartition("/")[2]
    postgres.sql("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    postgres.sql("GRANT CREATE ON SCHEMA public TO plain", database)  # but not on the database: no extension
    plain = url.replace(f"leadline:{postgres.password}", "plain:plain")
    async with open_postgres_ledger(PostgresAddress(url=plain)) as ledger:
        await run(ledger.storage, [ADA])
        crm = EmbeddedCrm(await open_tables(ledger.storage), "acme", lambda: "US")
        assert [each.name for each in (await crm.search_contacts("ADA", 10, "")).contacts] == ["Ada"]
    assert postgres.sql("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'", database) == "0"


def test_the_command_imports_into_the_database(tmp_path: Path, url: str, postgres: PostgresServer) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("name,phone\nAda,+14155550123\nBo,+14155550124\n")
    settings = {"LEADLINE_LEDGER": url, "LEADLINE_DATA_DIR": str(tmp_path / "data")}
    done = leadline("contacts", "import", str(file), settings=settings)
    assert done.returncode == 0, done.stderr
    assert postgres.password not in done.stdout + done.stderr
    assert postgres.sql("SELECT account_id, count(*) FROM crm_contacts GROUP BY 1", url.rpartition("/")[2]) == "demo|2"
    assert not (tmp_path / "data" / "ledger.db").exists()


@pytest.mark.soak
async def test_a_million_contacts_are_imported_and_found(database: PostgresDatabase, crm: EmbeddedCrm) -> None:
    rows = (ContactRecord(line=n, name=f"Person {n}", phone_numbers=(f"+1415{n:07}",)) for n in range(1_000_000))
    began = time.perf_counter()
    assert counts(await run(database, rows)) == {FileOutcome.CREATED: 1_000_000}
    imported = time.perf_counter() - began
    began = time.perf_counter()
    for n in range(0, 1_000_000, 1_000):
        assert [each.name for each in await found(crm, f"+1415{n:07}")] == [f"Person {n}"]
    found_in = (time.perf_counter() - began) / 1_000
    began = time.perf_counter()
    assert (await crm.search_contacts("person 777777", 10, "")).contacts
    searched = time.perf_counter() - began
    sys.stdout.write(f"imported in {imported:.1f} s, found in {found_in * 1e3:.2f} ms, searched in {searched:.3f} s\n")
