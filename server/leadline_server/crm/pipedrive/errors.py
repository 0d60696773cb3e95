"""The errors that Pipedrive's answers stand for ("HTTP status codes" and "Rate limiting")."""

from typing import Final

import msgspec

from leadline_server.crm.toolkit import HttpAnswer, standard_failure
from leadline_server.crm.toolkit.delays import read_seconds
from leadline_server.crm.toolkit.http_answers import UNREADABLE
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.crm_errors import CrmError, CrmRateLimited

DAILY_PAUSE: Final = 900.0
"""The pause after the day's tokens are used up, in seconds. The answer does not say when the day ends, so
leadline tries again from time to time."""

BLOCKED_PAUSE: Final = 60.0
"""The pause in seconds while Cloudflare blocks leadline. It blocks clients that continue after a 429."""

_WINDOW: Final = 2.0  # the seconds of a burst limit
_SECONDS: Final = 60  # the unit of x-ratelimit-reset is not documented: larger values are milliseconds
_FORBIDDEN: Final = 403
_TOO_MANY: Final = 429


class _Problem(WireRecord, frozen=True):
    """The body of an error answer, in versions 1 and 2."""

    error: str = ""
    error_info: str | None = None


_problem: Final = msgspec.json.Decoder(_Problem)


def failure(answer: HttpAnswer) -> CrmError | None:
    """The error that an answer stands for; None for a success."""
    if answer.status == _TOO_MANY:
        return CrmRateLimited(
            "Pipedrive asks to slow down.", retry_after=answer.retry_after or pause(answer) or _WINDOW
        )
    if answer.status == _FORBIDDEN and _read(answer) is None:
        return CrmRateLimited("Pipedrive blocks leadline for a while.", retry_after=BLOCKED_PAUSE)
    return standard_failure(answer, words)


def pause(answer: HttpAnswer) -> float | None:
    """The pause in seconds that an answer's headers ask for; None if they ask for none."""
    if answer.headers.get("x-daily-ratelimit-token-remaining") == "0":
        return DAILY_PAUSE
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return None
    reset = answer.headers.get("x-ratelimit-reset", "")
    if not reset.isdecimal():
        return _WINDOW
    number = float(reset)  # inf if it is too long
    return read_seconds(number if number <= _SECONDS else number / 1000, "x-ratelimit-reset")


def words(answer: HttpAnswer) -> str:
    """Pipedrive's own words. `error_info` is left out: it only refers to the documentation."""
    problem = _read(answer)
    return problem.error if problem else ""


def _read(answer: HttpAnswer) -> _Problem | None:
    """The body of an error; None if the answer is not from Pipedrive itself."""
    try:
        return _problem.decode(answer.body)
    except UNREADABLE:
        return None
