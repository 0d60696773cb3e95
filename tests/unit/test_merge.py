"""Merging reports of one call: who wins, field by field."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.merge import CallEvent, Stamp, Stamps, merge
from unit.strategies import ALICE, BOB, NOW, NUMBER

EARLY, LATE = NOW, NOW + timedelta(minutes=1)


def event(
    time: datetime | None = None,
    *,
    is_final: bool | None = None,
    attributes: dict[str, str | None] | None = None,
    legs: dict[str, dict[str, Any]] | None = None,
    **fields: Any,
) -> CallEvent:
    """A report; a double underscore in a field's name stands for the dot: caller__name."""
    return CallEvent(
        call_id="call-1",
        fields={name.replace("__", "."): value for name, value in fields.items()},
        attributes=attributes or {},
        legs=legs or {},
        event_time=time,
        is_final=is_final,
    )


def merged(*events: CallEvent) -> Call:
    """The call after these reports, in order of arrival."""
    call, stamps = None, Stamps()
    for each in events:
        call, stamps = merge(call, stamps, each)
    assert call is not None
    return call


# Absent, present, empty


def test_the_first_report_makes_the_call() -> None:
    call = merged(event(direction=CallDirection.INBOUND, caller__phone_number=NUMBER, caller__name="Ann"))
    assert call == Call(id="call-1", direction=CallDirection.INBOUND, caller=Party(phone_number=NUMBER, name="Ann"))


def test_an_absent_field_keeps_its_value() -> None:
    assert merged(event(note="kept"), event(subject="new")).note == "kept"


def test_a_present_and_empty_field_is_cleared() -> None:
    assert merged(event(note="gone"), event(note=None)).note is None


def test_a_field_of_a_party_leaves_the_partys_others_alone() -> None:
    call = merged(event(caller__phone_number=NUMBER, callee__user_id=ALICE), event(caller__name="Ann"))
    assert call.caller == Party(phone_number=NUMBER, name="Ann")
    assert call.callee == Party(user_id=ALICE)


def test_attributes_merge_by_key() -> None:
    call = merged(event(attributes={"queue": "sales", "tag": "a"}), event(attributes={"tag": "b", "new": "c"}))
    assert call.attributes == {"queue": "sales", "tag": "b", "new": "c"}


def test_an_empty_attribute_is_removed() -> None:
    assert merged(event(attributes={"queue": "sales", "tag": "a"}), event(attributes={"tag": None})).attributes == {
        "queue": "sales"
    }


def test_legs_merge_by_id_and_field() -> None:
    first = event(legs={"l1": {"user_id": ALICE}, "l2": {"user_id": BOB}})
    call = merged(first, event(legs={"l2": {"result": CallResult.ANSWERED, "party.name": "Bob"}}))
    one, two = call.legs
    assert (one.user_id, one.result) == (ALICE, None)
    assert (two.user_id, two.result, two.party.name) == (BOB, CallResult.ANSWERED, "Bob")


# Without event times the last to arrive wins, with them the newest


def test_without_times_the_last_to_arrive_wins() -> None:
    assert merged(event(note="first"), event(note="last")).note == "last"


@pytest.mark.parametrize("kind", ["field", "party", "attribute", "leg"])
def test_the_newest_event_wins_in_whatever_order_they_arrive(kind: str) -> None:
    def report(time: datetime, value: str) -> CallEvent:
        return {
            "field": event(time, note=value),
            "party": event(time, caller__name=value),
            "attribute": event(time, attributes={"tag": value}),
            "leg": event(time, legs={"l1": {"party.name": value}}),
        }[kind]

    old, new = report(EARLY, "old"), report(LATE, "new")
    assert merged(old, new) == merged(new, old)
    told = str(asdict(merged(new, old)))  # a call shows nothing of itself by `str`
    assert "new" in told
    assert "old" not in told


def test_an_older_event_still_brings_fields_that_no_newer_one_spoke_of() -> None:
    call = merged(event(LATE, note="new"), event(EARLY, note="old", subject="only here"))
    assert (call.note, call.subject) == ("new", "only here")


