"""The calls that a listener makes of FreeSWITCH's events are those that an import makes of its records."""

import io
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from fakes.freeswitch import in_json, in_plain
from fakes.freeswitch_script import START, FreeSwitchEvent, FreeSwitchScript
from leadline_server.domain.call import Call, CallResult
from leadline_server.listen.esl_frames import EslParser
from leadline_server.listen.freeswitch_events import FreeSwitchEvents, live_calls
from leadline_server.listen.live_calls import LiveCall
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from support.cut_listeners import RULES
from support.freeswitch_sessions import FREESWITCH_SESSIONS as SESSIONS
from support.freeswitch_sessions import (
    answered,
    attended_transfer,
    given_up_in_queue,
    queue,
    ring_group,
    withheld,
)
from support.mutations import mutated

NOW: Final = datetime.fromtimestamp(START + 100_000, UTC)


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
