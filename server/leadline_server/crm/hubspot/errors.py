"""The errors that HubSpot's answers stand for ("Error handling" and "API usage guidelines and limits")."""

import re
from typing import Final

import msgspec

from leadline_server.crm.toolkit import HttpAnswer, standard_failure
from leadline_server.crm.toolkit.http_answers import UNREADABLE
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.crm_errors import CrmError, CrmRateLimited, CrmRejected, CrmUnavailable

DAILY_PAUSE: Final = 900.0
"""The pause after the day's requests are used up, in seconds. The day ends at the account's midnight. The
answer does not say when that is, so leadline tries again from time to time."""

_POLICY_PAUSES: Final = {"DAILY": DAILY_PAUSE, "TEN_SECONDLY_ROLLING": 5.0}
_PAUSE: Final = 1.0
_TOO_MANY: Final = 429
_NOT_NOW: Final = frozenset({423, 477})  # locked by a large sync, or moving to another data centre; nothing was done

_EXISTING_ID: Final = re.compile(r"Existing ID: (\d+)")


class _Detail(WireRecord, frozen=True):
    message: str = ""
    code: str | None = None


class _Problem(WireRecord, frozen=True):
    """The body of an error answer."""

    message: str = ""
    category: str = ""
    policy: str = msgspec.field(name="policyName", default="")
    errors: tuple[_Detail, ...] = ()


_problem: Final = msgspec.json.Decoder(_Problem)


class ValueTaken(CrmRejected):
    """Another record has a value that must be unique. `existing_id` is empty if the answer does not name the record."""

    existing_id = ""


def failure(answer: HttpAnswer) -> CrmError | None:
    """The error that an answer stands for; None for a success."""
    if answer.status == _TOO_MANY:
        problem = _read(answer)
        seconds = answer.retry_after or _POLICY_PAUSES.get(problem.policy, _PAUSE)
        return CrmRateLimited(f"HubSpot asks to slow down: {problem.policy or 'rate limit'}.", retry_after=seconds)
    if answer.status in _NOT_NOW:
        return CrmUnavailable(
            f"HubSpot cannot serve this account now (HTTP {answer.status}).", retry_after=answer.retry_after
        )
    refusal = standard_failure(answer, words)
    return _value_taken(answer, refusal) if isinstance(refusal, CrmRejected) else refusal


def _value_taken(answer: HttpAnswer, refusal: CrmRejected) -> CrmRejected:
    problem = _read(answer)
    is_taken = (
        answer.status == 409  # noqa: PLR2004 - RFC 9110, section 15.5.10
        or "already has that value" in problem.message
        or any(detail.code == "CONFLICTING_UNIQUE_VALUE" for detail in problem.errors)
    )
    if not is_taken:
        return refusal
    taken, found = ValueTaken(refusal.message), _EXISTING_ID.search(problem.message)
    taken.existing_id = found[1] if found else ""
    return taken


def pause(answer: HttpAnswer) -> float | None:
    """The pause in seconds that an answer's headers ask for. Answers to searches have no such headers."""
    if answer.headers.get("X-HubSpot-RateLimit-Daily-Remaining") == "0":
        return DAILY_PAUSE
    return _PAUSE if answer.headers.get("X-HubSpot-RateLimit-Remaining") == "0" else None


def words(answer: HttpAnswer) -> str:
    """HubSpot's own words."""
    problem = _read(answer)
    details = dict.fromkeys(detail.message for detail in problem.errors if detail.message not in problem.message)
    return " ".join(filter(None, (problem.message, *details)))


def _read(answer: HttpAnswer) -> _Problem:
    """The body of an error; an empty one if it cannot be read, such as a proxy's page."""
    try:
        return _problem.decode(answer.body)
    except UNREADABLE:
        return _Problem()
