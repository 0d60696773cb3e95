"""The errors that Salesforce's answers stand for ("Status Codes and Error Responses").

An error answer is an array of codes with messages, such as `[{"errorCode": "INVALID_FIELD", "message": "..."}]`. The
code counts more than the status: 403 can mean that a limit is used up, and 400 that a row is locked for a moment.
"""

import re
from typing import Final

import msgspec

from leadline_server.crm.toolkit import HttpAnswer, Throttle, standard_failure
from leadline_server.crm.toolkit.http_answers import UNREADABLE
from leadline_server.crm.toolkit.redaction import in_its_words
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.crm_errors import CrmError, CrmRateLimited, CrmRejected, CrmUnavailable

PAUSE_SECONDS: Final = 60.0
"""The pause after the day's share of requests is used up, in seconds. They come back little by little over 24 hours."""

_CONCURRENT_SECONDS: Final = 5.0  # some of the long requests that use every slot will have ended

_LIMIT: Final = "REQUEST_LIMIT_EXCEEDED"
_DUPLICATES: Final = "DUPLICATES_DETECTED"
_PASSING: Final = frozenset({"UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT"})
"""Passing failures. Salesforce has undone what it had begun."""

_UNSEEN: Final = frozenset({"INVALID_FIELD", "INVALID_TYPE"})
"""An object or field does not exist, or is hidden from leadline's user. It works once an administrator has acted."""

_NO_RIGHT: Final = "INSUFFICIENT_ACCESS"
"""Codes that begin so concern one record. Other codes with status 403 concern the user, the app or the edition."""

_usage: Final = re.compile(r"(?<![\w-])api-usage=(\d{1,15})/(\d{1,15})(?!\d)")  # int() refuses 4,301 digits


class _Record(WireRecord, rename="pascal", frozen=True):
    id: str


class _Match(WireRecord, rename="camel", frozen=True):
    record: _Record


class _Matches(WireRecord, rename="camel", frozen=True):
    match_records: list[_Match] = msgspec.field(default_factory=list)


class _Duplicates(WireRecord, rename="camel", frozen=True):
    allow_save: bool = False
    match_results: list[_Matches] = msgspec.field(default_factory=list)


class _Problem(WireRecord, rename="camel", frozen=True):
    error_code: str = ""
    message: str = ""
    duplicate_result: _Duplicates | None = None
    duplicate_resut: _Duplicates | None = None  # Salesforce has sent this misspelt name for years


_problems: Final = msgspec.json.Decoder(list[_Problem])


class DuplicatesDetected(CrmRejected):
    """A duplicate rule refuses a new record.

    Attributes:
        ids: the records that the rule considers the same.
        may_save: whether the rule only warns, and accepts the record if it is sent again with a header.
    """

    def __init__(self, message: str, ids: tuple[str, ...], *, may_save: bool) -> None:
        super().__init__(message)
        self.ids = ids
        self.may_save = may_save


class SalesforceErrors:
    """Returns the error that an answer stands for, and slows down before the day's requests are used up.

    Args:
        throttle: paused when they are.
        limit_share: the percentage of the organization's daily requests at which leadline pauses.
    """

    def __init__(self, throttle: Throttle, limit_share: int) -> None:
        self._throttle = throttle
        self._limit_share = limit_share

    def __call__(self, answer: HttpAnswer) -> CrmError | None:
        """The error that an answer stands for; None for a success."""
        used = _usage.search(answer.headers.get("Sforce-Limit-Info", ""))
        if used and int(used[1]) * 100 >= int(used[2]) * self._limit_share:
            self._throttle.hold(PAUSE_SECONDS)
        return None if answer.is_success else _failure(answer)


def _failure(answer: HttpAnswer) -> CrmError | None:
    problems = _read(answer)
    codes, words = {problem.error_code for problem in problems}, _words(problems)
    if _LIMIT in codes:
        delay = _CONCURRENT_SECONDS if "oncurrent" in words else PAUSE_SECONDS
        return CrmRateLimited(f"Salesforce's limit is used up: {words}", retry_after=answer.retry_after or delay)
    if codes & _PASSING:
        return CrmUnavailable(f"Salesforce cannot do this now: {words}", retry_after=answer.retry_after)
    if codes & _UNSEEN and not answer.is_write:
        return CrmUnavailable(f"Salesforce does not let leadline read this: {words}")
    if answer.is_write and any(code.startswith(_NO_RIGHT) for code in codes):
        return CrmRejected(f"Salesforce refuses this: {words}")
    if _DUPLICATES in codes:
        return _duplicates(problems, words)
    return standard_failure(answer, lambda _: words)


def _duplicates(problems: list[_Problem], words: str) -> DuplicatesDetected:
    results = [found for problem in problems if (found := problem.duplicate_result or problem.duplicate_resut)]
    ids = [match.record.id for found in results for matches in found.match_results for match in matches.match_records]
    may_save = bool(results) and all(found.allow_save for found in results)
    return DuplicatesDetected(f"Salesforce refuses this: {words}", tuple(dict.fromkeys(ids)), may_save=may_save)


def _read(answer: HttpAnswer) -> list[_Problem]:
    try:
        return _problems.decode(answer.body)
    except UNREADABLE:
        return []  # perhaps a proxy's page: only the status counts


def _words(problems: list[_Problem]) -> str:
    return in_its_words("; ".join(f"{problem.error_code}: {problem.message}" for problem in problems))
