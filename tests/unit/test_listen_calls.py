"""The calls that a listener makes of Asterisk's events are those that an import makes of its records."""

import csv
import io
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from fakes.asterisk_script import START, Event, Script, encoded
from leadline_server.domain.call import Call, CallResult
from leadline_server.listen.ami_frames import FrameParser
from leadline_server.listen.asterisk_calls import live_calls
from leadline_server.listen.asterisk_events import AsteriskEvents
from leadline_server.listen.live_calls import LiveCall
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from support.asterisk_sessions import SESSIONS, answered, attended_transfer, busy, queue, withheld
from support.cut_listeners import RULES
from support.mutations import mutated

NOW: Final = datetime.fromtimestamp(START + 100_000, UTC)


def imported(script: Script) -> dict[str, LiveCall]:
    """The calls of the records."""
    stream = io.StringIO()
    csv.writer(stream).writerows(script.rows)
    rows = RecordFile(io.BytesIO(stream.getvalue().encode()), RecordFormat.ASTERISK).rows(RULES)
    calls = [item for item in group(rows, "") if isinstance(item, ReplayCall)]
    assert calls
    return {one.call.id: LiveCall(user_id=one.user_id, call=one.call) for one in calls}


def reports(events: Iterable[Event]) -> Iterator[LiveCall]:
    """All reports of a listener that hears these events."""
    table, parser = AsteriskEvents(lambda: NOW), FrameParser()
    for event in events:
        for frame in parser.feed(encoded(event)):
            table.apply(frame)
        for conversation in table.table.changed():
            yield from live_calls(conversation, RULES)


def last_reports(events: Iterable[Event]) -> dict[str, LiveCall]:
    return {live.call.id: live for live in reports(events)}


def told(live: LiveCall) -> tuple[str, Call]:
    """The facts that both ways agree on. A record has no linked id, and does not tell when each leg rang."""
    legs = sorted((leg.id, leg.user_id or "", leg.party.extension or "", str(leg.result)) for leg in live.call.legs)
    return f"{live.user_id} {legs}", replace(live.call, event_time=None, linked_id=None, legs=())


def assert_same(found: dict[str, LiveCall], script: Script) -> None:
    expected = imported(script)
    assert found.keys() == expected.keys()
    for call_id, live in found.items():
        assert told(live) == told(expected[call_id])


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_ends_with_the_calls_of_its_records(name: str) -> None:
    script = SESSIONS[name]()
    assert_same(last_reports(script.events), script)


@pytest.mark.parametrize("name", SESSIONS)
def test_doubled_events_change_nothing(name: str) -> None:
    script = SESSIONS[name]()
    assert_same(last_reports(event for event in script.events for _ in range(2)), script)


@pytest.mark.parametrize("orders", [8, pytest.param(1_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", SESSIONS)
def test_events_of_the_same_seconds_may_come_in_any_order(name: str, orders: int) -> None:
    script = SESSIONS[name]()
    for seed in range(orders):
        assert_same(last_reports(disordered(script.events, random.Random(seed))), script)


def disordered(events: Iterable[Event], chance: random.Random) -> list[Event]:
    """The events, each up to a second and a half late."""
    return sorted(events, key=lambda event: float(event["Timestamp"]) + chance.uniform(0, 1.5))


def test_a_phone_that_rang_is_no_call_of_its_own_if_the_dial_is_told_last() -> None:
    script = busy()
    late = sorted(script.events, key=lambda event: event["Event"].startswith("Dial"))
    assert {live.call.id for live in reports(late)} == imported(script).keys()


def test_a_call_is_reported_as_it_rings_is_answered_and_ends() -> None:
    script = answered()
    seen = list(dict.fromkeys((one.call.result, one.call.is_final) for one in reports(script.events)))
    assert seen == [(None, None), (CallResult.ANSWERED, None), (CallResult.ANSWERED, True)]
    first = next(reports(script.events))
    assert (first.user_id, first.call.caller.phone_number, first.call.caller.name) == (
        "alice",
        "2025550123",
        "Ada Example",
    )


def test_the_one_of_twenty_agents_who_answers_gets_the_call() -> None:
    found = list(reports(queue().events))
    assert found[0].user_id == "alice"
    assert found[-1].user_id == "user107"
    assert len(found[-1].call.legs) == 20
    assert {one.call.id for one in found} == {found[-1].call.id}


def test_event_times_never_run_backwards() -> None:
    times = [one.call.event_time for one in reports(queue().events)]
    assert all(time is not None for time in times)
    assert times == sorted(times, key=lambda time: time or NOW)


def test_a_transfer_that_joins_conversations_makes_no_further_call() -> None:
    assert len({one.call.id for one in reports(attended_transfer().events)}) == 2


def test_a_withheld_number_is_none() -> None:
    assert all(one.call.caller.phone_number is None for one in reports(withheld().events))


@pytest.mark.parametrize("rounds", [40, pytest.param(10_000, marks=pytest.mark.soak)])
def test_mutated_events_raise_nothing(rounds: int) -> None:
    chance = random.Random(3)
    for _ in range(rounds):
        table, parser = AsteriskEvents(lambda: NOW), FrameParser()
        for event in attended_transfer().events:
            for frame in parser.feed(mutated(chance, encoded(event))):
                table.apply(frame)
        for conversation in table.table.changed():
            assert all(live.call.id for live in live_calls(conversation, RULES))


def test_frames_without_use_change_nothing() -> None:
    junk = [{}, {"Event": "Newchannel"}, {"Event": "DialBegin", "DestUniqueid": "1"}, {"Event": "FullyBooted"}]
    junk += [{"Event": "Hangup", "Uniqueid": "x" * 1000}, {"Event": "Newstate", "Uniqueid": "1", "Timestamp": "nan"}]
    assert list(reports(junk)) == []
