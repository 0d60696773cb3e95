"""Which time zone the ids of records fit."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from leadline_server.replay.zones import ZoneEvidence, epoch_of, offset_name

YEAR = [datetime(2026, month, 15, 10, tzinfo=UTC) for month in range(1, 13)]
UTC_ZONE = ZoneInfo("UTC")


def evidence(zone: str, times: list[datetime] | None = None, late: int = 0) -> ZoneEvidence:
    """Of rows that a phone system in this zone writes, each `late` seconds after its channel came up."""
    found = ZoneEvidence()
    for began in times or YEAR:
        shown = (began + timedelta(seconds=late)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        found.add(began, shown)
    return found


ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Sydney",
    "America/Phoenix",
    "UTC",
)


@pytest.mark.parametrize("zone", ZONES)
def test_the_zone_in_which_the_rows_were_written_fits(zone: str) -> None:
    assert evidence(zone).misfit(ZoneInfo(zone)) is None
    assert evidence(zone, late=200).misfit(ZoneInfo(zone)) is None


@pytest.mark.parametrize("zone", ZONES[:-1])
def test_another_zone_does_not_fit_and_the_right_one_is_named(zone: str) -> None:
    misfit = evidence(zone).misfit(UTC_ZONE)
    assert misfit is not None
    assert zone in misfit.zones
    assert (misfit.rows, misfit.fitting_rows) == (12, 0)


def test_a_zone_that_is_right_in_winter_only_does_not_fit() -> None:
    misfit = evidence("Europe/London").misfit(UTC_ZONE)
    assert misfit is not None
    assert misfit.zones[0] == "Europe/London"
    assert misfit.fitting_rows == 5


def test_one_row_is_enough() -> None:
    misfit = evidence("Europe/Berlin", [datetime(2026, 10, 5, 9, 10, tzinfo=UTC)]).misfit(UTC_ZONE)
    assert misfit is not None
    assert (misfit.offset, misfit.zones[0]) == (7200, "Europe/Berlin")


def test_without_a_zone_the_ones_that_fit_are_named() -> None:
    misfit = evidence("America/New_York").misfit(None)
    assert misfit is not None
    assert misfit.zones[0] == "America/New_York"


def test_rows_that_begin_long_after_their_channel_came_up_say_nothing_of_the_zone() -> None:
    found = evidence("Europe/Berlin")
    for began in YEAR[:1]:
        found.add(began, began.replace(tzinfo=None) + timedelta(hours=1, minutes=45))
    assert found.misfit(ZoneInfo("Europe/Berlin")) is None


def test_ids_that_have_nothing_to_do_with_the_times_say_nothing() -> None:
    found = ZoneEvidence()
    found.add(datetime(2001, 9, 9, tzinfo=UTC), datetime(2026, 10, 5, 11, 10))  # noqa: DTZ001 its zone is not told
    assert found.misfit(UTC_ZONE) is None
    assert ZoneEvidence().misfit(None) is None


def test_memory_does_not_grow_with_the_file() -> None:
    start = datetime(2020, 1, 1, 10, tzinfo=UTC)
    found = evidence("Europe/Berlin", [start + timedelta(hours=number) for number in range(5_000)])
    misfit = found.misfit(UTC_ZONE)
    assert misfit is not None
    assert misfit.rows == 2_000


IDS = {
    "1791191400.301": datetime(2026, 10, 5, 9, 10, tzinfo=UTC),
    "pbx1-1791191400.301": datetime(2026, 10, 5, 9, 10, tzinfo=UTC),
    "3c6f0b1e-0000-4000-8000-000000000001": None,
    "1.79119E+09": None,
    "g1": None,
    "": None,
}


@pytest.mark.parametrize(("text", "expected"), IDS.items(), ids=IDS.keys())
def test_a_unique_id_tells_when_its_channel_came_up(text: str, expected: datetime | None) -> None:
    assert epoch_of(text) == expected


@pytest.mark.parametrize(
    ("seconds", "name"), [(0, "UTC"), (7200, "UTC+2"), (-14400, "UTC-4"), (19800, "UTC+5:30"), (-12600, "UTC-3:30")]
)
def test_an_offset_is_told_as_people_do(seconds: int, name: str) -> None:
    assert offset_name(seconds) == name
