"""A connection that is cut at any event: the list of channels and the call records fill in what was missed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes.asterisk_script import START
from leadline_server.listen.ended_calls import MOST_BYTES, ended_calls
from leadline_server.replay.detection import RecordFormat
from support import asterisk_sessions, freeswitch_sessions
from support.cut_listeners import LONG_AGO, RULES, SYSTEMS, all_sessions, asterisk_records, freeswitch_records
from support.merged_reports import plain


@pytest.mark.parametrize("cuts", [4, pytest.param(1_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("lost", [1, 3])
@pytest.mark.parametrize(("system", "name"), all_sessions())
def test_after_a_cut_at_any_event_the_records_complete_the_calls(
    system: str, name: str, lost: int, cuts: int, tmp_path: Path
) -> None:
    phones = SYSTEMS[system]
    script = phones.sessions[name]()
    records = phones.records(script, tmp_path)
    for first in range(0, len(script.events), max(1, len(script.events) // cuts)):
        listener = phones.lived_through(script, first, lost, records)
        assert {one: plain(call) for one, (call, _) in listener.calls.items()} == {
            live.call.id: plain(live.call) for live in records
        }, first


@pytest.mark.parametrize("cuts", [4, pytest.param(1_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize(("system", "name"), all_sessions())
def test_without_records_a_cut_loses_no_call_and_each_comes_to_an_end(
    system: str, name: str, cuts: int, tmp_path: Path
) -> None:
    phones = SYSTEMS[system]
    script = phones.sessions[name]()
    expected = {live.call.id for live in phones.records(script, tmp_path)}
    for first in range(1, len(script.events), max(1, len(script.events) // cuts)):
        listener = phones.lived_through(script, first, 1, [])
        assert listener.calls.keys() == expected, first
        assert all(call.is_final for call, _ in listener.calls.values()), first


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_call_within_a_cut_is_read_from_the_records(system: str, tmp_path: Path) -> None:
    phones = SYSTEMS[system]
    script = phones.missed()
    listener = phones.lived_through(script, 0, len(script.events), phones.records(script, tmp_path))
    [(call, _)] = listener.calls.values()
    assert (call.caller.phone_number, call.is_final) == ("2025550123", True)


def test_only_the_latest_calls_of_whole_lines_are_read_from_the_records(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    asterisk_records(asterisk_sessions.missed(), tmp_path)
    path.write_text(path.read_text() * 2 + '"","2025550199","101"')
    assert len(ended_calls(path, RecordFormat.ASTERISK, RULES, LONG_AGO)) == 1
    assert ended_calls(path, RecordFormat.ASTERISK, RULES, datetime.fromtimestamp(START + 21, UTC)) == []
    path.write_text("")
    assert ended_calls(path, RecordFormat.ASTERISK, RULES, LONG_AGO) == []


def test_only_the_latest_documents_are_read_and_a_large_one_ends_the_reading(tmp_path: Path) -> None:
    freeswitch_records(freeswitch_sessions.missed(), tmp_path)
    since = datetime.fromtimestamp(START + 10, UTC)
    assert ended_calls(tmp_path, RecordFormat.FREESWITCH, RULES, since) == []
    (tmp_path / "large.cdr.json").write_text("x" * (MOST_BYTES + 1))
    assert ended_calls(tmp_path, RecordFormat.FREESWITCH, RULES, LONG_AGO) == []
