"""Requests and answers of ContactService."""

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import pytest
from leadline.v1 import contact_pb2
from leadline.v1 import contact_service_pb2 as pb
from leadline_server.commands.search_contacts import ContactList, ContactSearch
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.errors import InvalidRequest
from leadline_server.transport import contact_service as mapping
from leadline_server.transport.contact_service import numbers_to_find
from support.accounts import read_request

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
ADA = Contact(
    id="p1",
    name="Ada",
    phone_numbers=("+1 415 555 0123", "101"),
    type="Lead",
    email="ada@example.com",
    company="Engines",
    title="Countess",
    url="https://crm.example.com/p1",
    create_time=NOW,
    is_placeholder=True,
    attributes={"tier": "gold"},
)


async def violations(reading: Awaitable[Any]) -> set[str]:
    with pytest.raises(InvalidRequest) as error:
        await reading
    return {violation.field for violation in error.value.violations}


async def test_numbers_are_read_in_the_region_of_the_account() -> None:
    request = pb.FindContactRequest(account_id="gb", phone_numbers=["020 7946 0123"])
    numbers = await read_request(numbers_to_find, request)
    assert [number.e164 for number in numbers] == ["+442079460123"]


async def test_withheld_and_service_numbers_are_skipped_and_extensions_kept() -> None:
    request = pb.FindContactRequest(account_id="us", phone_numbers=["anonymous", "", "911", "*69", "101"])
    assert [number.text for number in await read_request(numbers_to_find, request)] == ["101"]


async def test_garbage_is_a_violation_at_its_place() -> None:
    request = pb.FindContactRequest(account_id="us", phone_numbers=["101", "?!", "+1415", "1" * 65])
    assert await violations(read_request(numbers_to_find, request)) == {f"phone_numbers[{i}]" for i in (1, 2, 3)}


@pytest.mark.parametrize("count", [0, 17])
async def test_there_must_be_one_to_sixteen_numbers(count: int) -> None:
    request = pb.FindContactRequest(account_id="us", phone_numbers=["101"] * count)
    assert await violations(read_request(numbers_to_find, request)) == {"phone_numbers"}


async def test_violations_are_told_before_an_account_is_missed_and_without_one() -> None:
    wrong = pb.FindContactRequest(account_id="fr", user_id="\0", phone_numbers=["?!"])
    assert await violations(read_request(numbers_to_find, wrong)) == {"user_id"}
    wrong.account_id = ""
    assert await violations(read_request(numbers_to_find, wrong)) == {"account_id", "user_id"}
    wrong.user_id = ""
    wrong.account_id = "fr"
    with pytest.raises(AccountNotFound):
        await read_request(numbers_to_find, wrong)


def test_found_contacts_are_written_whole() -> None:
    match = ContactMatch(ADA, "(415) 555-0123", MatchKind.NATIONAL)
    written = mapping.FOUND_CONTACTS.message(FoundContacts((match,), NOW))
    assert written.as_of.ToDatetime(UTC) == NOW
    [found] = written.matches
    assert (found.phone_number, found.kind) == ("(415) 555-0123", contact_pb2.MATCH_KIND_NATIONAL)
    plain = ("id", "name", "type", "email", "company", "title", "url", "is_placeholder")
    assert {name: getattr(found.contact, name) for name in plain} == {name: getattr(ADA, name) for name in plain}
    assert tuple(found.contact.phone_numbers) == ADA.phone_numbers
    assert dict(found.contact.attributes) == {"tier": "gold"}
    assert found.contact.create_time.ToDatetime(UTC) == NOW
    assert not found.contact.HasField("last_activity_time")


def test_a_search_takes_fifty_contacts_unless_it_says_how_many() -> None:
    search = mapping.contact_search(pb.SearchContactsRequest(account_id="us", query=" Ada "))
    assert search == ContactSearch(name="Ada", page_size=50, page_token="")
    assert (
        mapping.contact_search(pb.SearchContactsRequest(account_id="us", query="A", page_size=1000)).page_size == 1000
    )


def test_a_search_names_all_that_is_wrong() -> None:
    request = pb.SearchContactsRequest(query="  ", page_size=-1, page_token="t" * 1025, user_id="u" * 129)
    with pytest.raises(InvalidRequest) as error:
        mapping.contact_search(request)
    fields = {violation.field for violation in error.value.violations}
    assert fields == {"account_id", "query", "page_size", "page_token", "user_id"}


def test_a_list_of_contacts_carries_its_token() -> None:
    written = mapping.CONTACT_LIST.message(ContactList((ADA,), "next"))
    assert ([contact.id for contact in written.contacts], written.next_page_token) == (["p1"], "next")


async def test_a_creation_is_read_whole() -> None:
    request = pb.CreateContactRequest(
        account_id="us",
        user_id="u1",
        request_id="123E4567-E89B-42D3-A456-426614174000",
        name=" Ada ",
        phone_number="(415) 555-0123",
        contact_type="Lead",
        email="ada@example.com",
        company="Engines",
        allow_duplicate=True,
    )
    creation = await read_request(mapping.contact_creation, request)
    assert (creation.number.e164, creation.name) == ("+14155550123", "Ada")
    assert creation.request_id == "123e4567-e89b-42d3-a456-426614174000"
    assert (creation.contact_type, creation.email, creation.company) == ("Lead", "ada@example.com", "Engines")
    assert creation.allow_duplicate


@pytest.mark.parametrize("text", ["", "101", "911", "anonymous", "?!", "5550123", "1" * 65])
async def test_a_contact_needs_a_number_that_can_be_dialled(text: str) -> None:
    request = pb.CreateContactRequest(account_id="us", phone_number=text)
    assert await violations(read_request(mapping.contact_creation, request)) == {"phone_number"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_id", "1"),
        ("request_id", "{123e4567-e89b-42d3-a456-426614174000}"),
        ("email", "ada"),
        ("email", "a" * 250 + "@b.io"),
        ("name", "n" * 257),
        ("company", "\0"),
        ("contact_type", "t" * 257),
        ("user_id", "u" * 129),
    ],
)
async def test_a_wrong_field_of_a_creation_is_named(field: str, value: str) -> None:
    request = pb.CreateContactRequest(account_id="us", phone_number="+14155550123", **{field: value})  # type: ignore[arg-type] # by name
    assert await violations(read_request(mapping.contact_creation, request)) == {field}


async def test_an_id_with_an_invisible_character_is_a_violation() -> None:
    request = pb.FindContactRequest(account_id="us\u200b", user_id="alice\u202e", phone_numbers=["101"])
    assert await violations(read_request(numbers_to_find, request)) == {"account_id", "user_id"}
