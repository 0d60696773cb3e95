"""`leadline calls import` against a server: zones, corrections, and what is told of everything in the file."""

import subprocess
from pathlib import Path
from typing import Final

import pytest
from e2e.imports.importing_account import GENERIC, NEW_YORK, USERS, Account
from leadline.v1.call_log_pb2 import CallLogReason, CallLogState
from leadline.v1.call_pb2 import CallDirection
from leadline.v1.preferences_pb2 import AccountSettings
from support.call_records import SAMPLES
from support.servers import LEADLINE, ServerProcess, leadline


def test_an_outbound_call_that_was_transferred_makes_one_log_and_no_second_contact(account: Account) -> None:
    account.told(SAMPLES / "b2-out-transfer.csv", *NEW_YORK)
    logs = account.logs()
    assert [CallDirection.Name(log.call.direction).removeprefix("CALL_DIRECTION_") for log in logs] == [
        "OUTBOUND",
        "INTERNAL",
    ]
    assert account.contacts() == {"+12025550302"}
    assert len(account.journal()) == 1


def test_a_follow_me_makes_no_contact_of_the_employees_mobile(account: Account) -> None:
    account.told(SAMPLES / "c-followme-nolink.csv", *NEW_YORK, "--own-number", "+1 202 555 0999")
    (log,) = account.logs()
    assert log.call.direction == CallDirection.CALL_DIRECTION_INBOUND
    assert log.user_id == "alice"
    assert account.contacts() == {"+12025550303"}


@pytest.mark.parametrize("name", ["d-queue-link.csv", "d-queue-nolink.csv"])
def test_a_queue_call_makes_one_log_for_the_agent_who_answered(account: Account, name: str) -> None:
    account.told(SAMPLES / name, *NEW_YORK)
    (log,) = account.logs()
    assert (log.user_id, log.state) == ("bob", CallLogState.CALL_LOG_STATE_LOGGED)
    assert account.contacts() == {"+12025550304"}


NAMES = {
    "i2-latin1.csv": ["Jörg Müller"],
    "v-longname.csv": [
        "Roe & Daughters Plumbing 24 Hour Emergency Service and Heating of Springfield Nor",
        "Roe and Daughters Plumbing and Heating Emergency Services of Springfield North Si",
    ],
    "k-freepbx-header.csv": ["ROE K"],
    "t-3cx.csv": ["Roe Jane"],
    "t2-freeswitch.csv": ["ROE JANE"],
}


@pytest.mark.parametrize(("name", "names"), NAMES.items(), ids=NAMES.keys())
def test_a_placeholder_has_the_name_that_the_record_tells(account: Account, name: str, names: list[str]) -> None:
    account.told(SAMPLES / name, *NEW_YORK)
    assert [log.contact.name for log in account.logs()] == names


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("g-clock.csv", ()),
        ("k2-asterisk-header.csv", ()),
        ("q-disp.csv", ()),
        ("t-3cx.csv", ("--format", "3cx")),
        ("t2-freeswitch.csv", ("--format", "freeswitch")),
        ("t2-freeswitch.csv", ("--format", "freeswitch", "--inbound-context", "public")),
        ("t3-generic-semicolon.csv", ()),
        ("generic-words.csv", ()),
        ("e-prefix.csv", ()),
    ],
)
def test_every_row_of_a_sample_is_taken(account: Account, name: str, options: tuple[str, ...]) -> None:
    told = account.told(SAMPLES / name, *NEW_YORK, *options)
    assert told["rows"]["taken"]["count"] == len(account.logs()) > 0
    assert told["skipped_rows"] == told["failed_calls"] == told["rows"]["unusable"]["count"] == 0


def test_calls_of_luxembourg_customers_are_no_internal_ones(account: Account) -> None:
    account.settle(AccountSettings(default_region="LU", time_zone="Europe/Luxembourg"), "default_region", "time_zone")
    account.told(SAMPLES / "u-luxembourg.csv")
    directions = [log.call.direction for log in account.logs()]
    assert directions == [CallDirection.CALL_DIRECTION_INBOUND, CallDirection.CALL_DIRECTION_OUTBOUND]


