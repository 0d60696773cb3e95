"""A connection that is cut at any event: the list of channels and the call records fill in what was missed."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from fakes.asterisk import ChannelList
from fakes.asterisk_script import START, Event, Script, encoded
from leadline_server.listen.ami_frames import FrameParser
from leadline_server.listen.asterisk_calls import live_calls
from leadline_server.listen.asterisk_events import AsteriskEvents
from leadline_server.listen.ended_calls import ended_calls
from leadline_server.listen.live_calls import LiveCall
from leadline_server.replay.detection import RecordFormat
from support.asterisk_sessions import SESSIONS, missed
from support.merged_reports import MergedReports, plain
from unit.test_listen_calls import RULES

LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class Listening(MergedReports):
    """A listener without its sockets, and the calls as a server merges its reports."""

    now: datetime = field(default_factory=lambda: datetime.fromtimestamp(START, UTC))

    def __post_init__(self) -> None:
        self.table = AsteriskEvents(lambda: self.now)

    def hear(self, events: Iterable[Event]) -> None:
        parser = FrameParser()
        for event in events:
            for frame in parser.feed(encoded(event)):
                self.table.apply(frame)
            for conversation in self.table.table.changed():
                self.report(live_calls(conversation, RULES))


def written(script: Script, folder: Path) -> list[LiveCall]:
    """The calls of the records."""
    stream = io.StringIO()
    csv.writer(stream).writerows(script.rows)
    path = folder / "Master.csv"
    path.write_text(stream.getvalue())
    return ended_calls(path, RecordFormat.ASTERISK, RULES, LONG_AGO)


def lived_through(script: Script, first: int, lost: int, records: list[LiveCall]) -> Listening:
    """A session of which `lost` events were missed, from number `first` on."""
    listening, channels = Listening(), ChannelList()
    before, rest = script.events[:first], script.events[first + lost :]
    for event in script.events[: first + lost]:
        channels.happen(event)
    listening.hear(before)
    last = script.events[min(first + lost, len(script.events)) - 1]
    listening.now = datetime.fromtimestamp(float(last["Timestamp"]), UTC) + timedelta(seconds=1)
    listening.table.table.connected()
    listening.hear(channels.frames())
    listening.hear(rest)
    listening.report(live for live in records if not listening.table.table.goes_on(live.call.id))
    return listening


@pytest.mark.parametrize("cuts", [4, pytest.param(1_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("lost", [1, 3])
@pytest.mark.parametrize("name", SESSIONS)
def test_after_a_cut_at_any_event_the_records_complete_the_calls(
    name: str, lost: int, cuts: int, tmp_path: Path
) -> None:
    script = SESSIONS[name]()
    records = written(script, tmp_path)
    for first in range(0, len(script.events), max(1, len(script.events) // cuts)):
        listening = lived_through(script, first, lost, records)
        assert {one: plain(call) for one, (call, _) in listening.calls.items()} == {
            live.call.id: plain(live.call) for live in records
        }, first


@pytest.mark.parametrize("cuts", [4, pytest.param(1_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", SESSIONS)
def test_without_records_a_cut_loses_no_call_and_each_comes_to_an_end(name: str, cuts: int, tmp_path: Path) -> None:
    script = SESSIONS[name]()
    expected = {live.call.id for live in written(script, tmp_path)}
    for first in range(1, len(script.events), max(1, len(script.events) // cuts)):
        listening = lived_through(script, first, 1, [])
        assert listening.calls.keys() <= expected
        assert all(call.is_final for call, _ in listening.calls.values()), first
        assert expected <= listening.calls.keys(), first


def test_a_call_within_a_cut_is_read_from_the_records(tmp_path: Path) -> None:
    script = missed()
    listening = lived_through(script, 0, len(script.events), written(script, tmp_path))
    [(call, _)] = listening.calls.values()
    assert (call.caller.phone_number, call.is_final) == ("2025550123", True)


def test_only_the_latest_calls_of_whole_lines_are_read_from_the_records(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    written(missed(), tmp_path)
    path.write_text(path.read_text() * 2 + '"","2025550199","101"')
    assert len(ended_calls(path, RecordFormat.ASTERISK, RULES, LONG_AGO)) == 1
    assert ended_calls(path, RecordFormat.ASTERISK, RULES, datetime.fromtimestamp(START + 21, UTC)) == []
    path.write_text("")
    assert ended_calls(path, RecordFormat.ASTERISK, RULES, LONG_AGO) == []
