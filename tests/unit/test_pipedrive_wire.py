"""Pipedrive's JSON: persons, activities, terms, and what its errors mean."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from leadline_server.crm.pipedrive import activities, wire
from leadline_server.crm.pipedrive.errors import BLOCKED_PAUSE, DAILY_PAUSE, failure, pause
from leadline_server.crm.pipedrive.search_terms import name_term, phone_terms
from leadline_server.crm.pipedrive.settings import PipedriveSettings
from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import LogEntry
from leadline_server.testing.crm_harness import START, Report
from pydantic import ValidationError


def settings(**options: Any) -> PipedriveSettings:
    return PipedriveSettings.model_validate({"company_domain": "acme", "api_token": "t", **options})


def answer(
    status: int, body: Any = None, *, is_write: bool = False, headers: Mapping[str, str] = MappingProxyType({})
) -> HttpAnswer:
    content = b"<html>" if body is None else msgspec.json.encode(body)
    return HttpAnswer(status=status, headers=headers, body=content, is_write=is_write)


def entry(**values: Any) -> LogEntry:
    made = Report().entry("7")
    return replace(made, call=replace(made.call, **values))


def test_a_person_is_read_with_the_main_number_first_and_without_empty_ones() -> None:
    person = {
        "id": 7,
        "name": "Ada",
        "phones": [{"value": "1"}, {"value": ""}, {"value": "2", "primary": True}],
        "emails": [{"value": "", "primary": True}, {"value": "ada@example.com"}],
        "org_id": 3,
        "add_time": "2026-01-02T03:04:05Z",
        "job_title": "Countess",
    }
    contact = wire.contact_of(msgspec.convert(person, wire.Person), {3: "Acme"}, settings())
    assert (contact.phone_numbers, contact.email, contact.company) == (("2", "1"), "ada@example.com", "Acme")
    assert (contact.id, contact.title, contact.url) == ("7", "Countess", "https://acme.pipedrive.com/person/7")
    assert contact.create_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("no time", None),
        (None, None),
        ("", None),
    ],
)
def test_times_without_a_zone_are_utc(text: str | None, expected: datetime | None) -> None:
    assert wire.time_of(text) == expected


def test_a_number_is_searched_as_it_stands_in_one_piece_and_in_the_accounts_formats() -> None:
    terms = [term for term, _ in phone_terms([parse_number("+442079460123", "US")], ["#### ######", "(###)"])]
    assert terms == ["+442079460123", "2079460123", "02079460123", "20 7946 0123", "20-7946-0123", "2079 460123"]


def test_an_extension_has_to_be_the_whole_number() -> None:
    assert list(phone_terms([parse_number("1017", "US")], [])) == [("1017", True)]


def test_every_number_has_its_terms_and_none_is_searched_twice() -> None:
    number = parse_number("+12025550147", "US")
    terms = ["+12025550147", "2025550147", "202 555 0147", "202-555-0147", "(202) 555-0147"]
    assert list(phone_terms([number, number], [])) == [(term, False) for term in terms]


@pytest.mark.parametrize(("name", "term"), [("Jo van Lovelace", "Lovelace"), ("**", "**"), ("*", ""), ("A", "")])
def test_a_name_is_searched_by_its_longest_word(name: str, term: str) -> None:
    assert name_term(name) == term


def test_an_activity_has_utc_times_and_minutes() -> None:
    moment = datetime(2026, 3, 4, 1, 6, 7, tzinfo=timezone(timedelta(hours=2)))
    made = activities.created(
        entry(start_time=moment, answer_time=moment, end_time=moment + timedelta(minutes=61)), "demo/1", "UTC"
    )
    assert (made["due_date"], made["due_time"], made["duration"]) == ("2026-03-03", "23:06", "01:01")
    assert (made["type"], made["done"], made["participants"]) == ("call", True, [{"person_id": 7, "primary": True}])


@pytest.mark.parametrize(
    ("seconds", "duration"), [(1, "00:01"), (89, "00:01"), (91, "00:02"), (0, "00:00"), (None, "00:00")]
)
def test_a_call_that_was_talked_on_has_a_minute_at_least(seconds: int | None, duration: str) -> None:
    end = None if seconds is None else START + timedelta(seconds=seconds)
    assert activities.created(entry(answer_time=START, end_time=end), "k", "UTC")["duration"] == duration


def test_an_activity_without_a_note_has_no_key_and_gets_none_of_leadlines_part_back() -> None:
    existing = wire.Activity(id=1, participants=(wire.Participant(7, primary=True),))
    assert not activities.has_key(existing, "demo/1")
    updated = activities.updated(entry(), "UTC", existing)
    assert updated["note"] == ""
    assert "participants" not in updated


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 2.0),
        ({"Retry-After": "7"}, 7.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "5"}, 5.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1500"}, 1.5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 2.0),
        ({"x-daily-ratelimit-token-remaining": "0"}, DAILY_PAUSE),
    ],
)
def test_a_rate_limit_says_for_how_long(headers: dict[str, str], seconds: float) -> None:
    error = failure(answer(429, {"success": False, "error": "Rate limit exceeded"}, headers=headers))
    assert isinstance(error, CrmRateLimited)
    assert error.retry_after == seconds


def test_headers_that_leave_something_ask_for_no_pause() -> None:
    assert pause(answer(200, {}, headers={"x-ratelimit-remaining": "3"})) is None


def test_a_page_of_cloudflares_is_a_pause_and_no_refusal_of_the_credentials() -> None:
    error = failure(answer(403))
    assert isinstance(error, CrmRateLimited)
    assert error.retry_after == BLOCKED_PAUSE


@pytest.mark.parametrize(
    ("status", "is_write", "kind"),
    [
        (200, True, type(None)),
        (401, False, CrmAuthFailed),
        (403, True, CrmAuthFailed),
        (400, True, CrmRejected),
        (404, False, CrmUnavailable),
        (404, True, CrmRejected),
        (500, True, CrmOutcomeUnknown),
        (502, False, CrmUnavailable),
    ],
)
def test_statuses_mean_what_pipedrive_documents(status: int, is_write: bool, kind: type) -> None:  # noqa: FBT001 - of pytest
    assert type(failure(answer(status, {"success": False, "error": "words"}, is_write=is_write))) is kind


def test_pipedrives_words_are_passed_on_without_numbers() -> None:
    error = failure(answer(400, {"error": "phone +12025550147 is wrong", "error_info": "See docs"}, is_write=True))
    assert isinstance(error, CrmRejected)
    assert "is wrong" in error.message
    assert "2025550147" not in error.message
    assert "See docs" not in error.message


@pytest.mark.parametrize(
    "options",
    [
        {"company_domain": "acme"},
        {"company_domain": "acme.pipedrive.com", "api_token": "t"},
        {"api_token": "t"},
        {"company_domain": "acme", "api_token": "t", "client_id": "c"},
        {"company_domain": "acme", "client_id": "c", "client_secret": "s"},
        {"company_domain": "acme", "api_token": "t", "placeholder_field": "Mark"},
        {"company_domain": "acme", "api_token": "t", "requests_per_2_seconds": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PipedriveSettings.model_validate(options)


def test_requests_go_to_the_companys_domain_unless_told_otherwise() -> None:
    assert settings().origin == "https://acme.pipedrive.com"
    assert settings(api_url="https://proxy.example").origin == "https://proxy.example"
