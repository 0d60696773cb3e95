"""The embedded CRM, beyond the obligations of its port."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from leadline_server.crm.embedded import CrmDatabase, EmbeddedCrm, open_crm_database
from leadline_server.crm.embedded.rows import from_micros, new_id, to_micros
from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmInvalidCursor, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import LogEntry
from support.contact_book import ContactBook
from support.contact_imports import crm_database

NUMBER = "+14155550123"
NOW = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
START = NOW - timedelta(hours=1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[CrmDatabase]:
    async with crm_database(tmp_path) as opened:
        yield opened


@pytest.fixture
def crm(database: CrmDatabase) -> EmbeddedCrm:
    return EmbeddedCrm(database, "acme", lambda: "US", now=lambda: NOW)


@pytest.fixture
def book(database: CrmDatabase) -> ContactBook:
    return ContactBook(database, "acme", lambda: "US")


def draft(name: str = "Ada Lovelace") -> ContactDraft:
    return ContactDraft(name=name, phone_number=parse_number(NUMBER, "US"))


def person(name: str, *numbers: str) -> Contact:
    return Contact(id="", name=name, phone_numbers=numbers)


def entry(contact_id: str, **fields: object) -> LogEntry:
    call = Call(id="call-1", direction=CallDirection.INBOUND, caller=Party(phone_number=NUMBER), start_time=START)
    return LogEntry(
        call=replace(call, **fields),  # type: ignore[arg-type] # a test's shorthand
        contact_id=contact_id,
        user_id="alice",
        crm_user_id="",
        number=NUMBER,
        fallback_time=NOW,
    )


async def names(crm: EmbeddedCrm, *numbers: str) -> list[str]:
    return [contact.name for contact in await crm.find_contacts([parse_number(number, "US") for number in numbers])]


async def pages(crm: EmbeddedCrm, name: str, limit: int) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = await crm.search_contacts(name, limit, cursor)
        found += [contact.name for contact in page.contacts]
        if not (cursor := page.next_cursor):
            return found


async def test_accounts_keep_their_books_apart(crm: EmbeddedCrm, database: CrmDatabase) -> None:
    created = await crm.create_contact(draft(), "k")
    other = EmbeddedCrm(database, "other", lambda: "US")
    assert await names(other, NUMBER) == []
    assert await other.get_contact(created.id) is None
    assert await pages(other, "Ada", 10) == []
    assert (await other.create_contact(draft("Grace"), "k")).id != created.id
    with pytest.raises(CrmRejected):
        await other.create_call_log(entry(created.id), "k")


async def test_lookups_of_two_accounts_at_once_share_a_query_and_no_answer(
    crm: EmbeddedCrm, database: CrmDatabase
) -> None:
    other = EmbeddedCrm(database, "other", lambda: "US")
    await crm.create_contact(draft("Ada"), "k")
    await other.create_contact(draft("Grace"), "k")
    assert await asyncio.gather(*(names(each, NUMBER) for each in (crm, other) * 3)) == [["Ada"], ["Grace"]] * 3


async def test_everything_survives_reopening(tmp_path: Path) -> None:
    first = await open_crm_database(tmp_path / "crm.db")
    created = await EmbeddedCrm(first, "acme", lambda: "US").create_contact(draft(), "k")
    await first.close()
    second = await open_crm_database(tmp_path / "crm.db")
    read = await EmbeddedCrm(second, "acme", lambda: "US").get_contact(created.id)
    await second.close()
    assert read == created


async def test_every_field_of_a_contact_is_kept(book: ContactBook, crm: EmbeddedCrm) -> None:
    added = await book.add(
        Contact(
            id="",
            name="Ada\x00\n",
            phone_numbers=(NUMBER, "ext. 12"),
            type="lead",
            email="ada@example.com",
            company="Acme",
            title="Countess",
            create_time=NOW,
            last_activity_time=NOW - timedelta(days=20_000),
            is_placeholder=True,
            attributes={"a": "b", "": '"'},
        )
    )
    assert await crm.get_contact(added.id) == added
    assert await crm.find_contacts([parse_number(NUMBER, "US")]) == [added]


@pytest.mark.parametrize("stored", ["(415) 555-0123", "1 415 555 0123", "+1 415 555 0123"])
async def test_a_number_is_still_found_after_the_accounts_region_changed(database: CrmDatabase, stored: str) -> None:
    regions = ["US"]
    await ContactBook(database, "acme", lambda: regions[0]).add(person("Ada", stored))
    regions[0] = "GB"
    assert await names(EmbeddedCrm(database, "acme", lambda: regions[0]), NUMBER) == ["Ada"]


async def test_an_edited_contact_is_found_by_its_new_number_and_name_alone(book: ContactBook, crm: EmbeddedCrm) -> None:
    added = await book.add(person("Ada", NUMBER))
    assert await book.save(replace(added, name="Grace", phone_numbers=("+442079460123",)))
    assert await names(crm, NUMBER) == []
    assert await names(crm, "+442079460123") == ["Grace"]
    assert (await pages(crm, "Ada", 10), await pages(crm, "Grace", 10)) == ([], ["Grace"])


async def test_a_deleted_contact_leaves_its_call_logs(book: ContactBook, crm: EmbeddedCrm) -> None:
    contact = await crm.create_contact(draft(), "k")
    log = await crm.create_call_log(entry(contact.id), "k")
    assert await book.delete(contact.id)
    read = await book.read_log(log.id)
    assert read is not None
    assert read["contact_id"] is None
    assert await pages(crm, "Ada", 10) == []


async def test_a_log_has_the_columns_of_its_call(book: ContactBook, crm: EmbeddedCrm) -> None:
    contact = await crm.create_contact(draft(), "k")
    told = entry(
        contact.id,
        answer_time=START + timedelta(seconds=3),
        end_time=START + timedelta(seconds=63),
        result=CallResult.ANSWERED,
        transcript="Hello",
        attributes={"queue": "sales"},
    )
    read = await book.read_log((await crm.create_call_log(told, "k")).id)
    assert read is not None
    assert (read["direction"], read["result"], read["duration"], read["owner"]) == ("INBOUND", "ANSWERED", 60, "alice")
    assert (read["caller_number"], read["transcript"], read["attributes"]) == (NUMBER, "Hello", '{"queue":"sales"}')
    assert from_micros(read["start_time"]) == START


async def test_an_update_clears_what_the_call_no_longer_says(book: ContactBook, crm: EmbeddedCrm) -> None:
    contact = await crm.create_contact(draft(), "k")
    log = await crm.create_call_log(entry(contact.id, note="before"), "k")
    await crm.update_call_log(log.id, entry(contact.id))
    read = await book.read_log(log.id)
    assert read is not None
    assert read["note"] is None


async def test_the_last_activity_is_that_of_the_latest_call(crm: EmbeddedCrm) -> None:
    contact = await crm.create_contact(draft(), "k")
    for key, hours in (("a", 2), ("b", 5), ("c", 1)):
        await crm.create_call_log(entry(contact.id, start_time=START + timedelta(hours=hours)), key)
    read = await crm.get_contact(contact.id)
    assert read is not None
    assert read.last_activity_time == START + timedelta(hours=5)


@pytest.mark.parametrize("part", ["zoë", "ZOË", "oË m", "MÜLLER", "李小龙", "李", "ß", "ss"])
async def test_a_search_ignores_upper_and_lower_case_in_every_script(
    book: ContactBook, crm: EmbeddedCrm, part: str
) -> None:
    await book.add(person("Zoë Müller 李小龙 Weiß"))
    await book.add(person("Nobody"))
    assert await pages(crm, part, 10) == ["Zoë Müller 李小龙 Weiß"]


@pytest.mark.parametrize("part", ["", "a", "an", "ann", 'a"n', "a' OR 1", "NEAR(", "a\x00n", "%", "_", "*"])
async def test_a_search_finds_just_the_names_with_the_part(book: ContactBook, crm: EmbeddedCrm, part: str) -> None:
    everybody = ["Anna", "anna b", 'Bea"n', "Ca' OR 1", "NEAR(x)", "da\x00n", "100%", "a_b", "*", "Z"]
    for name in everybody:
        await book.add(person(name))
    expected = sorted((name for name in everybody if part.casefold() in name.casefold()), key=str.casefold)
    assert await pages(crm, part, 2) == expected


async def test_a_part_that_very_many_names_have_is_paged_through_without_gaps_or_doubles(
    book: ContactBook, crm: EmbeddedCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.crm.embedded.search._FEW", 3)
    monkeypatch.setattr("leadline_server.crm.embedded.search._SLICE", 4)
    for number in range(15):
        await book.add(person(f"Anna {number % 7}"))
        await book.add(person(f"Other {number}"))
    assert await pages(crm, "anna", 4) == sorted(f"Anna {number % 7}" for number in range(15))


async def test_a_cursor_of_something_else_is_rejected(crm: EmbeddedCrm) -> None:
    with pytest.raises(CrmInvalidCursor):
        await crm.search_contacts("Ada", 10, "garbage")


async def test_a_closed_book_is_unavailable(tmp_path: Path) -> None:
    database = await open_crm_database(tmp_path / "crm.db")
    crm = EmbeddedCrm(database, "acme", lambda: "US")
    await database.close()
    for attempt in (crm.check(), crm.find_contacts([parse_number(NUMBER, "US")]), crm.create_contact(draft(), "k")):
        with pytest.raises(CrmUnavailable):
            await attempt


async def test_a_file_that_is_no_book_is_unavailable_and_named(diary: Path) -> None:
    with pytest.raises(CrmUnavailable, match=r"diary\.db is not a database"):
        await open_crm_database(diary)


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary.db"
    path.write_text("Dear diary, " * 1_000)
    return path


def test_ids_grow_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moments: Sequence[int] = [1, 10**15, 1_772_600_767_123_000_000, 1_772_600_767_124_000_000, 2 * 10**18]
    clock = iter(moments)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    ids = [new_id("c_") for _ in moments]
    assert ids == sorted(ids)
    assert {len(each) for each in ids} == {22}


@pytest.mark.parametrize("moment", [NOW, datetime(1901, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_times_are_kept_to_the_microsecond(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("011 15-2345-6789", "+5491123456789"),  # an Argentine mobile is written quite differently at home
        ("+54 9 11 2345-6789", "+5491123456789"),
        ("+54 9 11 2345-6789", "011 15-2345-6789"),
    ],
)
async def test_a_number_that_changes_at_home_is_found_as_it_is_written_there(
    database: CrmDatabase, stored: str, asked: str
) -> None:
    book = ContactBook(database, "acme", lambda: "AR")
    crm = EmbeddedCrm(database, "acme", lambda: "AR")
    added = await book.add(person("Ada", stored))
    assert [contact.id for contact in await crm.find_contacts([parse_number(asked, "AR")])] == [added.id]


@pytest.mark.parametrize("name", ["A", "Ada Lovelace"])
async def test_an_account_that_never_had_a_contact_has_none(
    database: CrmDatabase, book: ContactBook, name: str
) -> None:
    await book.add(person("Ada Lovelace", NUMBER))
    page = await EmbeddedCrm(database, "another", lambda: "US").search_contacts(name, 10, "")
    assert (page.contacts, page.next_cursor) == ((), "")


async def test_contacts_without_a_key_are_all_added(crm: EmbeddedCrm) -> None:
    made = await asyncio.gather(*(crm.create_contact(draft(), "") for _ in range(3)))
    found = await crm.find_contacts((parse_number(NUMBER, "US"),))
    assert len({contact.id for contact in made}) == 3
    assert {contact.id for contact in found} == {contact.id for contact in made}
