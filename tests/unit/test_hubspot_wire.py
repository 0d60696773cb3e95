"""HubSpot's JSON: names, contacts, calls, searches, and what its errors mean."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.crm.hubspot.adapter import capabilities_of
from leadline_server.crm.hubspot.calls import CallProperties
from leadline_server.crm.hubspot.errors import DAILY_PAUSE, ValueTaken, failure, pause
from leadline_server.crm.hubspot.searches import MAX_CHARACTERS, MAX_GROUPS, exact_search, name_search, phone_searches
from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.crm.hubspot.wire import ContactProperties, Object, is_id, joined_name
from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.errors import CrmAuthFailed, CrmOutcomeUnknown, CrmRateLimited, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.ports.crm import LogEntry
from leadline_server.testing.crm_harness import Report
from pydantic import ValidationError

NUMBER = parse_number("+12025550147", "US")
CONNECTED, LEFT_VOICEMAIL = "f240bbac-87c9-4f6e-bf70-924b57d47db7", "b2cf5968-551e-4856-9783-52b3da59a7d0"
PHONES = ("phone", "mobilephone")
WANTED = ContactProperties(HubSpotSettings.model_construct()).properties


def settings(**options: Any) -> HubSpotSettings:
    return HubSpotSettings.model_validate({"token": "t", **options})


def answer(
    status: int, body: Any = None, *, is_write: bool = False, headers: Mapping[str, str] = MappingProxyType({})
) -> HttpAnswer:
    return HttpAnswer(status=status, headers=headers, body=msgspec.json.encode(body or {}), is_write=is_write)


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


def entry(**values: Any) -> LogEntry:
    made = Report().entry("7")
    return replace(made, call=replace(made.call, **values))


@pytest.mark.parametrize(
    ("result", "status", "disposition"),
    [
        (CallResult.ANSWERED, "COMPLETED", CONNECTED),
        (CallResult.VOICEMAIL, "COMPLETED", LEFT_VOICEMAIL),
        (CallResult.REJECTED, "NO_ANSWER", None),
        (CallResult.FAILED, "FAILED", None),
    ],
)
def test_a_result_has_a_status_and_may_have_an_outcome(
    result: CallResult, status: str, disposition: str | None
) -> None:
    written = CallProperties({}).created(entry(result=result), "UTC")
    assert (written["hs_call_status"], written.get("hs_call_disposition")) == (status, disposition)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"end_time": None}, "IN_PROGRESS"),
        ({"answer_time": None, "end_time": None}, "RINGING"),
        ({"answer_time": None}, None),
        ({"end_time": None, "is_final": True}, "COMPLETED"),
    ],
)
def test_a_call_without_a_result_has_the_status_that_its_times_tell(values: dict[str, Any], status: str | None) -> None:
    assert CallProperties({}).created(entry(result=None, **values), "UTC").get("hs_call_status") == status


def test_an_outbound_call_goes_to_the_contact_and_an_inbound_one_comes_from_it() -> None:
    inbound = CallProperties({}).created(entry(), "UTC")
    assert (inbound["hs_call_direction"], inbound["hs_call_from_number"]) == ("INBOUND", "+14155550123")
    assert inbound["hs_call_to_number"] == "101"
    outbound = CallProperties({}).created(entry(direction=CallDirection.OUTBOUND), "UTC")
    assert (outbound["hs_call_direction"], outbound["hs_call_to_number"]) == ("OUTBOUND", "+14155550123")


def test_durations_are_milliseconds_and_times_are_utc() -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    written = CallProperties({}).created(entry(answer_time=moment, end_time=moment + timedelta(seconds=1.5)), "UTC")
    assert written["hs_call_duration"] == "1500"
    assert written["hs_timestamp"] == "2026-03-04T05:06:07.000Z"


def test_an_owner_is_set_where_one_is_known_and_never_cleared() -> None:
    assert CallProperties({}).created(replace(entry(), crm_user_id="99"), "UTC")["hubspot_owner_id"] == "99"
    assert "hubspot_owner_id" not in CallProperties({}).updated(entry(), "UTC", {})


@pytest.mark.parametrize("url", ["http://recordings.example/1", "ftp://x", None])
def test_an_address_that_hubspot_refuses_stands_in_the_body_alone(url: str | None) -> None:
    written = CallProperties({}).created(entry(recording_url=url), "UTC")
    assert "hs_call_recording_url" not in written
    assert (url or "Call id") in written["hs_call_body"]


def test_a_voicemail_is_played_where_there_is_no_recording() -> None:
    written = CallProperties({}).created(entry(voicemail_url="https://voicemail.example/1"), "UTC")
    assert written["hs_call_recording_url"] == "https://voicemail.example/1"


def test_what_is_no_longer_known_is_cleared() -> None:
    updated = CallProperties({}).updated(entry(end_time=None, recording_url=None), "UTC", {})
    assert (updated["hs_call_duration"], updated["hs_call_recording_url"]) == ("", "")


def test_an_outcome_that_a_person_chose_stays_unless_another_one_is_reported() -> None:
    calls = CallProperties({"Interested": "guid-of-interested", "answered": "guid-of-answered"})
    chosen = {"hs_call_disposition": "guid-of-a-person"}
    assert "hs_call_disposition" not in calls.updated(entry(), "UTC", chosen)
    assert calls.updated(entry(), "UTC", {})["hs_call_disposition"] == "guid-of-answered"
    reported = calls.updated(entry(disposition=" interested"), "UTC", chosen)
    assert reported["hs_call_disposition"] == "guid-of-interested"
    assert calls.created(entry(disposition="Wrong number"), "UTC")["hs_call_disposition"].startswith("17b47fee")


@pytest.mark.parametrize(
    ("policy", "headers", "seconds"),
    [
        ("SECONDLY", {}, 1.0),
        ("TEN_SECONDLY_ROLLING", {}, 5.0),
        ("DAILY", {}, DAILY_PAUSE),
        ("SECONDLY", {"Retry-After": "7"}, 7.0),
    ],
)
def test_a_rate_limit_says_for_how_long(policy: str, headers: dict[str, str], seconds: float) -> None:
    error = failure(answer(429, {"policyName": policy, "errorType": "RATE_LIMIT"}, is_write=True, headers=headers))
    assert isinstance(error, CrmRateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-HubSpot-RateLimit-Daily-Remaining": "0"}, DAILY_PAUSE),
        ({"X-HubSpot-RateLimit-Remaining": "0", "X-HubSpot-RateLimit-Daily-Remaining": "9"}, 1.0),
        ({"X-HubSpot-RateLimit-Remaining": "1"}, None),
        ({}, None),
    ],
)
def test_headers_say_when_to_pause(headers: dict[str, str], seconds: float | None) -> None:
    assert pause(answer(200, headers=headers)) == seconds


@pytest.mark.parametrize(
    ("status", "is_write", "kind"),
    [
        (200, True, type(None)),
        (401, False, CrmAuthFailed),
        (403, True, CrmAuthFailed),
        (400, False, CrmRejected),
        (404, False, CrmUnavailable),
        (404, True, CrmRejected),
        (423, True, CrmUnavailable),
        (477, True, CrmUnavailable),
        (500, True, CrmOutcomeUnknown),
        (504, False, CrmUnavailable),
    ],
)
def test_statuses_mean_what_hubspot_documents(status: int, is_write: bool, kind: type) -> None:  # noqa: FBT001 - of pytest
    assert type(failure(answer(status, {"message": "words"}, is_write=is_write))) is kind


def test_a_conflict_names_the_contact_that_has_the_address() -> None:
    error = failure(answer(409, {"message": "Contact already exists. Existing ID: 551"}, is_write=True))
    assert isinstance(error, ValueTaken)
    assert error.existing_id == "551"


@pytest.mark.parametrize(
    "body",
    [
        {"message": "x", "errors": [{"message": "taken", "code": "CONFLICTING_UNIQUE_VALUE"}]},
        {"message": "another CALL already has that value"},
    ],
)
def test_a_unique_value_that_is_taken_is_told_apart(body: dict[str, Any]) -> None:
    error = failure(answer(400, body, is_write=True))
    assert isinstance(error, ValueTaken)
    assert error.existing_id == ""


def test_hubspots_words_are_passed_on_with_its_details_but_without_numbers() -> None:
    body = {"message": "Property values were not valid", "errors": [{"message": "phone +12025550147 is wrong"}]}
    error = failure(answer(400, body, is_write=True))
    assert isinstance(error, CrmRejected)
    assert "not valid" in error.message
    assert "is wrong" in error.message
    assert "2025550147" not in error.message


def test_an_error_that_a_proxy_made_is_understood_by_its_status() -> None:
    page = HttpAnswer(status=400, headers={}, body=b"<html>\xff", is_write=True)
    assert type(failure(page)) is CrmRejected


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"token": "t", "client_id": "c", "client_secret": "s", "refresh_token": "r"},
        {"client_id": "c", "client_secret": "s"},
        {"token": "t", "portal_id": "hub"},
        {"token": "t", "call_id_property": "Call ID"},
        {"token": "t", "more_phone_properties": [""]},
        {"token": "t", "api_url": "http://api.example.com"},
        {"token": "t", "searches_per_second": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HubSpotSettings.model_validate(options)
