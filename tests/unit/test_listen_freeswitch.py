"""The calls that a listener makes of FreeSWITCH's events are those that an import makes of its records."""

import io
import json
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from fakes.freeswitch import LegList, in_json, in_plain
from fakes.freeswitch_script import START, FreeSwitchEvent, FreeSwitchScript
from leadline_server.domain.call import Call, CallResult
from leadline_server.listen.ended_calls import MOST_BYTES, ended_calls
from leadline_server.listen.esl_frames import EslParser, json_texts
from leadline_server.listen.freeswitch_events import FreeSwitchEvents, live_calls
from leadline_server.listen.live_calls import LiveCall
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from support.freeswitch_sessions import FREESWITCH_SESSIONS as SESSIONS
from support.freeswitch_sessions import (
    answered,
    attended_transfer,
    given_up_in_queue,
    missed,
    queue,
    ring_group,
    withheld,
)
from support.merged_reports import MergedReports, plain
from support.mutations import mutated
from unit.test_listen_calls import RULES

NOW: Final = datetime.fromtimestamp(START + 100_000, UTC)
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def imported(script: FreeSwitchScript) -> dict[str, LiveCall]:
    """The calls of the records."""
    text = "\n".join(map(json.dumps, script.documents))
    rows = RecordFile(io.BytesIO(text.encode()), RecordFormat.FREESWITCH).rows(RULES)
    calls = [item for item in group(rows, "") if isinstance(item, ReplayCall)]
    assert calls
    return {one.call.id: LiveCall(user_id=one.user_id, call=one.call) for one in calls}


def reports(events: Iterable[FreeSwitchEvent], *, is_plain: bool = False) -> Iterator[LiveCall]:
    """All reports of a listener that hears these events."""
    heard, parser = FreeSwitchEvents(lambda: NOW), EslParser()
    for event in events:
        for frame in parser.feed((in_plain if is_plain else in_json)(event)):
            heard.apply(frame.event() or {})
        for conversation in heard.table.changed():
            yield from live_calls(conversation, RULES)


def last_reports(events: Iterable[FreeSwitchEvent], *, is_plain: bool = False) -> dict[str, LiveCall]:
    return {live.call.id: live for live in reports(events, is_plain=is_plain)}


def told(live: LiveCall) -> tuple[str, Call]:
    """All that both ways agree on: everything but when it was told, and the order of the legs."""
    legs = sorted(live.call.legs, key=lambda leg: leg.id)
    return live.user_id, replace(live.call, event_time=None, legs=tuple(legs))


def assert_same(found: dict[str, LiveCall], script: FreeSwitchScript) -> None:
    expected = imported(script)
    assert found.keys() == expected.keys()
    for call_id, live in found.items():
        assert told(live) == told(expected[call_id])


@pytest.mark.parametrize("is_plain", [False, True])
@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_ends_with_the_calls_of_its_records(name: str, *, is_plain: bool) -> None:
    script = SESSIONS[name]()
    assert_same(last_reports(script.events, is_plain=is_plain), script)


@pytest.mark.parametrize("name", SESSIONS)
def test_doubled_events_change_nothing(name: str) -> None:
    script = SESSIONS[name]()
    assert_same(last_reports(event for event in script.events for _ in range(2)), script)


