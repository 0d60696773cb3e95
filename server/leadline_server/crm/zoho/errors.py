"""The errors that Zoho's answers stand for.

An error is a code of the whole answer or of one record, even if the status is 2xx. Example of a refused record:
`{"data": [{"code": "DUPLICATE_DATA", "details": {"api_name": "Call_Key", "id": "4876"}, "status": "error"}]}`.
"""

from typing import Any, Final

import msgspec

from leadline_server.crm.toolkit import HttpAnswer, standard_failure
from leadline_server.crm.toolkit.http_answers import UNREADABLE
from leadline_server.crm.toolkit.redaction import in_its_words
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.crm_errors import CrmError, CrmOutcomeUnknown, CrmRateLimited, CrmRejected, CrmUnavailable

_BUSY_SECONDS: Final = 5.0  # fewer requests will be under way
_CREDITS_SECONDS: Final = 300.0  # credits come back over 24 hours

_TOO_MANY: Final = frozenset({"TOO_MANY_REQUESTS", "API_LIMIT_EXCEEDED", "LIMIT_EXCEEDED"})
_LOCKED: Final = frozenset({"RECORD_LOCKED"})
_THEIR_OWN: Final = frozenset({"INTERNAL_ERROR", "INTERNAL_SERVER_ERROR", "CANNOT_PROCESS"})
"""Zoho failed, and leadline cannot tell whether the write took effect."""

_UNSEEN: Final = frozenset({"INVALID_QUERY", "INVALID_MODULE", "SYNTAX_ERROR", "REQUIRED_PARAM_MISSING"})
"""A module or field does not exist, or is hidden from leadline's user. It works once an administrator has acted."""

_DUPLICATE: Final = "DUPLICATE_DATA"
_NO_PERMISSION: Final = "NO_PERMISSION"
_TOO_MANY_STATUSES: Final = frozenset({403, 429})


class _Module(WireRecord, frozen=True):
    api_name: str = ""


class _Duplicate(WireRecord, frozen=True):
    id: str = ""
    module: _Module = _Module()


class _Details(WireRecord, frozen=True):
    api_name: str = ""
    id: str = ""
    duplicate_record: _Duplicate | None = None


class _Problem(WireRecord, frozen=True):
    code: str = ""
    message: str = ""
    status: str = ""
    details: _Details | list[Any] = msgspec.field(default_factory=list)


class _Body(_Problem, frozen=True):
    data: list[_Problem] = msgspec.field(default_factory=list)


_body: Final = msgspec.json.Decoder(_Body)


class DuplicateData(CrmRejected):
    """Another record has this value of a unique field.

    Attributes:
        field: the field's API name.
        id: the other record's id; empty if Zoho does not say it.
        module: the other record's module; empty: the one that was written to.
    """

    def __init__(self, message: str, field: str, record_id: str, module: str) -> None:
        super().__init__(message)
        self.field = field
        self.id = record_id
        self.module = module


def failure(answer: HttpAnswer) -> CrmError | None:
    """The error that an answer stands for; None for a success."""
    if answer.is_success and not answer.is_write:
        return None
    problem = _first(answer)
    if problem is None:
        return standard_failure(answer)
    return _coded(answer, problem)


def _coded(answer: HttpAnswer, problem: _Problem) -> CrmError | None:
    words, code = _words(problem), problem.code
    if (passing := _passing(answer, code, words)) is not None:
        return passing
    if code == _DUPLICATE and answer.is_write:
        return _duplicate(problem, words)
    if code in _UNSEEN and not answer.is_write:
        return CrmUnavailable(f"Zoho does not let leadline read this: {words}")
    if answer.is_write and (answer.is_success or code == _NO_PERMISSION):
        return CrmRejected(f"Zoho refuses this: {words}")
    return standard_failure(answer, lambda _: words)


def _passing(answer: HttpAnswer, code: str, words: str) -> CrmError | None:
    """The error for a passing failure; None for any other code."""
    if code in _TOO_MANY and (answer.status in _TOO_MANY_STATUSES or code == "TOO_MANY_REQUESTS"):
        delay = _BUSY_SECONDS if code == "TOO_MANY_REQUESTS" else _CREDITS_SECONDS
        return CrmRateLimited(f"Zoho asks to slow down: {words}", retry_after=answer.retry_after or delay)
    if code in _THEIR_OWN and answer.is_success:
        return CrmOutcomeUnknown(f"Zoho failed: {words}")
    if code in _LOCKED:
        return CrmUnavailable(f"Zoho cannot do this now: {words}", retry_after=answer.retry_after)
    return None


def _duplicate(problem: _Problem, words: str) -> DuplicateData:
    details = problem.details if isinstance(problem.details, _Details) else _Details()
    other = details.duplicate_record or _Duplicate()
    return DuplicateData(f"Zoho refuses this: {words}", details.api_name, other.id or details.id, other.module.api_name)


def _first(answer: HttpAnswer) -> _Problem | None:
    """The first error in an answer; None if it has none."""
    try:
        body = _body.decode(answer.body)
    except UNREADABLE:
        return None  # perhaps a proxy's page: only the status counts
    problems: list[_Problem] = [body, *body.data]
    return next((problem for problem in problems if problem.status == "error" or _is_bare(problem)), None)


def _is_bare(problem: _Problem) -> bool:
    """Whether it is an error without the status `error`."""
    return bool(problem.code) and not problem.status and problem.code != "SUCCESS"


def _words(problem: _Problem) -> str:
    field = problem.details.api_name if isinstance(problem.details, _Details) else ""
    return in_its_words(f"{problem.code}: {problem.message}" + (f" ({field})" if field else ""))
