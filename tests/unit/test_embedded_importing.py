"""Imports add each contact once, beside a server that keeps working."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest
from leadline_server.crm.embedded import CrmDatabase, EmbeddedCrm, importing, open_crm_database
from leadline_server.crm.embedded.importing import ImportSummary, import_contacts
from leadline_server.crm.embedded.readers import ContactRecord, RowProblem
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.phone_number import parse_number
from support.contact_book import ContactBook


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[CrmDatabase]:
    opened = await open_crm_database(tmp_path / "crm.db")
    yield opened
    await opened.close()


@pytest.fixture
def crm(database: CrmDatabase) -> EmbeddedCrm:
    return EmbeddedCrm(database, "acme", lambda: "US")


@pytest.fixture
def book(database: CrmDatabase) -> ContactBook:
    return ContactBook(database, "acme", lambda: "US")


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_CHUNK", 3)


ADA = ContactRecord(line=2, name="Ada", phone_numbers=("(415) 555-0123", "+442079460123"), email="ada@example.com")


def records(count: int) -> list[ContactRecord]:
    return [
        ContactRecord(line=number, name=f"Name {number}", phone_numbers=(f"+1415555{number:04}",))
        for number in range(100, 100 + count)
    ]


async def run(database: CrmDatabase, rows: Iterable[ContactRecord | RowProblem]) -> ImportSummary:
    return await import_contacts(database, "acme", rows, "US", on_progress=lambda _summary: None)


async def found(crm: EmbeddedCrm, number: str) -> list[Contact]:
    return list(await crm.find_contacts([parse_number(number, "US")]))


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
    assert await run(database, records(10)) == ImportSummary(created=10)
    assert await run(database, records(12)) == ImportSummary(created=2, unchanged=10)
    assert await book.count() == 12


@pytest.mark.usefixtures("_small_chunks")
async def test_a_record_that_is_in_the_file_twice_is_one_contact(database: CrmDatabase, book: ContactBook) -> None:
    assert await run(database, [ADA, ADA, *records(4), ADA]) == ImportSummary(created=5, unchanged=2)
    assert await book.count() == 5


async def test_a_record_with_an_id_of_its_own_is_known_by_it(database: CrmDatabase, book: ContactBook) -> None:
    same = [ContactRecord(line=1, name="Ada", uid="7"), ContactRecord(line=2, name="Ada Lovelace", uid="7")]
    other = ContactRecord(line=3, name="Ada", uid="8")
    assert await run(database, [*same, other]) == ImportSummary(created=2, unchanged=1)


async def test_what_people_edited_since_stays(database: CrmDatabase, book: ContactBook, crm: EmbeddedCrm) -> None:
    await run(database, [ADA])
    (contact,) = await found(crm, "+14155550123")
    await book.save(Contact(id=contact.id, name="Ada Lovelace", phone_numbers=("+14155550199",), type="lead"))
    assert await run(database, [ADA]) == ImportSummary(unchanged=1)
    assert [each.name for each in await found(crm, "+14155550199")] == ["Ada Lovelace"]
    assert await found(crm, "+14155550123") == []


async def test_another_account_has_a_copy_of_its_own(database: CrmDatabase, crm: EmbeddedCrm) -> None:
    await run(database, [ADA])
    await import_contacts(database, "other", [ADA], "US", on_progress=lambda _summary: None)
    other = EmbeddedCrm(database, "other", lambda: "US")
    assert (await found(crm, "+14155550123"))[0].id != (await found(other, "+14155550123"))[0].id


async def test_bad_rows_and_numbers_are_counted_and_bad_rows_reported(database: CrmDatabase) -> None:
    problems: list[RowProblem] = []
    problem = RowProblem(3, "no good")
    vague = ContactRecord(line=4, name="Vague", phone_numbers=("call me", "+14155550123"))
    summary = await import_contacts(
        database, "acme", [ADA, problem, vague], "US", on_progress=lambda _summary: None, on_problem=problems.append
    )
    assert summary == ImportSummary(created=2, skipped=1, unusable_numbers=1)
    assert problems == [problem]


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
    told: list[ImportSummary] = []
    await import_contacts(database, "acme", records(7), "US", on_progress=told.append)
    assert [summary.created for summary in told] == [3, 6, 7]


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
    assert await run(database, records(9)) == ImportSummary(created=3, unchanged=6)


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
    assert (await importing_).created == 300
    assert await served.count() == 300 + added
    await server.close()
