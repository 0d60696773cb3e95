"""The meaning of Salesforce's errors: a used-up limit is not refused credentials, and a locked row can be retried."""

from typing import Any

import msgspec
import pytest
from leadline_server.crm.salesforce.errors import PAUSE_SECONDS, DuplicatesDetected, SalesforceErrors
from leadline_server.crm.toolkit import HttpAnswer, Throttle
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)


def answer(status: int, body: Any = None, *, is_write: bool = False, **headers: str) -> HttpAnswer:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status=status, headers=named, body=content, is_write=is_write)


def problem(code: str, message: str = "Words.") -> list[dict[str, Any]]:
    return [{"errorCode": code, "message": message, "fields": []}]


def meaning(status: int, code: str, message: str = "Words.", *, is_write: bool = False) -> CrmError | None:
    return SalesforceErrors(Throttle(), 100)(answer(status, problem(code, message), is_write=is_write))


@pytest.mark.parametrize(
    ("status", "code", "of_a_read", "of_a_write"),
    [
        (401, "INVALID_SESSION_ID", CrmAuthFailed, CrmAuthFailed),
        (403, "REQUEST_LIMIT_EXCEEDED", CrmRateLimited, CrmRateLimited),
        (503, "REQUEST_LIMIT_EXCEEDED", CrmRateLimited, CrmRateLimited),
        (403, "API_DISABLED_FOR_ORG", CrmAuthFailed, CrmAuthFailed),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", CrmAuthFailed, CrmRejected),
        (400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", CrmRejected, CrmRejected),
        (400, "UNABLE_TO_LOCK_ROW", CrmUnavailable, CrmUnavailable),
        (400, "QUERY_TIMEOUT", CrmUnavailable, CrmUnavailable),
        (400, "INVALID_FIELD", CrmUnavailable, CrmRejected),
        (400, "INVALID_TYPE", CrmUnavailable, CrmRejected),
        (400, "MALFORMED_QUERY", CrmRejected, CrmRejected),
        (400, "REQUIRED_FIELD_MISSING", CrmRejected, CrmRejected),
        (404, "ENTITY_IS_DELETED", CrmUnavailable, CrmRejected),
        (500, "UNKNOWN_EXCEPTION", CrmUnavailable, CrmOutcomeUnknown),
        (503, "SERVER_UNAVAILABLE", CrmUnavailable, CrmOutcomeUnknown),
    ],
)
def test_a_code_means_what_it_says(
    status: int, code: str, of_a_read: type[CrmError], of_a_write: type[CrmError]
) -> None:
    assert type(meaning(status, code)) is of_a_read
    assert type(meaning(status, code, is_write=True)) is of_a_write


def test_a_success_is_no_failure() -> None:
    assert SalesforceErrors(Throttle(), 100)(answer(204, b"", is_write=True)) is None


def test_salesforces_own_words_are_passed_on_without_callers_numbers() -> None:
    error = meaning(400, "STRING_TOO_LONG", "Phone: data value too large: +1 (415) 555-0123", is_write=True)
    assert error is not None
    assert "STRING_TOO_LONG: Phone: data value too large" in error.message
    assert "555" not in error.message


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b'{"error": "x"}', b"[1]", b""])
def test_a_body_that_is_none_of_salesforces_leaves_the_status(body: bytes) -> None:
    assert type(SalesforceErrors(Throttle(), 100)(answer(403, body))) is CrmAuthFailed


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("TotalRequests Limit exceeded.", PAUSE_SECONDS),
        ("ConcurrentRequests (Concurrent API Requests) Limit exceeded.", 5),
    ],
)
def test_a_limit_says_for_how_long(message: str, seconds: float) -> None:
    error = meaning(403, "REQUEST_LIMIT_EXCEEDED", message)
    assert error is not None
    assert error.retry_after == seconds


@pytest.mark.parametrize("spelling", ["duplicateResut", "duplicateResult"])
def test_duplicates_are_told_by_their_ids(spelling: str) -> None:
    match = {"record": {"Id": "00Q000000000001EAA"}, "matchConfidence": 90.0}
    result = {"allowSave": True, "matchResults": [{"matchRecords": [match, match]}, {"matchRecords": []}]}
    body = [{"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", spelling: result}]
    error = SalesforceErrors(Throttle(), 100)(answer(400, body, is_write=True))
    assert isinstance(error, DuplicatesDetected)
    assert (error.ids, error.may_save) == (("00Q000000000001EAA",), True)


def test_duplicates_that_are_not_told_cannot_be_saved() -> None:
    error = SalesforceErrors(Throttle(), 100)(answer(400, problem("DUPLICATES_DETECTED"), is_write=True))
    assert isinstance(error, DuplicatesDetected)
    assert (error.ids, error.may_save) == ((), False)


@pytest.mark.parametrize(
    ("usage", "share", "is_held"),
    [
        ("api-usage=14999/15000", 100, False),
        ("api-usage=15000/15000", 100, True),
        ("api-usage=12000/15000", 80, True),
        ("api-usage=11999/15000", 80, False),
        ("api-usage=1/15000; per-app-api-usage=250/250(appName=leadline)", 100, False),
        ("per-app-api-usage=250/250(appName=leadline), api-usage=1/15000", 100, False),
        ("nonsense", 1, False),
    ],
)
async def test_the_days_requests_are_not_used_up(usage: str, share: int, *, is_held: bool) -> None:
    throttle = Throttle()
    assert SalesforceErrors(throttle, share)(answer(200, {}, Sforce_Limit_Info=usage)) is None
    if is_held:
        with pytest.raises(CrmRateLimited):
            await throttle.turn()
    else:
        await throttle.turn()
