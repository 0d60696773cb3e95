"""Times as phone systems write them: ISO 8601, epoch, US and European dates.

2026-10-05 11:10:00    2026-10-05T11:10:00+02:00    1791191400    1791191400000    20261005111000
10/05/2026 11:10 AM    05.10.26 11:10               5 Oct 2026 11:10:00
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

_MAX_TEXT: Final = 64


class DateOrder(StrEnum):
    """Which of day and month comes first in dates such as 10/5/2026."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


# Databases and spreadsheets write these where there is no time; MySQL has a date of zeros.
_NO_TIMES: Final = frozenset({"", "null", "\\n", "none", "nil", "n/a", "-", "--", "0"})
_is_zero_date = re.compile(r"0000-00-00([ T]00:00:00(\.0*)?)?").fullmatch

_is_epoch = re.compile(r"(?P<seconds>\d{10})(?P<fraction>\.\d{1,9})?|(?P<millis>\d{13})|(?P<micros>\d{16})").fullmatch
_is_compact = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)").fullmatch
_ZONE_WORD: Final = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_OFFSET: Final = re.compile(r"\s+([+-]\d\d:?\d\d)$")
_FIRST_WORD: Final = re.compile(r"(?P<word>[^\W\d_]{2,})\.?,?\s+")

_TIME = (
    r"(?:,?[\sT]+(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d+)?)?"
    r"\s*(?P<half>[ap]\.?\s?m\.?)?)?"
)
_YEAR_FIRST: Final = re.compile(
    rf"(?P<year>\d{{4}})[./-](?P<month>\d{{1,2}})[./-](?P<day>\d{{1,2}}){_TIME}", re.IGNORECASE
)
_YEAR_LAST: Final = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<mark>[./-])(?P<second_part>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d\d){_TIME}",
    re.IGNORECASE,
)
_DAY_AND_NAME: Final = re.compile(
    rf"(?P<day>\d{{1,2}})\.?[\s/-]+(?:de\s+)?(?P<name>[^\W\d_]{{3,}})\.?,?[\s/-]+(?:de\s+)?(?P<year>\d{{4}}){_TIME}",
    re.IGNORECASE,
)
_NAME_AND_DAY: Final = re.compile(
    rf"(?P<name>[^\W\d_]{{3,}})\.?\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}){_TIME}", re.IGNORECASE
)
_NAME_TIME_YEAR: Final = re.compile(
    r"(?P<name>[^\W\d_]{3,})\s+(?P<day>\d{1,2})\s+(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)\s+(?P<year>\d{4})",
    re.IGNORECASE,
)
# Months by the first letters of their names in English, German, French, Spanish, Italian and Portuguese.
_MONTHS: Final = {
    letters: month
    for month, names in enumerate(
        (
            *(
                "jan ene gen",
                "feb fev fév",
                "mar mär mrz",
                "apr avr abr",
                "may mai mag",
                "jun juin giu",
                "jul juil lug",
            ),
            *("aug aoû aou ago", "sep set", "oct okt out ott", "nov", "dec dez déc dic"),
        ),
        start=1,
    )
    for letters in names.split()
}


def has_no_time(text: str) -> bool:
    """Whether a text is what programs write where there is no time, such as 0000-00-00 00:00:00 or NULL."""
    stripped = text.strip()
    return stripped.lower() in _NO_TIMES or _is_zero_date(stripped) is not None


@lru_cache(maxsize=8192)  # a row's times are read by several rules, and so are those of neighbouring rows
def read_clock(text: str, order: DateOrder | None = None) -> datetime:
    """A time: aware where the text itself says its offset, else naive, as the clock showed it.

    Args:
        text: one time.
        order: of day and month. Dates such as 10/5/2026 are read with it only; 5.10.2026 is day first everywhere.

    Raises:
        ValueError: it is no time that can be told.
    """
    stripped = " ".join(text.split())
    if not stripped or len(stripped) > _MAX_TEXT:
        raise ValueError(text)
    match = _is_epoch(stripped)
    if match is not None:
        return _of_epoch(match)
    if stripped.isdecimal():
        compact = _is_compact(stripped)
        if compact is None:
            raise ValueError(text)
        return datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*compact.groups()))
    return _of_text(stripped, order)


