"""Imports of call records whose times name no zone, and of calls with several parties."""

from pathlib import Path

import pytest
from e2e.imports.importing_account import Account, shown
from leadline.v1.call_log_pb2 import CallLogState
from leadline.v1.preferences_pb2 import AccountSettings
from support.call_records import SAMPLES


def test_without_a_zone_nothing_is_sent_and_it_is_said_how_to_name_one(account: Account) -> None:
    said = account.refused(SAMPLES / "r-berlin.csv")
    assert "no time zone is known: give --time-zone" in said
    assert "leadline account set time_zone=ZONE" in said
    assert "the clock stood at UTC+2; zones that would fit: Europe/Berlin" in said


def test_the_accounts_zone_counts_if_it_was_set(account: Account) -> None:
    account.settle(AccountSettings(time_zone="Europe/Berlin"), "time_zone")
    account.told(SAMPLES / "r-berlin.csv")
    assert [shown(log) for log in account.logs()] == ["09:10:00 09:11:00"]


def test_the_accounts_zone_counts_if_it_was_set_to_utc(account: Account, generic: Path) -> None:
    account.settle(AccountSettings(time_zone="UTC"), "time_zone")
    account.settle(AccountSettings(), "time_zone")
    assert "no time zone is known" in account.refused(generic)
    account.settle(AccountSettings(time_zone="UTC"), "time_zone")
    account.told(generic)


def test_the_accounts_zone_is_checked_as_well(account: Account) -> None:
    account.settle(AccountSettings(time_zone="Asia/Tokyo"), "time_zone")
    assert "do not fit the time zone Asia/Tokyo" in account.refused(SAMPLES / "r-berlin.csv")


ZONES = {
    "r-berlin.csv": ("Europe/Berlin", "11:10:00 11:11:00", "09:10:00 09:11:00"),
    "h-zone.csv": ("America/New_York", "11:10:00 11:11:00", "15:10:00 15:11:00"),
}


@pytest.mark.parametrize(("name", "told"), ZONES.items(), ids=ZONES.keys())
def test_a_second_run_in_the_right_zone_corrects_the_first_also_in_the_crm(
    account: Account, name: str, told: tuple[str, str, str]
) -> None:
    zone, wrong, right = told
    account.settle(AccountSettings(default_region="DE" if name == "r-berlin.csv" else "US"), "default_region")
    said = account.refused(SAMPLES / name, "--time-zone", "UTC")
    assert "the records do not fit the time zone UTC" in said
    assert zone in said

    forced = account.told(SAMPLES / name, "--time-zone", "UTC", "--force")
    assert "do not fit the time zone UTC" in forced["warnings"][0]
    assert [shown(log) for log in account.logs()] == [wrong]
    (before,) = account.journal()

    assert account.told(SAMPLES / name, "--time-zone", zone)["rows"]["changed"]["count"] == 1
    (log,) = account.logs()
    assert shown(log) == right
    assert (log.state, log.update_pending) == (CallLogState.CALL_LOG_STATE_LOGGED, False)
    (after,) = account.journal()
    hours = (int(right[:2]) - int(wrong[:2])) * 3600
    assert (int(after) - int(before)) % (hours * 1000) == 0
    assert after != before

    assert account.told(SAMPLES / name, "--time-zone", zone)["rows"]["unchanged"] == {"count": 1, "lines": [1]}


@pytest.mark.parametrize(
    ("zone", "right"), [("Asia/Tokyo", "00:10:00 00:11:00"), ("America/Denver", "15:10:00 15:11:00")]
)
def test_a_second_run_corrects_records_whose_ids_tell_nothing_too(
    account: Account, generic: Path, zone: str, right: str
) -> None:
    account.told(generic, "--time-zone", "UTC")
    assert [shown(log) for log in account.logs()] == ["09:10:00 09:11:00"]
    assert account.told(generic, "--time-zone", zone)["rows"]["changed"]["count"] == 1
    assert [shown(log) for log in account.logs()] == [right]


def test_records_that_name_their_offset_need_no_zone(account: Account) -> None:
    account.told(SAMPLES / "freeswitch-documents.json")
    account.told(SAMPLES / "generic-notes.csv")
    assert len(account.logs()) == 14
