"""A number from outside that says how long to wait, read once and kept within bounds.

CRMs send such numbers in Retry-After, in rate-limit headers, in `expires_in` and in gRPC pushback. Some are unreadable,
negative, or thousands of years long. Time arithmetic only ever sees a `Delay`, so it cannot overflow.

    "120"                             -> 120 seconds
    "Sat, 28 Nov 2026 21:40:00 GMT"   -> the seconds until then
    "1795901000"                      -> the seconds until that Unix time; some vendors send a time of reset
    "inf", "99999999999999", year 9999 -> the longest delay, clamped
    "-5", "nan", "soon"               -> clamped: 0, and the default for what cannot be read
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_RETRY: Final = 24 * 3600.0
"""The longest wait before another try, in seconds: daily quotas of CRMs end within it."""

UNREADABLE_SECONDS: Final = 60.0
"""The wait where a CRM asks for one in a form that cannot be read, in seconds."""

MAX_CHARACTERS: Final = 64
"""Longer texts are not read: an HTTP date has 29 characters, and a number of seconds fewer."""

_EPOCH_SECONDS: Final = 1e9  # 31 years as a delay, September 2001 as a time: no CRM asks for a wait of 31 years
_EPOCH_MILLISECONDS: Final = 1e12


@dataclass(frozen=True, slots=True)
class Delay:
    """How long to wait.

    Attributes:
        seconds: from 0 to the bound that it was read with.
        is_clamped: the number that came was outside the bounds or unreadable; worth a warning.
    """

    seconds: float
    is_clamped: bool = False

    @property
    def duration(self) -> timedelta:
        """The same as a duration."""
        return timedelta(seconds=self.seconds)


def read_delay(
    said: object, now: datetime, longest: float = LONGEST_RETRY, unreadable: float = UNREADABLE_SECONDS
) -> Delay | None:
    """The delay that `said` asks for; None where it says nothing.

    Args:
        said: a text as of RFC 9110, section 10.2.3 (delay-seconds or an HTTP date), a number, or None. Fractions of a
            second and Unix times in seconds or milliseconds are read too.
        now: the time of day, with its zone.
        longest: the bound, in seconds.
        unreadable: the delay of a text that cannot be read, in seconds.
    """
    if isinstance(said, bool) or said is None:
        return None
    if isinstance(said, int | float):
        return _within(_number(said), now, longest, unreadable)
    if not isinstance(said, str) or not (text := said.strip()):
        return None
    seconds = _decimal(text)
    if seconds is None and len(text) <= MAX_CHARACTERS:
        seconds = _seconds_until(text, now)
    if seconds is None:
        return Delay(min(unreadable, longest), is_clamped=True)
    return _within(seconds, now, longest, unreadable)


def bounded_seconds(seconds: object, longest: float = LONGEST_RETRY) -> float:
    """The seconds of a delay that code hands on, within the bounds. Unlike `read_delay`, it knows no times of day.

    Example: 1e300 becomes `longest`, nan becomes UNREADABLE_SECONDS, and -1 becomes 0.
    """
    number = _number(seconds) if isinstance(seconds, int | float) else math.nan
    return min(UNREADABLE_SECONDS if math.isnan(number) else max(number, 0.0), longest)


def _number(said: float) -> float:
    try:
        return float(said)
    except OverflowError:  # an int of thousands of digits
        return math.inf if said > 0 else -math.inf


def _decimal(text: str) -> float | None:
    """The number that the text is; None for other texts, `nan` among them."""
    if len(text) > MAX_CHARACTERS:
        return math.inf if text.isascii() and text.isdigit() else None
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _seconds_until(text: str, now: datetime) -> float | None:
    """The seconds until an HTTP date; None for other texts."""
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    then = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
    try:
        return max(0.0, (then - now).total_seconds())
    except OverflowError:
        return math.inf


def _within(seconds: float, now: datetime, longest: float, unreadable: float) -> Delay:
    if math.isnan(seconds):
        return Delay(min(unreadable, longest), is_clamped=True)
    if _EPOCH_SECONDS <= seconds < math.inf:
        epoch = seconds / 1000 if seconds >= _EPOCH_MILLISECONDS else seconds
        seconds = max(0.0, epoch - now.timestamp())
    bounded = min(max(seconds, 0.0), longest)
    return Delay(bounded, is_clamped=bounded != seconds)
