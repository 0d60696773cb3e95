"""Dates are read as they are written; which of day and month comes first is told from the whole column."""

import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from leadline_server.crm.embedded.contact_files import ContactRecord, CsvOptions, DayOrder, FileOutcome, read_csv
from leadline_server.crm.embedded.contact_files.dates import UnreadableDate, read_date

MARCH_FIRST = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-03-01", MARCH_FIRST),
        ("20240301", MARCH_FIRST),
        ("2024/3/1", MARCH_FIRST),
        ("01.03.2024", MARCH_FIRST),
        ("1.3.24", MARCH_FIRST),
        ("1 March 2024", MARCH_FIRST),
        ("Mar 1, 2024", MARCH_FIRST),
        ("01-Mar-24", MARCH_FIRST),
        ("Fri, 1 Mar 2024", MARCH_FIRST),
        ("1. März 2024", MARCH_FIRST),
        ("1 mars 2024", MARCH_FIRST),
        ("1 de marzo de 2024", MARCH_FIRST),
        ("2024-03-01 10:15", MARCH_FIRST + timedelta(hours=10, minutes=15)),
        ("2024-03-01T10:15:11.123Z", MARCH_FIRST + timedelta(hours=10, minutes=15, seconds=11, milliseconds=123)),
        ("2024-03-01 10:15:11 UTC", MARCH_FIRST + timedelta(hours=10, minutes=15, seconds=11)),
        ("2024-03-01 10:15:11 -05:00", MARCH_FIRST + timedelta(hours=15, minutes=15, seconds=11)),
        ("01.03.2024 10:15", MARCH_FIRST + timedelta(hours=10, minutes=15)),
        ("1709287200", MARCH_FIRST + timedelta(hours=10)),
        ("1709287200000", MARCH_FIRST + timedelta(hours=10)),
        ("1709287200.0", MARCH_FIRST + timedelta(hours=10)),
        ("3/3/2024", datetime(2024, 3, 3, tzinfo=UTC)),
        ("3/25/2024 12:05 AM", datetime(2024, 3, 25, 0, 5, tzinfo=UTC)),
        ("25/3/2024 4:20 p.m.", datetime(2024, 3, 25, 16, 20, tzinfo=UTC)),
        ("1/13/99", datetime(1999, 1, 13, tzinfo=UTC)),
    ],
)
def test_a_date_that_can_be_told_on_its_own_is_read(text: str, time: datetime) -> None:
    assert read_date(text, None) == time


def test_a_zone_is_kept() -> None:
    read = read_date("2024-03-01 10:15 +0530", None)
    assert read is not None
    assert read.tzinfo == timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("order", "month", "day"), [(DayOrder.DAY_FIRST, 4, 3), (DayOrder.MONTH_FIRST, 3, 4)], ids=["day", "month"]
)
def test_an_ambiguous_date_is_read_in_the_order_of_its_column(order: DayOrder, month: int, day: int) -> None:
    assert read_date("3/4/2024", order) == datetime(2024, month, day, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "-", "0000-00-00", "0000-00-00 00:00:00", "//"])
def test_a_text_that_says_that_there_is_no_date_is_none(text: str) -> None:
    assert read_date(text, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "3/4/2024",
        "yesterday",
        "2024-13-45",
        "31.02.2024",
        "99/99/2024",
        "45352",
        "12:00",
        "2024-03-01 25:00",
        "x" * 999,
    ],
)
def test_what_is_no_date_or_two_is_said(text: str) -> None:
    with pytest.raises(UnreadableDate, match=r"is not a date|may begin with the day or with the month"):
        read_date(text, None)


def created(*dates: str, order: DayOrder | None = None) -> list[ContactRecord]:
    rows = "".join(f"N{at},202-555-01{at:02},{date}\n" for at, date in enumerate(dates))
    found = read_csv(io.BytesIO(f"Name,Phone,Created\n{rows}".encode()), CsvOptions("US", date_order=order))
    records = [item for item in found if isinstance(item, ContactRecord)]
    assert len(records) == len(dates)  # a date costs no contact
    return records


def months(records: list[ContactRecord]) -> list[int | None]:
    return [record.create_time.month if record.create_time else None for record in records]


def test_a_later_date_tells_how_the_earlier_ones_are_read() -> None:
    assert months(created("3/4/2024", "5/6/2024", "1/13/2024")) == [3, 5, 1]
    assert months(created("3/4/2024", "5/6/2024", "13/1/2024")) == [4, 6, 1]


def test_dates_of_a_column_that_does_not_tell_are_left_out_and_named() -> None:
    records = created("3/4/2024", "2024-05-06")
    assert months(records) == [None, 5]
    assert [(remark.outcome, remark.line) for remark in records[0].remarks] == [(FileOutcome.DATE, 2)]


def test_dates_of_a_column_that_contradicts_itself_are_read_where_they_tell() -> None:
    assert months(created("3/4/2024", "13/1/2024", "1/13/2024")) == [None, 1, 1]


def test_the_user_can_say_the_order() -> None:
    assert months(created("3/4/2024", order=DayOrder.DAY_FIRST)) == [4]
    assert months(created("3/4/2024", order=DayOrder.MONTH_FIRST)) == [3]


def test_each_column_tells_for_itself() -> None:
    text = "Name,Phone,Created,Last Activity\nA,202-555-0100,3/4/2024,3/4/2024\nB,202-555-0101,3/25/2024,\n"
    first = next(iter(read_csv(io.BytesIO(text.encode()), CsvOptions("US"))))
    assert isinstance(first, ContactRecord)
    assert first.create_time == datetime(2024, 3, 4, tzinfo=UTC)
    assert first.last_activity_time is None
