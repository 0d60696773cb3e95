"""Rows that were imported before, or stand twice in a file: merged, changed or left, and never lost in silence."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from leadline_server.crm.embedded import CrmDatabase, EmbeddedCrm, importing
from leadline_server.crm.embedded.contact_files import ContactRecord, FileItem, FileOutcome, PassedOver, RowProblem
from leadline_server.crm.embedded.import_plan import MAX_MERGED
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


@pytest.mark.usefixtures("_small_chunks")
@pytest.mark.parametrize("between", [0, 5], ids=["in one chunk", "in two"])
async def test_rows_with_one_id_and_one_name_become_one_contact_with_the_numbers_of_all(
    database: CrmDatabase, crm: EmbeddedCrm, between: int
) -> None:
    rows = [
        ContactRecord(line=1, name="Ada", uid="7", phone_numbers=("+14155550123",), email="a@example.com"),
        *records(between),
        ContactRecord(
            line=900, name="ADA", uid="7", phone_numbers=("+14155550124",), email="b@example.com", title="Dr"
        ),
    ]
    summary = await run(database, rows)
    assert counts(summary) == {FileOutcome.CREATED: 1 + between, FileOutcome.MERGED: 1, FileOutcome.VALUE: 1}
    assert named(summary, FileOutcome.VALUE) == [(900, "email 'b@example.com'; the earlier row says 'a@example.com'")]
    [contact] = await found(crm, "+14155550124")
    assert (contact.phone_numbers, contact.title) == (("+14155550123", "+14155550124"), "Dr")
    again = await run(database, rows)
    assert counts(again) == {FileOutcome.UNCHANGED: 1 + between, FileOutcome.MERGED: 1}


@pytest.mark.usefixtures("_small_chunks")
@pytest.mark.parametrize("between", [0, 5], ids=["in one chunk", "in two"])
async def test_a_row_with_the_id_of_an_earlier_one_and_another_name_is_named_and_merged_with_nothing(
    database: CrmDatabase, crm: EmbeddedCrm, between: int
) -> None:
    one = ContactRecord(line=1, name="Ada", uid="7", phone_numbers=("+14155550123",))
    other = ContactRecord(line=900, name="Bob", uid="7", phone_numbers=("+14155550124",))
    summary = await run(database, [one, *records(between), other])
    assert counts(summary) == {FileOutcome.CREATED: 1 + between, FileOutcome.SKIPPED: 1}
    assert named(summary, FileOutcome.SKIPPED) == [(900, "its id is that of an earlier row, which has another name")]
    assert await found(crm, "+14155550124") == []


async def test_the_rows_that_become_one_contact_are_limited(database: CrmDatabase, crm: EmbeddedCrm) -> None:
    rows = [
        ContactRecord(line=at, name="Ada", uid="7", phone_numbers=(f"+1415555{at:04}",))
        for at in range(100, 100 + MAX_MERGED + 1)
    ]
    summary = await run(database, rows)
    assert counts(summary) == {FileOutcome.CREATED: 1, FileOutcome.MERGED: MAX_MERGED - 1, FileOutcome.SKIPPED: 1}


KIM = ContactRecord(line=2, name="Kim", uid="k", phone_numbers=("+14155550123",), company="Acme")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"phone_numbers": ("+14155550199",)}, "phone numbers"),
        ({"company": "Roe Ltd", "title": "Dr"}, "company, title"),
        ({"name": "Kimberly"}, "name"),
        ({"email": "k@example.com"}, "email"),
        ({"type": "lead"}, "type"),
    ],
    ids=str,
)
async def test_a_row_that_differs_from_what_was_imported_is_never_unchanged(
    database: CrmDatabase, crm: EmbeddedCrm, change: dict[str, object], told: str
) -> None:
    await run(database, [KIM])
    changed = replace(KIM, **change)  # type: ignore[arg-type] # each of the right type
    left = await run(database, [changed])
    assert counts(left) == {FileOutcome.LEFT: 1}
    assert named(left, FileOutcome.LEFT) == [(2, f"Kim: other {told}")]
    assert not left.is_complete
    [before] = await found(crm, "+14155550123")
    taken = await run(database, [changed], is_update=True)
    assert counts(taken) == {FileOutcome.CHANGED: 1}
    assert taken.is_complete
    [after] = (await crm.search_contacts(changed.name, 10, "")).contacts
    assert (after.id, after.phone_numbers, after.company) == (before.id, changed.phone_numbers, changed.company)
    assert counts(await run(database, [changed])) == {FileOutcome.UNCHANGED: 1}


async def test_a_row_with_another_last_activity_alone_differs_too(database: CrmDatabase) -> None:
    await run(database, [KIM])
    left = await run(database, [replace(KIM, last_activity_time=datetime(2026, 2, 1, tzinfo=UTC))])
    assert named(left, FileOutcome.LEFT) == [(2, "Kim: another last activity")]


async def test_an_update_makes_the_new_numbers_findable_and_the_old_ones_not(
    database: CrmDatabase, crm: EmbeddedCrm
) -> None:
    await run(database, [KIM])
    await run(database, [replace(KIM, phone_numbers=("+14155550199",))], is_update=True)
    assert [contact.name for contact in await found(crm, "+14155550199")] == ["Kim"]
    assert await found(crm, "+14155550123") == []


async def test_a_changed_row_without_an_id_is_known_by_its_name_numbers_and_email(database: CrmDatabase) -> None:
    await run(database, [ADA])
    assert counts(await run(database, [replace(ADA, company="Acme")])) == {FileOutcome.LEFT: 1}


async def test_an_id_of_another_system_overwrites_nothing(database: CrmDatabase, crm: EmbeddedCrm) -> None:
    await run(database, [KIM])
    stranger = ContactRecord(line=9, name="Lee", uid="k", phone_numbers=("+14155550177",))
    summary = await run(database, [stranger], is_update=True)
    assert counts(summary) == {FileOutcome.SKIPPED: 1}
    [(line, message)] = named(summary, FileOutcome.SKIPPED)
    assert (line, "another contact, 'Kim'" in message) == (9, True)
    assert [contact.name for contact in await found(crm, "+14155550123")] == ["Kim"]


async def test_the_latest_activity_stays_when_a_row_is_taken_anew(database: CrmDatabase, crm: EmbeddedCrm) -> None:
    later, earlier = datetime(2026, 2, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    await run(database, [replace(KIM, last_activity_time=later)])
    await run(database, [replace(KIM, last_activity_time=earlier, company="Roe Ltd")], is_update=True)
    [contact] = await found(crm, "+14155550123")
    assert contact.last_activity_time == later


@pytest.mark.usefixtures("_small_chunks")
async def test_a_second_row_of_one_id_is_added_to_an_updated_contact_and_loses_no_number(
    database: CrmDatabase, crm: EmbeddedCrm
) -> None:
    await run(database, [KIM])
    rows = [KIM, *records(5), replace(KIM, line=9, phone_numbers=("+14155550188",))]
    left = await run(database, rows)
    assert (left.count(FileOutcome.LEFT), left.count(FileOutcome.MERGED)) == (1, 0)
    taken = await run(database, rows, is_update=True)
    assert (taken.count(FileOutcome.LEFT), taken.count(FileOutcome.MERGED)) == (0, 1)
    assert [contact.phone_numbers for contact in await found(crm, "+14155550188")] == [("+14155550123", "+14155550188")]


async def test_contacts_of_a_version_that_kept_no_digests_are_compared_themselves(database: CrmDatabase) -> None:
    await run(database, [KIM])
    await database.write(
        lambda connection: connection.execute("UPDATE crm_contacts SET import_digests = NULL").rowcount
    )
    assert counts(await run(database, [KIM])) == {FileOutcome.UNCHANGED: 1}
    assert counts(await run(database, [replace(KIM, title="Dr")])) == {FileOutcome.LEFT: 1}


@pytest.mark.usefixtures("_small_chunks")
@pytest.mark.parametrize("is_update", [False, True])
async def test_a_dry_run_says_what_an_import_would_and_writes_nothing(
    database: CrmDatabase, book: ContactBook, *, is_update: bool
) -> None:
    await run(database, [KIM, *records(2)])
    rows: list[FileItem] = [
        PassedOver(1, "a title", 1),
        *records(4),
        replace(KIM, title="Dr"),
        ContactRecord(line=20, name="New", uid="n", phone_numbers=("+14155550166",)),
        RowProblem(21, "no good", 21),
        ContactRecord(line=22, name="New", uid="n", phone_numbers=("+14155550167",)),
        ContactRecord(line=23, name="Other", uid="n"),
    ]
    would = await run(database, rows, is_update=is_update, is_dry_run=True)
    assert await book.count() == 3
    assert would.count(FileOutcome.CHANGED if is_update else FileOutcome.LEFT) == 1
    assert list(would.outcomes()) == list((await run(database, rows, is_update=is_update)).outcomes())
    assert await book.count() == 6
