"""Dates and times as CRMs and spreadsheets write them.

    2024-03-01 10:15:11 -05:00      ISO 8601, also with a blank for the T
    3/25/2024 4:20 PM               month or day first: the whole column tells
    25.03.2024 16:20                with dots the day comes first
    25 Mar 2024, März 25, 2024      a month by its name
    1709287200, 1709287200000       seconds or milliseconds since 1970

Times that name no zone are UTC.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Final


class DayOrder(Enum):
    """Which comes first in 3/4/2024: the day or the month."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


class UnreadableDate(ValueError):
    """The text is no date, or could be two; the message says which."""


MAX_DATE: Final = 64
"""Longer texts (characters) are no dates."""

_CLOCK: Final = (
    r"(?:[ T,]+(?:(?:at|um|a|las?) )?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?)?(?: ?(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
)
_NUMERIC: Final = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<mark>[/.\-])(?P<other>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_CLOCK}",
    re.IGNORECASE,
)
_YEAR_FIRST: Final = re.compile(
    rf"(?P<year>\d{{4}})(?P<mark>[/.\-])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){_CLOCK}", re.IGNORECASE
)
_NAMED: Final = re.compile(
    r"(?:[a-z]{2,9}[.,]* )?(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?[. \-]+(?:de )?(?P<name>[a-z]{3,10})[. ,\-]+(?:de )?"
    rf"|(?P<name2>[a-z]{{3,10}})[. ]+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,? )(?P<year>\d{{4}}|\d{{2}}){_CLOCK}",
    re.IGNORECASE,
)
_EPOCH: Final = re.compile(r"(\d{9,10}|\d{12,13}|\d{15,16})(?:\.0*)?")
_NO_DATE: Final = re.compile(r"0{4}-0{2}-0{2}.*|[-/.\s]*")
# English, German, French, Spanish and Portuguese, Italian; diacritics gone.
_MONTHS: Final = (
    ("jan", "ene", "gen"), ("feb", "fev", "feb"), ("mar", "mrz", "mae"), ("apr", "avr", "abr"), ("may", "mai", "mag"),
    ("jun", "juin", "giu"), ("jul", "juil", "lug"), ("aug", "aou", "ago"), ("sep", "set"), ("oct", "okt", "out", "ott"),
    ("nov",), ("dec", "dez", "dic"),
)  # fmt: skip
_BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CENTURY: Final = 70  # two-digit years from here on are of the twentieth century
_MONTHS_A_YEAR: Final = 12
_NOON: Final = 12


def order_shown_by(text: str) -> DayOrder | None:
    """The order that one date shows: 25/3/2024 has the day first, 3/25/2024 the month; 3/4/2024 says nothing."""
    matched = _NUMERIC.fullmatch(text) if len(text) <= MAX_DATE else None
    if matched is None or matched["mark"] == ".":
        return None
    first, other = int(matched["first"]), int(matched["other"])
    if first > _MONTHS_A_YEAR >= other:
        return DayOrder.DAY_FIRST
    return DayOrder.MONTH_FIRST if other > _MONTHS_A_YEAR >= first else None


def read_date(text: str, order: DayOrder | None) -> datetime | None:
    """The time that a text names; None where it says that there is none ("", "-", "0000-00-00").

    Args:
        text: of a cell, without blanks around it.
        order: of day and month in dates of this column; None where it is not known.

    Raises:
        UnreadableDate: it is no date, or day and month cannot be told apart.
    """
    if _NO_DATE.fullmatch(text):
        return None
    if len(text) > MAX_DATE:
        raise UnreadableDate(f"{text[:MAX_DATE]!r}... is not a date")
    try:
        return _iso(text) or _epoch(text) or _year_first(text) or _numeric(text, order) or _named(text)
    except (ValueError, OverflowError) as error:
        if isinstance(error, UnreadableDate):
            raise
        raise UnreadableDate(f"{text!r} is not a date") from None


def _iso(text: str) -> datetime | None:
    if _EPOCH.fullmatch(text):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _epoch(text: str) -> datetime | None:
    matched = _EPOCH.fullmatch(text)
    if matched is None:
        return None
    exponent = (len(matched[1]) - 9) // 3 * 3  # 9 and 10 digits are seconds, 12 and 13 milliseconds, 15 and 16 micro
    return _BEGIN + timedelta(microseconds=int(matched[1]) * 10 ** (6 - exponent))


def _year_first(text: str) -> datetime | None:
    matched = _YEAR_FIRST.fullmatch(text)
    return None if matched is None else _time(matched, int(matched["month"]), int(matched["day"]))


def _numeric(text: str, order: DayOrder | None) -> datetime | None:
    matched = _NUMERIC.fullmatch(text)
    if matched is None:
        return None
    first, other = int(matched["first"]), int(matched["other"])
    if matched["mark"] == ".":
        order = DayOrder.DAY_FIRST
    order = order_shown_by(text) or order
    if order is None and first != other:
        raise UnreadableDate(f"{text!r} may begin with the day or with the month (--date-order says which)")
    return _time(matched, first, other) if order is DayOrder.MONTH_FIRST else _time(matched, other, first)


def _named(text: str) -> datetime:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    matched = _NAMED.fullmatch(plain)
    if matched is None:
        raise UnreadableDate(f"{text!r} is not a date")
    name = (matched["name"] or matched["name2"]).lower()
    month = next((at for at, names in enumerate(_MONTHS, 1) if name.startswith(names)), 0)
    return _time(matched, month, int(matched["day"] or matched["day2"]))


def _time(matched: re.Match[str], month: int, day: int) -> datetime:
    year = int(matched["year"])
    if len(matched["year"]) < len("2024"):
        year += 2000 if year < _CENTURY else 1900
    hour = int(matched["hour"] or 0)
    if matched["half"]:
        hour = hour % _NOON + (_NOON if matched["half"].lower() == "p" else 0)
    zone = _zone(matched["zone"] or "")
    return datetime(year, month, day, hour, int(matched["minute"] or 0), int(matched["second"] or 0), tzinfo=zone)


def _zone(text: str) -> timezone:
    if text[:1] not in {"+", "-"}:
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)