def test_what_a_newer_event_cleared_stays_clear() -> None:
    call = merged(event(LATE, note=None, attributes={"tag": None}), event(EARLY, note="old", attributes={"tag": "old"}))
    assert call.note is None
    assert call.attributes == {}


def test_of_two_events_of_one_instant_the_last_to_arrive_wins() -> None:
    assert merged(event(EARLY, note="first"), event(EARLY, note="last")).note == "last"


def test_the_call_has_the_time_of_its_newest_event() -> None:
    assert merged(event(LATE), event(EARLY), event()).event_time == LATE


def test_an_untimed_report_does_not_let_outdated_ones_back_in() -> None:
    assert merged(event(LATE, note="new"), event(note="edited"), event(EARLY, note="old")).note == "edited"


# Final reports


def test_a_call_that_is_final_stays_final() -> None:
    assert merged(event(is_final=True), event(is_final=False)).is_final is True


def test_a_call_that_is_said_not_to_be_final_may_become_so() -> None:
    assert merged(event(is_final=False), event()).is_final is False
    assert merged(event(is_final=False), event(is_final=True)).is_final is True


def test_after_a_final_report_an_untimed_one_fills_what_is_unset() -> None:
    final = event(is_final=True, note="final", attributes={"queue": "sales"}, legs={"l1": {"user_id": ALICE}})
    late = event(
        note="late",
        subject="filled",
        attributes={"queue": "late", "tag": "filled"},
        legs={"l1": {"user_id": BOB, "result": CallResult.BUSY}},
    )
    call = merged(final, late)
    assert (call.note, call.subject) == ("final", "filled")
    assert call.attributes == {"queue": "sales", "tag": "filled"}
    assert (call.legs[0].user_id, call.legs[0].result) == (ALICE, CallResult.BUSY)


def test_after_a_final_report_an_untimed_one_overwrites_nothing_that_was_there_before_it() -> None:
    assert merged(event(note="before"), event(is_final=True), event(note="late")).note == "before"


def test_after_a_final_report_nothing_is_cleared() -> None:
    assert merged(event(note="before"), event(is_final=True), event(note=None)).note == "before"


def test_what_a_final_report_said_outranks_a_newer_one_that_is_not_final() -> None:
    final, newer = event(EARLY, is_final=True, note="final"), event(LATE, note="newer")
    assert merged(final, newer).note == "final"
    assert merged(newer, final).note == "final"


def test_what_a_final_report_did_not_speak_of_is_merged_by_time_up_to_its_own() -> None:
    old, final, new = event(EARLY, note="old"), event(LATE, is_final=True), event(LATE, note="new")
    assert merged(old, final, new).note == "new"


def test_after_a_final_report_one_with_a_later_time_only_fills_what_is_unset() -> None:
    before, final = event(EARLY, note="before"), event(LATE, is_final=True)
    later = event(LATE + timedelta(minutes=1), note="later", subject="filled")
    call = merged(before, final, later)
    assert (call.note, call.subject) == ("before", "filled")


def test_a_final_report_corrects_a_final_one() -> None:
    assert merged(event(is_final=True, note="first"), event(is_final=True, note="last")).note == "last"


def test_an_untimed_final_report_does_not_let_outdated_ones_back_in() -> None:
    reports = [event(LATE, note="new"), event(is_final=True, note="final"), event(EARLY, is_final=True, note="old")]
    assert merged(*reports).note == "final"


# Stamps


def test_untimed_reports_that_are_not_final_leave_no_stamps() -> None:
    _, stamps = merge(None, Stamps(), event(note="a", attributes={"tag": "a"}, legs={"l1": {"user_id": ALICE}}))
    assert stamps == Stamps()


def test_a_stamp_says_when_and_how_authoritatively_a_field_was_written() -> None:
    _, stamps = merge(None, Stamps(), event(EARLY, note="a", attributes={"tag": "a"}))
    _, stamps = merge(Call(id="call-1", note="a"), stamps, event(LATE, is_final=True, note="b"))
    assert stamps.fields == {"note": Stamp(LATE, final=True)}
    assert stamps.attributes == {"tag": Stamp(EARLY)}
