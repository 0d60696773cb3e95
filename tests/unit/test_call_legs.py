"""The legs of a call tell its result and its times, in whatever order they are known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from leadline_server.domain.call import Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.domain.call_ids import is_source, sourced_id
from leadline_server.domain.call_legs import told_by_legs
from leadline_server.domain.merge import CallEvent, Stamps, merge

START = datetime(2026, 11, 24, 14, tzinfo=UTC)
PHONE = Party(extension="101")


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def call(*legs: CallLeg) -> Call:
    return told_by_legs(Call(id="c", direction=CallDirection.INBOUND, legs=legs))


CHANNEL = CallLeg(id="channel", start_time=at(0), answer_time=at(1), end_time=at(70), result=CallResult.ANSWERED)
BUSY = CallLeg(id="b", party=PHONE, start_time=at(1), end_time=at(2), result=CallResult.BUSY)
ANSWERED = CallLeg(id="a", party=PHONE, start_time=at(2), answer_time=at(9), end_time=at(69))


def test_a_call_was_answered_if_one_of_its_legs_was() -> None:
    found = call(CHANNEL, BUSY, ANSWERED)
    assert (found.result, found.is_final) == (CallResult.ANSWERED, True)
    assert (found.start_time, found.answer_time, found.end_time) == (at(0), at(9), at(70))


def test_the_calls_own_channel_does_not_tell_whether_a_person_was_reached() -> None:
    assert call(CHANNEL, BUSY).result is CallResult.BUSY
    assert call(CHANNEL, BUSY).answer_time is None
    assert call(CHANNEL).result is CallResult.ANSWERED


def test_a_leg_that_ended_without_an_answer_was_not_answered() -> None:
    assert call(replace(ANSWERED, answer_time=None)).result is CallResult.NO_ANSWER


def test_a_call_goes_on_while_one_of_its_legs_does() -> None:
    found = call(CHANNEL, replace(ANSWERED, end_time=None))
    assert (found.is_final, found.end_time) == (None, None)


def test_a_call_without_legs_stays_as_it_is() -> None:
    told = Call(id="c", result=CallResult.BUSY)
    assert told_by_legs(told) is told


EVENTS = [
    CallEvent(
        call_id="c",
        fields={"direction": CallDirection.OUTBOUND, "callee.phone_number": "+12025550147"},
        legs={"channel": {"start_time": at(0)}},
        event_time=at(0),
        legs_decide=True,
    ),
    CallEvent(
        call_id="c",
        assumed={"direction": CallDirection.INBOUND, "caller.phone_number": "+12025550199"},
        legs={"a": {"party.extension": "101", "start_time": at(2)}},
        event_time=at(2),
        legs_decide=True,
    ),
    CallEvent(call_id="c", legs={"a": {"answer_time": at(9)}}, event_time=at(9), legs_decide=True),
    CallEvent(call_id="c", legs={"a": {"end_time": at(69)}}, event_time=at(69), legs_decide=True),
    CallEvent(call_id="c", legs={"channel": {"end_time": at(70)}}, event_time=at(70), legs_decide=True),
]


@pytest.mark.parametrize("order", list(permutations(range(len(EVENTS)))))
def test_reports_of_legs_make_the_same_call_in_any_order(order: tuple[int, ...]) -> None:
    merged, stamps = None, Stamps()
    for index in (*order, *order):
        merged, stamps = merge(merged, stamps, EVENTS[index])
    assert merged is not None
    assert (merged.direction, merged.result) == (CallDirection.OUTBOUND, CallResult.ANSWERED)
    assert (merged.answer_time, merged.end_time, merged.is_final) == (at(9), at(70), True)
    assert merged.callee.phone_number == "+12025550147"


def test_an_assumed_field_counts_only_until_a_report_tells_it() -> None:
    first, stamps = merge(None, Stamps(), EVENTS[1])
    assert first.direction is CallDirection.INBOUND
    second, stamps = merge(first, stamps, EVENTS[0])
    assert second.direction is CallDirection.OUTBOUND
    assert merge(second, stamps, EVENTS[1]).call.direction is CallDirection.OUTBOUND


class TestSources:
    def test_an_id_carries_its_source(self) -> None:
        assert sourced_id("berlin", "1790000000.12") == "berlin/1790000000.12"
        assert sourced_id("", "1790000000.12") == "1790000000.12"

    def test_a_long_id_stays_unique_and_within_the_contracts_length(self) -> None:
        ids = {sourced_id("berlin", "x" * 127 + last) for last in "ab"}
        assert {len(one) for one in ids} == {128}
        assert len(ids) == 2

    @pytest.mark.parametrize("name", ["a/b", "a b", "x" * 33, "ä"])
    def test_a_source_is_a_short_name(self, name: str) -> None:
        assert not is_source(name)
        assert is_source("pbx-1.berlin")
