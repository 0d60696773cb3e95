"""HubSpot's JSON: names, contacts, searches, and settings."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.crm.hubspot.adapter import capabilities_of
from leadline_server.crm.hubspot.searches import MAX_CHARACTERS, MAX_GROUPS, exact_search, name_search, phone_searches
from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.crm.hubspot.wire import ContactProperties, Object, is_id, joined_name
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from pydantic import ValidationError

NUMBER = parse_number("+12025550147", "US")

PHONES = ("phone", "mobilephone")
WANTED = ContactProperties(HubSpotSettings.model_construct()).properties


def settings(**options: Any) -> HubSpotSettings:
    return HubSpotSettings.model_validate({"token": "t", **options})


def names_of(name: str) -> tuple[str, str]:
    """The first and last name that a new contact of this name gets."""
    values = ContactProperties(settings()).written(
        ContactDraft(name=name, phone_number=parse_number("+12025550147", "US"))
    )
    return values.get("firstname", ""), values.get("lastname", "")


@given(name=st.text(min_size=1).filter(lambda name: name == name.strip()))
def test_a_name_that_is_split_is_joined_to_itself(name: str) -> None:
    assert joined_name(*names_of(name)) == name


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Ana María de la Cruz", "Ana María de la", "Cruz"),
        ("Acme", "Acme", ""),
        ("two  blanks", "two  blanks", ""),
    ],
)
def test_the_last_word_is_the_last_name(name: str, first: str, last: str) -> None:
    assert names_of(name) == (first, last)


def test_a_record_is_read_with_all_that_it_has() -> None:
    contacts = ContactProperties(settings(placeholder_property="is_placeholder", portal_id="42"))
    values = {
        "firstname": "Ada",
        "lastname": "Lovelace",
        "phone": "(202) 555-0147",
        "mobilephone": None,
        "jobtitle": "Countess",
        "lifecyclestage": "customer",
        "createdate": "2026-01-02T03:04:05.678Z",
        "notes_last_updated": "no date",
        "is_placeholder": "true",
    }
    contact = contacts.read(Object(id="7", properties=values))
    assert (contact.name, contact.phone_numbers, contact.title) == ("Ada Lovelace", ("(202) 555-0147",), "Countess")
    assert (contact.type, contact.is_placeholder) == ("customer", True)
    assert contact.create_time == datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert contact.last_activity_time is None
    assert contact.url == "https://app.hubspot.com/contacts/42/record/0-1/7"


def test_a_placeholder_is_marked_only_where_the_settings_say_how() -> None:
    draft = ContactDraft(name="Unknown Caller", phone_number=NUMBER, is_placeholder=True)
    assert ContactProperties(settings(placeholder_property="mark")).written(draft)["mark"] == "true"
    assert "true" not in ContactProperties(settings()).written(draft).values()
    assert "mark" not in ContactProperties(settings(placeholder_property="mark")).written(
        replace(draft, is_placeholder=False)
    )


def test_without_lifecycle_stages_a_contact_has_none() -> None:
    written = ContactProperties(settings(lifecycle_stages=[])).written(ContactDraft(name="Ada", phone_number=NUMBER))
    assert written == {"firstname": "Ada", "phone": "+12025550147"}


@pytest.mark.parametrize(
    ("text", "expected"), [("27597545708", True), ("", False), ("-1", False), ("٣", False), ("1" * 21, False)]
)
def test_ids_are_decimal_numbers(text: str, expected: bool) -> None:  # noqa: FBT001 - of pytest
    assert is_id(text) is expected


def values_of(search: dict[str, Any], name: str) -> list[str]:
    filters = [each for group in search["filterGroups"] for each in group["filters"]]
    return [value for each in filters if each["propertyName"] == name for value in each["values"]]


def test_a_number_is_asked_for_as_written_and_as_hubspot_calculates_it() -> None:
    [search] = phone_searches([parse_number("+442079460123", "US")], ["#### ######"], PHONES, WANTED)
    assert values_of(search, "hs_searchable_calculated_phone_number") == ["442079460123", "2079460123"]
    assert values_of(search, "mobilephone")[:2] == ["+442079460123", "442079460123"]
    assert "2079 460123" in values_of(search, "phone")


def test_a_number_with_a_zero_that_belongs_to_it_is_asked_for_without() -> None:
    [search] = phone_searches([parse_number("+390612345678", "US")], [], PHONES, WANTED)
    assert "612345678" in values_of(search, "hs_searchable_calculated_phone_number")


def numbers(count: int) -> list[PhoneNumber]:
    return [parse_number(f"+1202555{index:04}", "US") for index in range(count)]


@given(
    count=st.integers(1, 16),
    patterns=st.lists(st.sampled_from(["(###) ###-####", "###.###.####", "### ### ####", "###/###-####"]), max_size=4),
    more=st.integers(0, 6),
)
def test_searches_keep_within_hubspots_limits_and_leave_nothing_out(count: int, patterns: list[str], more: int) -> None:
    names = (*PHONES, *(f"custom_{index}" for index in range(more)))
    asked = numbers(count)
    searches = list(phone_searches(asked, patterns, names, (*WANTED, *names)))
    for search in searches:
        assert len(msgspec.json.encode(search)) <= MAX_CHARACTERS
        assert len(search["filterGroups"]) <= MAX_GROUPS
    for name in names:
        assert {value for search in searches for value in values_of(search, name)} >= {each.e164 for each in asked}


def test_a_few_numbers_are_one_search() -> None:
    assert len(list(phone_searches(numbers(4), [], PHONES, WANTED))) == 1


@pytest.mark.parametrize("more", [(), ("custom_0",), tuple(f"custom_{index}" for index in range(6))])
def test_as_many_numbers_go_into_one_lookup_as_take_no_more_searches_than_one(more: tuple[str, ...]) -> None:
    names, londoners = (*PHONES, *more), [parse_number(f"+44207946{index:04}", "US") for index in range(17)]
    wanted = ContactProperties(settings(more_phone_properties=more)).properties
    most = capabilities_of(settings(more_phone_properties=more)).numbers_per_lookup

    def searches(count: int) -> int:
        return len(list(phone_searches(londoners[:count], [], names, wanted)))

    assert 1 < most < 16
    assert searches(most) == searches(1) < searches(most + 1)


def test_a_number_in_too_many_forms_is_asked_for_group_by_group() -> None:
    patterns: list[str] = [f"({'#' * 10}) {index:03} {'x' * 200}" for index in range(11)]
    searches = list(phone_searches(numbers(1), patterns, PHONES, WANTED))
    assert [len(search["filterGroups"]) for search in searches] == [1, 1, 1, 1]


def test_a_name_is_searched_by_its_two_longest_words_in_both_properties() -> None:
    search = name_search("Jo van Lovelace-Byron", WANTED)
    assert search is not None
    groups = [[(each["propertyName"], each["value"]) for each in group["filters"]] for group in search["filterGroups"]]
    assert len(groups) == 4
    assert [("firstname", "*Lovelace*"), ("lastname", "*Byron*")] in groups
    assert name_search("***", WANTED) is None


def test_a_call_is_looked_for_by_its_key_alone() -> None:
    search = exact_search("hs_call_external_id", "demo/1")
    assert search["filterGroups"] == [
        {"filters": [{"propertyName": "hs_call_external_id", "operator": "EQ", "value": "demo/1"}]}
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"token": "t", "client_id": "c", "client_secret": "s", "refresh_token": "r"},
        {"client_id": "c", "client_secret": "s"},
        {"token": "t", "portal_id": "hub"},
        {"token": "t", "call_id_property": "Call ID"},
        {"token": "t", "more_phone_properties": [""]},
        {"token": "t", "more_phone_properties": [f"phone_{number}" for number in range(7)]},
        {"token": "t", "api_url": "http://api.example.com"},
        {"token": "t", "searches_per_second": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HubSpotSettings.model_validate(options)