def test_what_was_dialled_behind_an_outside_line_is_the_number(account: Account) -> None:
    account.settle(AccountSettings(dial_prefixes=["9"]), "dial_prefixes")
    account.told(SAMPLES / "e-prefix.csv", *NEW_YORK)
    numbers = [number for log in account.logs() for number in log.contact.phone_numbers]
    assert sorted(numbers) == ["+12025550305"] * 8 + ["+442079460958"]


def test_of_two_readings_behind_a_german_prefix_the_valid_one_counts(account: Account) -> None:
    account.settle(AccountSettings(default_region="DE", dial_prefixes=["0"]), "default_region", "dial_prefixes")
    account.told(SAMPLES / "s-prefix0.csv", "--time-zone", "Europe/Berlin")
    logs = sorted(account.logs(), key=lambda log: log.call.id)
    assert [list(log.contact.phone_numbers) for log in logs] == [
        ["+4917612345678"],
        ["+49301234567"],
        ["+4930901820"],
        ["+4930901820"],
        [],
        ["+4917612345678"],
    ]
    assert logs[4].reason == CallLogReason.CALL_LOG_REASON_NUMBER_UNUSABLE


def test_the_directory_tells_extensions_and_own_numbers(account: Account) -> None:
    account.upsert("dora", extensions=["101"], phone_numbers=["+12025550999"])
    done = leadline(
        *("calls", "import", SAMPLES / "c-followme-nolink.csv", "--account", account.name),
        *("--server", account.address, *NEW_YORK),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = account.logs()
    assert log.user_id == "dora"
    assert account.contacts() == {"+12025550303"}


def test_an_employees_mobile_of_the_directory_is_no_customer(account: Account, tmp_path: Path) -> None:
    account.upsert("dora", phone_numbers=["+12025550999"])
    path = tmp_path / "calls.csv"
    path.write_text("From,To,Start\n101,92025550999,2026-10-05 10:00:00\n101,2025550998,2026-10-05 10:01:00\n")
    account.told(path, *NEW_YORK)
    directions = [log.call.direction for log in account.logs()]
    assert directions == [CallDirection.CALL_DIRECTION_INTERNAL, CallDirection.CALL_DIRECTION_OUTBOUND]
    assert account.contacts() == {"+12025550998"}


MIXED: Final = """Call ID,Type,From,To,Start,Duration,Status,Agent,Cost
1,Incoming,2025550601,101,2026-10-05 10:00:00,1:00,Answered,Ann,
1,Incoming,2025550601,102,2026-10-05 10:00:10,0:10,Missed,Ann,

2,Sideways,2025550602,101,2026-10-05 10:01:00,1:00,Answered,Ann,
3,Outgoing,101,2025550603,2026-10-05 10:02:00,a while,Answered,Ann,
4,Incoming,2025550604,150,2026-10-05 10:03:00,1:00,Answered,Ann,
5,Incoming,"2025550605,101,2026-10-05 10:04:00,1:00,Answered,Ann,
6,Incoming,2025550606,101,2026-10-05 10:05:00,1:00,Answered,Ann,
"""


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.csv"
    path.write_text(MIXED)
    return path


def test_an_import_ends_with_what_became_of_every_row_value_and_column(account: Account, mixed: Path) -> None:
    told = account.told(mixed, *NEW_YORK, code=1)
    assert {kind: row["lines"] for kind, row in told["rows"].items() if row["count"]} == {
        "taken": [2, 6, 9],
        "merged": [3],
        "skipped": [5, 7, 8],
        "unusable": [6],
    }
    assert [problem["line"] for problem in told["skipped"]] == [5, 7, 8]
    assert told["unusable"] == [{"line": 6, "reason": "duration 'a while' is not a number of seconds"}]
    assert told["other_lines"] == {"blank lines": 1, "the header": 1}
    assert told["columns_not_taken"] == ["Agent"]
    assert told["columns_taken"]["caller_number"] == "From"


def test_people_are_told_the_columns_first_and_the_account_last(account: Account, mixed: Path) -> None:
    done = account.run(mixed, *NEW_YORK)
    assert done.exit_code == 1
    assert "caller_number      from column From" in done.stderr
    for line in (
        "3 calls replayed",
        "3 rows taken: lines 2, 6, 9",
        "1 row merged: line 3",
        "3 rows skipped: lines 5, 7-8",
        "line 5: unknown direction 'SIDEWAYS'",
        "line 8: not a CSV row: a quote is never closed",
        "1 value was unusable; its row was taken:",
        "line 6: duration 'a while' is not a number of seconds",
        "1 column not taken: Agent.",
    ):
        assert line in done.stdout


def test_what_is_left_out_by_option_is_no_loss(account: Account, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("From,To,Start,Agent,Cost\n2025550601,101,2026-10-05 10:00:00,Ann,0.10\n")
    told = account.told(path, *NEW_YORK, "--column", "ignore=Agent", "--column", "attribute:cost=Cost")
    assert told["columns_not_taken"] == []
    assert [dict(log.call.attributes) for log in account.logs()] == [{"cost": "0.10"}]


def test_a_changed_row_is_told_as_changed_and_the_others_as_left(account: Account, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(GENERIC + "T2,2025550689,101,2026-10-05 09:20:00,60\n")
    account.told(path, *NEW_YORK)
    path.write_text(GENERIC + "T2,2025550689,101,2026-10-05 09:20:00,90\n")
    told = account.told(path, *NEW_YORK)["rows"]
    assert (told["unchanged"]["lines"], told["changed"]["lines"], told["taken"]["count"]) == ([2], [3], 0)


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(account: Account, mixed: Path) -> None:
    done = account.run(mixed, *NEW_YORK, "--dry-run")
    assert done.exit_code == 1
    assert "3 calls would be replayed; nothing was sent" in done.stdout
    assert "line 2: 2026-10-05 14:00:00Z inbound alice 2025550601 answered" in done.stdout
    assert "caller_number      from column From" in done.stdout
    assert account.logs() == []


def test_a_date_that_nothing_tells_is_refused_until_the_person_tells(account: Account, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("From,To,Start\n2025550601,101,10/05/2026 10:00\n")
    assert "whether the day or the month comes first" in account.refused(path, *NEW_YORK)
    account.told(path, *NEW_YORK, "--date-order", "dmy")
    assert f"{account.logs()[0].call.start_time.ToDatetime():%Y-%m-%d}" == "2026-05-10"


def test_masks_tell_extensions(account: Account, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("From,To,Start\n1001,2002,2026-10-05 10:00\n2002,2025550601,2026-10-05 10:01\n")
    options = ("--user", "2002=dave", "--extension-pattern", "2xxx", "--default-user", "dave")
    account.told(path, *NEW_YORK, *options)
    directions = [log.call.direction for log in account.logs()]
    assert directions == [CallDirection.CALL_DIRECTION_INBOUND, CallDirection.CALL_DIRECTION_OUTBOUND]


def test_a_file_that_can_be_read_only_once_is_read_all_the_same(account: Account, server: ServerProcess) -> None:
    command = f"cat {SAMPLES / 'g-clock.csv'} | {LEADLINE} calls import /dev/stdin --account {account.name}"
    done = subprocess.run(
        ["bash", "-c", f"{command} --server {server.address} {' '.join((*USERS, *NEW_YORK))}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(account.logs()) == 2


def test_an_account_that_does_not_exist_is_said_so(server: ServerProcess) -> None:
    done = leadline(
        "calls", "import", SAMPLES / "h-zone.csv", "--server", server.address, "--account", "nobody", *USERS, *NEW_YORK
    )
    assert done.returncode == 1
    assert "Stopped early" in done.stdout
