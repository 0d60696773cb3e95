"""Times and durations as phone systems write them."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from leadline_server.replay.clock_texts import DateOrder, has_no_time, needs_order, order_told_by, read_clock
from leadline_server.replay.durations import read_duration
from leadline_server.replay.records import UnusableFile
from leadline_server.replay.survey import Survey

SHOWN = datetime(2026, 10, 5, 11, 10)  # noqa: DTZ001 its zone is not told
SECONDS = SHOWN.replace(second=7)
INSTANT = datetime(2026, 10, 5, 9, 10, tzinfo=UTC)

CLOCKS = {
    "2026-10-05 11:10:07": SECONDS,
    "2026-10-05T11:10:07": SECONDS,
    "2026-10-05T11:10": SHOWN,
    "2026/10/05 11:10:07": SECONDS,
    "2026/10/5 11:10": SHOWN,
    "20261005111007": SECONDS,
    "05.10.2026 11:10:07": SECONDS,
    "5.10.26 11:10": SHOWN,
    "05.10.2026, 11.10.07": SECONDS,
    "5 Oct 2026 11:10": SHOWN,
    "05-Oct-2026 11:10:07": SECONDS,
    "Oct 5, 2026 11:10 AM": SHOWN,
    "October 5, 2026, 11:10:07 a.m.": SECONDS,
    "Mon Oct  5 11:10:07 2026": SECONDS,
    "Monday, 5 October 2026 11:10": SHOWN,
    "5. Oktober 2026 11:10": SHOWN,
    "5 de octubre de 2026 11:10": SHOWN,
    "5 octobre 2026 11:10": SHOWN,
    "2026-10-05T09:10:00Z": INSTANT,
    "2026-10-05 09:10:00 UTC": INSTANT,
    "2026-10-05 09:10:00 GMT": INSTANT,
    "2026-10-05T11:10:00+02:00": INSTANT,
    "2026-10-05 11:10:00 +0200": INSTANT,
    "Mon, 05 Oct 2026 11:10:00 +0200": INSTANT,
    "05.10.2026 11:10:00 +02:00": INSTANT,
    "1791191400": INSTANT,
    "1791191400.25": INSTANT + timedelta(seconds=0.25),
    "1791191400000": INSTANT,
    "1791191400000000": INSTANT,
}


@pytest.mark.parametrize(("text", "expected"), CLOCKS.items(), ids=CLOCKS.keys())
def test_a_time_is_read_in_every_common_form(text: str, expected: datetime) -> None:
    found = read_clock(text)
    assert found == expected
    assert (found.tzinfo is None) == (expected.tzinfo is None)


ORDERED = {
    ("10/05/2026 11:10", DateOrder.MONTH_FIRST): SHOWN,
    ("05/10/2026 11:10", DateOrder.DAY_FIRST): SHOWN,
    ("10-5-2026 11:10", DateOrder.MONTH_FIRST): SHOWN,
    ("10/5/26 11:10 AM", DateOrder.MONTH_FIRST): SHOWN,
    ("10/5/2026 11:10:07 PM", DateOrder.MONTH_FIRST): SECONDS + timedelta(hours=12),
    ("10/5/2026 12:10:07 AM", DateOrder.MONTH_FIRST): SECONDS - timedelta(hours=11),
    ("10/10/2026 11:10", None): SHOWN.replace(day=10),
}


@pytest.mark.parametrize(("written", "expected"), ORDERED.items(), ids=str)
def test_a_date_with_slashes_is_read_in_the_order_that_was_told(
    written: tuple[str, DateOrder | None], expected: datetime
) -> None:
    assert read_clock(*written) == expected


NO_CLOCKS = (
    *(
        "yesterday",
        "2026-02-30 10:00:00",
        "2026-13-01 10:00",
        "10/05/2026 11:10",
        "25:00",
        "10:00",
        "123",
        "12345678901",
    ),
    *("2026-10-05 10:61", "5 Foo 2026", "13 PM", "99999999999999", "2026-10-05 25:00:00", "x" * 100, "1e9", "٣"),
)


@pytest.mark.parametrize("text", NO_CLOCKS)
def test_what_is_no_time_or_cannot_be_told_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        read_clock(text)


@pytest.mark.parametrize("text", ["", " ", "0000-00-00 00:00:00", "0000-00-00", "NULL", "null", "\\N", "-", "0"])
def test_what_databases_write_for_no_time_is_none(text: str) -> None:
    assert has_no_time(text)


def test_the_order_is_told_by_a_number_above_twelve_and_never_by_dots() -> None:
    assert order_told_by("13/10/2026 10:00") is DateOrder.DAY_FIRST
    assert order_told_by("10/13/2026 10:00") is DateOrder.MONTH_FIRST
    assert order_told_by("10/12/2026 10:00") is None
    assert order_told_by("10.13.2026 10:00") is None
    assert needs_order("10/12/2026 10:00")
    assert not needs_order("12/12/2026 10:00")
    assert not needs_order("10.12.2026 10:00")


def survey_of(*starts: str) -> Survey:
    survey = Survey()
    for start in starts:
        survey.add([start, "", ""], "")
    return survey


def test_one_date_of_the_whole_file_tells_the_order_of_all() -> None:
    assert survey_of("10/05/2026 10:00", "10/13/2026 10:00").order(None) is DateOrder.MONTH_FIRST
    assert survey_of("10/05/2026 10:00", "13/10/2026 10:00").order(None) is DateOrder.DAY_FIRST
    assert survey_of("2026-10-05 10:00").order(None) is None


@pytest.mark.parametrize(
    ("starts", "why"),
    [
        (("10/05/2026 10:00",), "no date in the file shows it"),
        (("13/10/2026 1:00", "10/13/2026 1:00"), "dates of both kinds"),
    ],
)
def test_an_order_that_nothing_tells_is_not_guessed(starts: tuple[str, ...], why: str) -> None:
    survey = survey_of(*starts)
    with pytest.raises(UnusableFile, match=why):
        survey.order(None)
    assert survey.order(DateOrder.MONTH_FIRST) is DateOrder.MONTH_FIRST


def test_only_a_start_without_an_offset_needs_a_zone() -> None:
    assert not survey_of("1791191400", "2026-10-05T11:10:00+02:00").needs_zone
    assert survey_of("2026-10-05T11:10:00").needs_zone
    assert survey_of("10/13/2026 10:00").needs_zone


DURATIONS = {
    "65": 65,
    "65.9": 65,
    "65,5": 65,
    "0": 0,
    "1:05": 65,
    "01:05": 65,
    "00:01:05": 65,
    "1:00:00": 3600,
    "1.00:00:05": 86405,
    "1h 2m 3s": 3723,
    "1 hour 2 minutes": 3720,
    "5 min": 300,
    "65 sec": 65,
    "65s": 65,
    "65s (1m 5s)": 65,
    "1 min 5 sec": 65,
    "PT1M5S": 65,
    "": None,
    "-": None,
    "NULL": None,
    "-1": None,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items(), ids=DURATIONS.keys())
def test_a_duration_is_read_in_every_common_form(text: str, seconds: int | None) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["a minute", "5 apples", "1:2:3:4", "-90", "12345678901234", "1:5", "()", "PT", "1e9"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        read_duration(text)


def test_an_offset_of_half_an_hour_is_kept() -> None:
    assert read_clock("2026-10-05 11:10:00 +0530").tzinfo == timezone(timedelta(hours=5.5))