@pytest.mark.parametrize("orders", [8, pytest.param(1_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", SESSIONS)
def test_events_may_come_in_another_order(name: str, orders: int) -> None:
    script = SESSIONS[name]()
    for seed in range(orders):
        assert_same(last_reports(disordered(script.events, random.Random(seed))), script)


def disordered(events: Iterable[FreeSwitchEvent], chance: random.Random) -> list[FreeSwitchEvent]:
    """The events, each up to a second and a half late."""
    return sorted(events, key=lambda event: int(event["Event-Date-Timestamp"]) + chance.uniform(0, 1_500_000))


def test_a_call_is_reported_as_it_rings_is_answered_and_ends() -> None:
    seen = list(dict.fromkeys((one.call.result, one.call.is_final) for one in reports(answered().events)))
    assert seen == [(None, None), (CallResult.ANSWERED, None), (CallResult.ANSWERED, True)]
    first = next(reports(answered().events))
    party = first.call.caller
    assert (first.user_id, party.phone_number, party.name) == ("alice", "2025550123", "Ada Example")


@pytest.mark.parametrize(("session", "taker"), [(queue, "user107"), (ring_group, "user103")])
def test_the_one_of_twenty_who_answers_gets_the_call(session: object, taker: str) -> None:
    assert callable(session)
    found = list(reports(session().events))
    assert found[-1].user_id == taker
    assert {one.call.id for one in found} == {found[-1].call.id}
    assert len([leg for leg in found[-1].call.legs if leg.user_id]) >= 20


def test_a_queue_that_answers_is_no_person() -> None:
    assert all(one.call.result is not CallResult.ANSWERED for one in reports(given_up_in_queue().events))


def test_a_withheld_number_is_read_as_in_the_record() -> None:
    [live] = last_reports(withheld().events).values()
    assert live.call.caller.phone_number == "anonymous"


@pytest.mark.parametrize("rounds", [40, pytest.param(10_000, marks=pytest.mark.soak)])
def test_mutated_events_raise_nothing(rounds: int) -> None:
    chance = random.Random(3)
    for _ in range(rounds):
        heard, parser = FreeSwitchEvents(lambda: NOW), EslParser()
        for event in attended_transfer().events:
            for frame in parser.feed(mutated(chance, in_plain(event))):
                heard.apply(frame.event() or {})
        for conversation in heard.table.changed():
            assert all(live.call.id for live in live_calls(conversation, RULES))


def test_events_without_use_change_nothing() -> None:
    junk = [{}, {"Event-Name": "HEARTBEAT"}, {"Unique-ID": "x" * 1000}, {"Unique-ID": "a b"}]
    junk += [{"Unique-ID": "1", "Event-Date-Timestamp": "9" * 18, "Caller-Profile-Index": "9" * 18}]
    assert list(reports(junk)) == []


@dataclass
class Listening(MergedReports):
    """A listener without its sockets, and the calls as a server merges its reports."""

    now: datetime = field(default_factory=lambda: datetime.fromtimestamp(START, UTC))

    def __post_init__(self) -> None:
        self.events = FreeSwitchEvents(lambda: self.now)

    def hear(self, events: Iterable[FreeSwitchEvent]) -> None:
        for event in events:
            self.events.apply(event)
            self.report_changes()

    def connect(self, legs: LegList) -> None:
        """A new connection: all channels are listed, and each is asked for."""
        self.events.table.connected()
        for uuid in self.events.listed(legs.rows()):
            self.events.apply(json_texts(legs.dump(uuid).encode()) or {})
        self.events.table.listed()
        self.report_changes()

    def report_changes(self) -> None:
        for conversation in self.events.table.changed():
            self.report(live_calls(conversation, RULES))


def written(script: FreeSwitchScript, folder: Path) -> list[LiveCall]:
    """The calls of the records, read from the folder of mod_json_cdr."""
    for number, document in enumerate(script.documents):
        path = folder / f"{document['variables']['uuid']}.cdr.json"
        path.write_text(json.dumps(document, indent=1))
        os.utime(path, (START + number, START + number))
    return ended_calls(folder, RecordFormat.FREESWITCH, RULES, LONG_AGO)


def lived_through(script: FreeSwitchScript, first: int, lost: int, records: list[LiveCall]) -> Listening:
    """A session of which `lost` events were missed, from number `first` on."""
    listening, legs = Listening(), LegList()
    for event in script.events[: first + lost]:
        legs.happen(event)
    listening.hear(script.events[:first])
    last = script.events[min(first + lost, len(script.events)) - 1]
    moment = datetime.fromtimestamp(int(last["Event-Date-Timestamp"]) / 1_000_000, UTC)
    listening.now = moment + timedelta(seconds=1)
    listening.connect(legs)
    listening.hear(script.events[first + lost :])
    listening.report(live for live in records if not listening.events.table.goes_on(live.call.id))
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
        assert listening.calls.keys() == expected, first
        assert all(call.is_final for call, _ in listening.calls.values()), first


def test_a_call_within_a_cut_is_read_from_the_records(tmp_path: Path) -> None:
    script = missed()
    listening = lived_through(script, 0, len(script.events), written(script, tmp_path))
    [(call, _)] = listening.calls.values()
    assert (call.caller.phone_number, call.is_final) == ("2025550123", True)


def test_only_the_latest_documents_are_read_and_a_large_one_ends_the_reading(tmp_path: Path) -> None:
    written(missed(), tmp_path)
    since = datetime.fromtimestamp(START + 10, UTC)
    assert ended_calls(tmp_path, RecordFormat.FREESWITCH, RULES, since) == []
    (tmp_path / "large.cdr.json").write_text("x" * (MOST_BYTES + 1))
    assert ended_calls(tmp_path, RecordFormat.FREESWITCH, RULES, LONG_AGO) == []
