"""Imports add each contact once, beside a server that keeps working."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from leadline_server.crm.embedded import CrmDatabase, EmbeddedCrm, importing, open_crm_database
from leadline_server.crm.embedded.candidates import UNUSABLE_NUMBERS
from leadline_server.crm.embedded.contact_files import ContactRecord, FileOutcome, PassedOver, Remark, RowProblem
from leadline_server.crm.embedded.import_summary import NAMED, ImportSummary
from leadline_server.crm.embedded.importing import import_contacts
from leadline_server.crm.embedded.sqlite_import import SqliteImport
from leadline_server.domain.contact import Contact
from support.contact_book import ContactBook
from support.contact_imports import ADA, counts, crm_database, found, named, records, run


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[CrmDatabase]:
    async with crm_database(tmp_path) as opened:
        yield opened


@pytest.fixture
def crm(database: CrmDatabase) -> EmbeddedCrm:
    return EmbeddedCrm(database, "acme", lambda: "US")


@pytest.fixture
def book(database: CrmDatabase) -> ContactBook:
    return ContactBook(database, "acme", lambda: "US")


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_CHUNK", 3)


async def test_an_imported_contact_is_found_by_each_number_and_by_name(database: CrmDatabase, crm: EmbeddedCrm) -> None:
    await run(database, [ADA])
    page = await crm.search_contacts("ada", 10, "")
    for number in ("+14155550123", "+442079460123"):
        assert await found(crm, number) == list(page.contacts)
    assert [(each.name, each.email, each.phone_numbers, each.type) for each in page.contacts] == [
        (ADA.name, ADA.email, ADA.phone_numbers, "contact")
    ]


@pytest.mark.usefixtures("_small_chunks")
async def test_a_file_imported_twice_doubles_nothing(database: CrmDatabase, book: ContactBook) -> None:
    assert counts(await run(database, records(10))) == {FileOutcome.CREATED: 10}
    assert counts(await run(database, records(12))) == {FileOutcome.CREATED: 2, FileOutcome.UNCHANGED: 10}
    assert await book.count() == 12


@pytest.mark.usefixtures("_small_chunks")
async def test_a_record_that_is_in_the_file_twice_is_one_contact(database: CrmDatabase, book: ContactBook) -> None:
    assert counts(await run(database, [ADA, ADA, *records(4), ADA])) == {FileOutcome.CREATED: 5, FileOutcome.MERGED: 2}
    assert await book.count() == 5


async def test_what_people_edited_since_stays(database: CrmDatabase, book: ContactBook, crm: EmbeddedCrm) -> None:
    await run(database, [ADA])
    (contact,) = await found(crm, "+14155550123")
    await book.save(Contact(id=contact.id, name="Ada Lovelace", phone_numbers=("+14155550199",), type="lead"))
    assert counts(await run(database, [ADA])) == {FileOutcome.UNCHANGED: 1}
    assert [each.name for each in await found(crm, "+14155550199")] == ["Ada Lovelace"]
    assert await found(crm, "+14155550123") == []


async def test_another_account_has_a_copy_of_its_own(database: CrmDatabase, crm: EmbeddedCrm) -> None:
    await run(database, [ADA])
    await import_contacts(SqliteImport(database), "other", [ADA], "US", on_progress=lambda _summary: None)
    other = EmbeddedCrm(database, "other", lambda: "US")
    assert (await found(crm, "+14155550123"))[0].id != (await found(other, "+14155550123"))[0].id


async def test_bad_rows_and_numbers_are_counted_and_named(database: CrmDatabase, crm: EmbeddedCrm) -> None:
    damaged = Remark(FileOutcome.UNUSABLE, 4, "'1E+10': damaged")
    vague = ContactRecord(
        line=4,
        name="Vague",
        phone_numbers=("call me", "+14155550123"),
        unusable_numbers=("1E+10",),
        remarks=(damaged,),
    )
    summary = await run(database, [ADA, RowProblem(3, "no good"), vague, PassedOver(5, "a title")])
    assert counts(summary) == {
        FileOutcome.CREATED: 2,
        FileOutcome.SKIPPED: 1,
        FileOutcome.PASSED_OVER: 1,
        FileOutcome.UNUSABLE: 2,
    }
    assert summary.count(FileOutcome.NUMBER) == 3
    assert named(summary, FileOutcome.SKIPPED) == [(3, "no good")]
    assert named(summary, FileOutcome.UNUSABLE) == [(4, "'1E+10': damaged"), (4, "'call me': no call can match it")]
    [contact] = (await crm.search_contacts("Vague", 10, "")).contacts
    assert contact.phone_numbers == ("+14155550123",)
    assert contact.attributes[UNUSABLE_NUMBERS] == "1E+10\ncall me"


async def test_the_first_of_each_outcome_are_kept_with_their_lines_and_all_are_counted(database: CrmDatabase) -> None:
    summary = await run(database, [RowProblem(line, "no good") for line in range(1, 101)])
    assert summary.count(FileOutcome.SKIPPED) == 100
    assert [line for line, _ in named(summary, FileOutcome.SKIPPED)] == list(range(1, NAMED + 1))


async def test_types_are_kept_and_those_of_other_crms_become_an_attribute(
    database: CrmDatabase, crm: EmbeddedCrm
) -> None:
    rows = [ContactRecord(line=at, name=f"Type {kind}", type=kind) for at, kind in enumerate(["Lead", "Vendor", ""])]
    await run(database, rows)
    page = await crm.search_contacts("Type", 10, "")
    assert [(each.type, dict(each.attributes)) for each in page.contacts] == [
        ("contact", {}),
        ("lead", {}),
        ("contact", {"type": "Vendor"}),
    ]


@pytest.mark.usefixtures("_small_chunks")
async def test_progress_is_told_after_every_chunk(database: CrmDatabase) -> None:
    told: list[int] = []

    def tell(summary: ImportSummary) -> None:
        told.append(summary.count(FileOutcome.CREATED))

    await import_contacts(SqliteImport(database), "acme", records(7), "US", on_progress=tell)
    assert told == [3, 6, 7]


@pytest.mark.usefixtures("_small_chunks")
async def test_what_was_committed_before_a_failure_stays_and_importing_again_carries_on(
    database: CrmDatabase, book: ContactBook
) -> None:
    def broken() -> Iterator[ContactRecord]:
        yield from records(7)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        await run(database, broken())
    assert await book.count() == 6
    assert counts(await run(database, records(9))) == {FileOutcome.CREATED: 3, FileOutcome.UNCHANGED: 6}


@pytest.mark.usefixtures("_small_chunks")
async def test_a_server_on_the_same_file_keeps_writing_while_an_import_runs(
    database: CrmDatabase, tmp_path: Path
) -> None:
    server = await open_crm_database(tmp_path / "crm.db")
    served = ContactBook(server, "acme", lambda: "US")
    importing_ = asyncio.create_task(run(database, records(300)))
    added = 0
    while not importing_.done():
        await served.add(Contact(id="", name=f"Served {added}"))
        added += 1
    assert added > 1
    assert (await importing_).count(FileOutcome.CREATED) == 300
    assert await served.count() == 300 + added
    await server.close()


def test_chunks_are_as_long_as_the_write_lock_may_be_held() -> None:
    assert importing.next_chunk_size(500, 0.010) == 500
    assert importing.next_chunk_size(500, 0.020) == 250
    assert importing.next_chunk_size(500, 0.001) == 1_000, "it at most doubles"
    assert importing.next_chunk_size(500, 10.0) == 100
    assert importing.next_chunk_size(4_000, 0.0) == 5_000