def order_told_by(text: str) -> DateOrder | None:
    """Which of day and month comes first, as far as this one time tells: 13/5/2026 can only be in May."""
    match = _YEAR_LAST.fullmatch(" ".join(text.split())) if len(text) <= _MAX_TEXT else None
    if match is None or match["mark"] == ".":
        return None
    first, second = int(match["first"]), int(match["second_part"])
    if first > 12 >= second:  # noqa: PLR2004 months
        return DateOrder.DAY_FIRST
    return DateOrder.MONTH_FIRST if second > 12 >= first else None  # noqa: PLR2004 months


def needs_order(text: str) -> bool:
    """Whether a time is one day with the day first, and another one with the month first."""
    match = _YEAR_LAST.fullmatch(" ".join(text.split())) if len(text) <= _MAX_TEXT else None
    if match is None or match["mark"] == "." or match["first"].zfill(2) == match["second_part"].zfill(2):
        return False
    return order_told_by(text) is None


def _of_epoch(match: re.Match[str]) -> datetime:
    if match["seconds"]:
        return datetime.fromtimestamp(int(match["seconds"]), UTC) + timedelta(seconds=float(match["fraction"] or 0))
    if match["millis"]:
        return datetime.fromtimestamp(int(match["millis"][:-3]), UTC) + timedelta(
            milliseconds=int(match["millis"][-3:])
        )
    return datetime.fromtimestamp(int(match["micros"][:-6]), UTC) + timedelta(microseconds=int(match["micros"][-6:]))


def _of_text(text: str, order: DateOrder | None) -> datetime:
    text = _OFFSET.sub(r"\1", text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    bare = _ZONE_WORD.sub("", text)
    if bare != text:
        return _of_text(bare, order).replace(tzinfo=UTC)
    offset = re.search(r"(?<=[\d:])([+-]\d\d):?(\d\d)$", text)
    if offset is not None and text.count(":") > 0:
        zone = datetime.strptime(offset[1] + offset[2], "%z").tzinfo
        return _of_parts(text[: offset.start()], order).replace(tzinfo=zone)
    return _of_parts(text, order)


def _of_parts(text: str, order: DateOrder | None) -> datetime:
    first = _FIRST_WORD.match(text)
    if first is not None and _month_named(first["word"]) is None:
        text = text[first.end() :]  # a weekday
    match = _YEAR_FIRST.fullmatch(text)
    if match is not None:
        return _datetime(match, int(match["month"]), int(match["day"]))
    match = _YEAR_LAST.fullmatch(text)
    if match is not None:
        day, month = _day_and_month(match, order)
        return _datetime(match, month, day)
    for pattern in (_DAY_AND_NAME, _NAME_AND_DAY, _NAME_TIME_YEAR):
        match = pattern.fullmatch(text)
        named = _month_named(match["name"]) if match is not None else None
        if match is not None and named is not None:
            return _datetime(match, named, int(match["day"]))
    raise ValueError(text)


def _day_and_month(match: re.Match[str], order: DateOrder | None) -> tuple[int, int]:
    first, second = int(match["first"]), int(match["second_part"])
    if match["mark"] == "." or order is DateOrder.DAY_FIRST or first == second:
        return first, second
    if order is DateOrder.MONTH_FIRST:
        return second, first
    raise ValueError(match[0])


def _month_named(name: str) -> int | None:
    return _MONTHS.get(name.lower()[:3])


def _datetime(match: re.Match[str], month: int, day: int) -> datetime:
    parts = match.groupdict()
    hour = int(parts["hour"] or 0)
    half = (parts.get("half") or "").lower()
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004 hours of half a day
            raise ValueError(match[0])
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    year = int(parts["year"])
    year = year + 2000 if year < 100 else year  # noqa: PLR2004 two digits
    return datetime(year, month, day, hour, int(parts["minute"] or 0), int(parts["second"] or 0))  # noqa: DTZ001 as above
