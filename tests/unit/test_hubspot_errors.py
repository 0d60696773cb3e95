"""The meaning of HubSpot's errors, and of the headers of its limits."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from leadline_server.crm.hubspot.errors import DAILY_PAUSE, ValueTaken, failure, pause
from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)


def answer(
    status: int, body: Any = None, *, is_write: bool = False, headers: Mapping[str, str] = MappingProxyType({})
) -> HttpAnswer:
    return HttpAnswer(status=status, headers=headers, body=msgspec.json.encode(body or {}), is_write=is_write)


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
