"""What Pipedrive's answers mean ("HTTP status codes" and "Rate limiting" of its documentation)."""

from typing import Final

import msgspec

from leadline_server.crm.toolkit import HttpAnswer, standard_failure
from leadline_server.domain.errors import CrmError, CrmRateLimited

DAILY_PAUSE: Final = 900.0
"""How long to send nothing once the day's tokens are used up, in seconds: the answer does not tell when the day ends,
so that it is looked again from time to time."""

BLOCKED_PAUSE: Final = 60.0
"""How long to send nothing when Cloudflare keeps leadline out: it does so with clients that go on after a 429."""

_WINDOW: Final = 2.0  # seconds that bursts are counted in
_SECONDS: Final = 60  # the documentation leaves the unit of x-ratelimit-reset open: larger ones are milliseconds
_FORBIDDEN: Final = 403
_TOO_MANY: Final = 429


class _Problem(msgspec.Struct, frozen=True):
    """The body of an error; versions 1 and 2 differ in what else they have."""

    error: str = ""
    error_info: str | None = None


_problem: Final = msgspec.json.Decoder(_Problem)


def failure(answer: HttpAnswer) -> CrmError | None:
    """The error that an answer means, if any."""
    if answer.status == _TOO_MANY:
        return CrmRateLimited(
            "Pipedrive asks to slow down.", retry_after=answer.retry_after or pause(answer) or _WINDOW
        )
    if answer.status == _FORBIDDEN and _read(answer) is None:
        return CrmRateLimited("Pipedrive keeps leadline out for a while.", retry_after=BLOCKED_PAUSE)
    return standard_failure(answer, words)


def pause(answer: HttpAnswer) -> float | None:
    """How long the headers of an answer ask to send nothing; None: they do not, or are not there."""
    if answer.headers.get("x-daily-ratelimit-token-remaining") == "0":
        return DAILY_PAUSE
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return None
    reset = answer.headers.get("x-ratelimit-reset", "")
    if not reset.isdecimal():
        return _WINDOW
    return float(reset) if float(reset) <= _SECONDS else float(reset) / 1000


def words(answer: HttpAnswer) -> str:
    """Pipedrive's own words. Its `error_info` is a general hint at its documentation."""
    problem = _read(answer)
    return problem.error if problem else ""


def _read(answer: HttpAnswer) -> _Problem | None:
    """What can be read of an error; None: it is not Pipedrive's own."""
    try:
        return _problem.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
