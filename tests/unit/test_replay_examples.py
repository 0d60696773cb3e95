"""The example data: reproducible, fictional, and readable but for the two rows that are meant to be broken."""

import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import GroupItem, ReplayCall, group
from leadline_server.replay.records import Ignored, Skipped
from leadline_server.replay.rules import Rules

EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = Rules(time_zone=ZoneInfo("America/New_York"), users={"101": "alice", "102": "bob", "103": "carol"})
FICTIONAL = re.compile(r"1?\d{3}55501\d{2}|44207946\d{4}|441632960\d{3}|493023125\d{3}")


@cache
def replayed() -> list[GroupItem]:
    with (EXAMPLES / "Master.csv").open("rb") as stream:
        return list(group(RecordFile(stream).rows(RULES), ""))


def calls() -> list[ReplayCall]:
    return [item for item in replayed() if isinstance(item, ReplayCall)]


@pytest.mark.parametrize(
    ("script", "names"), [("make_records.py", ["Master.csv"]), ("make_contacts.py", ["contacts.csv", "contacts.vcf"])]
)
def test_the_scripts_reproduce_the_files_exactly(script: str, names: list[str], tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(EXAMPLES / script), str(tmp_path)], check=True)
    assert {name: (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes() for name in names} == dict.fromkeys(
        names, True
    )


def test_only_the_two_malformed_rows_are_skipped_and_only_the_inner_half_is_ignored() -> None:
    assert [item.line for item in replayed() if isinstance(item, Skipped)] == [61, 142]
    assert [item.line for item in replayed() if isinstance(item, Ignored)] == [45]


def test_every_other_row_belongs_to_a_call() -> None:
    rows = (EXAMPLES / "Master.csv").read_text().count("\n")
    assert sum(len(call.lines) for call in calls()) == rows - 3
    assert len({call.call.id for call in calls()}) == len(calls())


def test_every_number_is_set_aside_for_fiction() -> None:
    parties = [party for call in calls() for party in (call.call.caller, call.call.callee)]
    numbers = {re.sub(r"\D", "", party.phone_number or "") for party in parties} - {"", "97", "911"}
    plain = {re.sub(r"^(011|00)", "", number) for number in numbers}
    cards = (EXAMPLES / "contacts.vcf").read_text(encoding="utf-8")
    plain |= {re.sub(r"\D", "", line) for line in re.findall(r"^TEL.*:(?=[+(\d])(.*)$", cards, re.MULTILINE)}
    assert len(plain) > 40
    assert [number for number in plain if not FICTIONAL.fullmatch(number)] == []


def test_all_kinds_of_calls_are_there() -> None:
    users = Counter(call.user_id for call in calls())
    assert min(users[user] for user in ("alice", "bob", "carol")) >= 30
    assert {call.call.direction for call in calls()} == set(CallDirection)
    assert {call.call.result for call in calls()} >= set(CallResult) - {CallResult.REJECTED, CallResult.CANCELED}
    assert sum(len(call.call.legs) == 3 for call in calls()) == 2


def test_the_two_calls_of_the_night_when_clocks_go_back_are_an_hour_apart() -> None:
    night = [call.call.start_time for call in calls() if call.lines[0] in {100, 101}]
    assert [str(time) for time in night] == ["2026-11-01 05:50:00+00:00", "2026-11-01 06:50:00+00:00"]
