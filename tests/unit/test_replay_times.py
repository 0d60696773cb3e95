"""Wall-clock times as instants, also in the hours that clocks show twice or not at all."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from leadline_server.replay.records import BadRow
from leadline_server.replay.times import Hints, read_instants, read_span

NEW_YORK = ZoneInfo("America/New_York")  # back on 2026-11-01 at 02:00, forward on 2026-03-08 at 02:00
FIRST_0130 = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
SECOND_0130 = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def start_of(start: str, end: str = "", hints: Hints | None = None) -> datetime:
    return read_span(start, "", end, NEW_YORK, hints or Hints()).start


def test_a_time_is_read_in_its_zone() -> None:
    assert read_instants("2026-07-01 12:00:00", NEW_YORK) == [datetime(2026, 7, 1, 16, tzinfo=UTC)]


def test_a_time_with_an_offset_needs_no_zone() -> None:
    assert read_instants("2026-07-01T12:00:00+02:00", NEW_YORK) == [datetime(2026, 7, 1, 10, tzinfo=UTC)]


def test_a_time_in_the_hour_shown_twice_can_mean_both() -> None:
    assert read_instants("2026-11-01 01:30:00", NEW_YORK) == [FIRST_0130, SECOND_0130]


def test_a_time_that_was_skipped_is_read_with_the_offset_from_before() -> None:
    assert read_instants("2026-03-08 02:30:00", NEW_YORK) == [datetime(2026, 3, 8, 7, 30, tzinfo=UTC)]


def test_without_hints_the_first_of_both_is_meant() -> None:
    assert start_of("2026-11-01 01:30:00") == FIRST_0130


def test_the_second_in_which_the_channel_came_up_tells_which_is_meant() -> None:
    assert start_of("2026-11-01 01:30:00", hints=Hints(began=SECOND_0130)) == SECOND_0130


def test_an_unrelated_number_in_the_id_tells_nothing() -> None:
    long_ago = datetime(2001, 9, 9, tzinfo=UTC)
    assert start_of("2026-11-01 01:30:00", hints=Hints(began=long_ago)) == FIRST_0130


def test_the_duration_tells_which_is_meant() -> None:
    span = read_span("2026-11-01 01:30:00", "", "2026-11-01 01:30:00", NEW_YORK, Hints(duration=3600))
    assert (span.start, span.end) == (FIRST_0130, SECOND_0130)


def test_a_call_across_the_change_does_not_run_backwards() -> None:
    span = read_span("2026-11-01 01:50:00", "", "2026-11-01 01:10:00", NEW_YORK, Hints())
    assert span.end is not None
    assert (span.end - span.start).total_seconds() == 1200


def test_a_call_that_ends_after_the_change_began_as_late_as_its_duration_says() -> None:
    assert start_of("2026-11-01 01:30:00", "2026-11-01 02:10:00", Hints(duration=2400)) == SECOND_0130


@pytest.mark.parametrize(
    ("start", "answer", "end"),
    [
        ("", "", ""),
        ("yesterday", "", ""),
        ("2026-02-30 10:00:00", "", ""),
        ("2026-07-01 10:00:00", "", "2026-07-01 09:59:00"),
        ("2026-07-01 10:00:00", "2026-07-01 09:59:00", "2026-07-01 10:01:00"),
        ("2026-07-01 10:00:00", "2026-07-01 10:02:00", "2026-07-01 10:01:00"),
        ("0001-01-01 00:00:00", "x", ""),
    ],
)
def test_times_that_make_no_sense_are_a_bad_row(start: str, answer: str, end: str) -> None:
    with pytest.raises(BadRow):
        read_span(start, answer, end, NEW_YORK, Hints())
