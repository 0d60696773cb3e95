"""Reports of calls: what is absent, present and present but empty, and what breaks a rule."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from leadline.v1 import call_pb2 as pb
from leadline_server.domain.call import Attestation, Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.domain.errors import InvalidRequest
from leadline_server.domain.merge import CallEvent, Stamps, merge
from leadline_server.wire.call import CALL, call_event
from leadline_server.wire.violations import Violations

lines = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
words = st.none() | lines
paragraphs = st.none() | lines.map(lambda text: f"{text}\n\t{text}")
ids = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=20)
epoch = datetime(1970, 1, 1, tzinfo=UTC)
# The very start of 1970 is how the contract clears a time.
times = st.none() | st.datetimes(timezones=st.just(UTC)).filter(lambda time: time != epoch)
addresses = st.none() | st.sampled_from(["https://example.com/a?b=c", "http://[2001:db8::1]:8080/x"])
parties = st.builds(Party, phone_number=words, name=words, extension=words, user_id=st.none() | ids)
results = st.none() | st.sampled_from(CallResult)
legs = st.builds(
    CallLeg,
    id=ids,
    user_id=st.none() | ids,
    party=parties,
    start_time=times,
    answer_time=times,
    end_time=times,
    result=results,
)
calls = st.builds(
    Call,
    id=ids,
    linked_id=st.none() | ids,
    direction=st.none() | st.sampled_from(CallDirection),
    caller=parties,
    callee=parties,
    start_time=times,
    answer_time=times,
    end_time=times,
    result=results,
    disposition=words,
    subject=words,
    note=paragraphs,
    recording_url=addresses,
    voicemail_url=addresses,
    summary=paragraphs,
    transcript=paragraphs,
    attestation=st.none() | st.sampled_from(Attestation),
    is_final=st.none() | st.booleans(),
    event_time=times,
    legs=st.lists(legs, max_size=3, unique_by=lambda leg: leg.id).map(
        lambda found: tuple(sorted(found, key=lambda leg: leg.id))
    ),
    attributes=st.dictionaries(ids, lines, max_size=3),
)


def read(message: pb.Call) -> CallEvent:
    check = Violations()
    event = call_event(check, "call", message)
    check.raise_any()
    return event


def violations(message: pb.Call) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as error:
        read(message)
    return {violation.field: violation.description for violation in error.value.violations}


@given(calls)
def test_a_call_that_is_written_read_and_merged_into_nothing_is_the_same_call(call: Call) -> None:
    wire = pb.Call.FromString(CALL.message(call).SerializeToString())
    assert merge(None, Stamps(), read(wire)).call == call


@given(calls, calls)
def test_reporting_a_merged_call_anew_changes_nothing(one: Call, other: Call) -> None:
    known = merge(one, Stamps(), read(CALL.message(replace(other, id=one.id))))
    again = pb.Call.FromString(CALL.message(known.call).SerializeToString())
    assert merge(known.call, known.stamps, read(again)).call == known.call


def test_an_absent_field_is_not_spoken_of() -> None:
    event = read(pb.Call(id="c1", caller=pb.Party(name="Ada"), callee=pb.Party()))
    assert event == CallEvent(call_id="c1", fields={"caller.name": "Ada"})


@pytest.mark.parametrize(
    ("cleared", "path"),
    [
        (pb.Call(linked_id=""), "linked_id"),
        (pb.Call(note=""), "note"),
        (pb.Call(recording_url=""), "recording_url"),
        (pb.Call(start_time=Timestamp()), "start_time"),
        (pb.Call(result=pb.CALL_RESULT_UNSPECIFIED), "result"),
        (pb.Call(attestation=pb.ATTESTATION_UNSPECIFIED), "attestation"),
        (pb.Call(caller=pb.Party(phone_number="")), "caller.phone_number"),
        (pb.Call(callee=pb.Party(extension="")), "callee.extension"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_that_is_present_and_empty_clears(cleared: pb.Call, path: str) -> None:
    cleared.id = "c1"
    assert read(cleared).fields == {path: None}


def test_an_empty_attribute_removes_its_key() -> None:
    assert read(pb.Call(id="c1", attributes={"queue": "", "skill": "x"})).attributes == {"queue": None, "skill": "x"}


def test_legs_are_told_apart_by_id_and_clear_field_by_field() -> None:
    legs_ = [
        pb.CallLeg(id="a", party=pb.Party(phone_number="101")),
        pb.CallLeg(id="b", user_id="", end_time=Timestamp()),
    ]
    assert read(pb.Call(id="c1", legs=legs_)).legs == {
        "a": {"party.phone_number": "101"},
        "b": {"user_id": None, "end_time": None},
    }


def test_what_is_said_of_the_report_itself_is_not_among_the_fields() -> None:
    event = read(pb.Call(id="c1", is_final=True, event_time=Timestamp(seconds=1)))
    assert event.fields == {}
    assert (event.is_final, event.event_time) == (True, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))


@pytest.mark.parametrize("text", ["", "anonymous", "no number \0 at all", "\N{SNOWMAN}", f"sip:{'9' * 252}"])
def test_no_text_that_fits_is_a_wrong_number_in_a_report(text: str) -> None:
    assert read(pb.Call(id="c1", caller=pb.Party(phone_number=text))).fields == {"caller.phone_number": text or None}


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (pb.Call(), "call.id"),
        (pb.Call(id=""), "call.id"),
        (pb.Call(id="c" * 129), "call.id"),
        (pb.Call(id="c\n1"), "call.id"),
        (pb.Call(id="c", linked_id="l" * 129), "call.linked_id"),
        (pb.Call(id="c", direction=pb.CALL_DIRECTION_UNSPECIFIED), "call.direction"),
        (pb.Call(id="c", disposition="d" * 257), "call.disposition"),
        (pb.Call(id="c", subject="two\nlines"), "call.subject"),
        (pb.Call(id="c\u202e1"), "call.id"),
        (pb.Call(id="c", linked_id="c\u200b"), "call.linked_id"),
        (pb.Call(id="c", caller=pb.Party(user_id="alice\ufeff")), "call.caller.user_id"),
        (pb.Call(id="c", legs=[pb.CallLeg(id="l\u2066")]), "call.legs[0].id"),
        (pb.Call(id="c", legs=[pb.CallLeg(id="l", user_id="a\u00adb")]), "call.legs[0].user_id"),
        (pb.Call(id="c", note="n" * 16_385), "call.note"),
        (pb.Call(id="c", note="bell \a"), "call.note"),
        (pb.Call(id="c", summary="s" * 16_385), "call.summary"),
        (pb.Call(id="c", transcript="t" * 262_145), "call.transcript"),
        (pb.Call(id="c", recording_url="ftp://example.com/a"), "call.recording_url"),
        (pb.Call(id="c", recording_url="javascript:alert(1)//https://example.com"), "call.recording_url"),
        (pb.Call(id="c", voicemail_url="https://"), "call.voicemail_url"),
        (pb.Call(id="c", voicemail_url="https://example.com/" + "a" * 2048), "call.voicemail_url"),
        (pb.Call(id="c", caller=pb.Party(phone_number="1" * 65)), "call.caller.phone_number"),
        (pb.Call(id="c", caller=pb.Party(phone_number="sip:" + "1" * 253)), "call.caller.phone_number"),
        (pb.Call(id="c", callee=pb.Party(name="n" * 257)), "call.callee.name"),
        (pb.Call(id="c", callee=pb.Party(extension="1" * 65)), "call.callee.extension"),
        (pb.Call(id="c", callee=pb.Party(user_id="u\t")), "call.callee.user_id"),
        (pb.Call(id="c", start_time=Timestamp(nanos=-1)), "call.start_time"),
        (pb.Call(id="c", answer_time=Timestamp(nanos=1_000_000_000)), "call.answer_time"),
        (pb.Call(id="c", end_time=Timestamp(seconds=253_402_300_800)), "call.end_time"),
        (pb.Call(id="c", event_time=Timestamp(seconds=-62_135_596_801)), "call.event_time"),
        (pb.Call(id="c", legs=[pb.CallLeg()]), "call.legs[0].id"),
        (pb.Call(id="c", legs=[pb.CallLeg(id="a"), pb.CallLeg(id="a")]), "call.legs[1].id"),
        (
            pb.Call(id="c", legs=[pb.CallLeg(id="a", party=pb.Party(phone_number="1" * 65))]),
            "call.legs[0].party.phone_number",
        ),
        (pb.Call(id="c", legs=[pb.CallLeg(id=str(i)) for i in range(65)]), "call.legs"),
        (pb.Call(id="c", attributes={str(i): "x" for i in range(65)}), "call.attributes"),
        (pb.Call(id="c", attributes={"": "x"}), 'call.attributes[""]'),
        (pb.Call(id="c", attributes={"k" * 65: "x"}), f'call.attributes["{"k" * 64}"]'),
        (pb.Call(id="c", attributes={"k": "x" * 1025}), 'call.attributes["k"]'),
    ],
)
def test_a_broken_rule_is_named_by_its_path(message: pb.Call, path: str) -> None:
    assert list(violations(message)) == [path]


@pytest.mark.parametrize(("number", "path"), [(3, "direction"), (9, "result"), (17, "attestation")])
def test_a_number_that_is_no_value_of_its_enum_is_a_violation(number: int, path: str) -> None:
    tag = (number << 3).to_bytes(1) if number < 16 else bytes([(number << 3) & 0x7F | 0x80, number >> 4])
    message = pb.Call.FromString(pb.Call(id="c").SerializeToString() + tag + b"\x63")
    assert violations(message) == {f"call.{path}": "99 is not a value of this enum."}


def test_all_broken_rules_are_named_together() -> None:
    message = pb.Call(note="\0", caller=pb.Party(name="\0"), legs=[pb.CallLeg()], recording_url="x")
    assert set(violations(message)) == {
        "call.id",
        "call.note",
        "call.caller.name",
        "call.legs[0].id",
        "call.recording_url",
    }


@pytest.mark.parametrize(
    ("message", "path", "value"),
    [
        (pb.Call(id="c", note="n" * 16_384), "note", "n" * 16_384),
        (pb.Call(id="c", summary="s" * 16_384), "summary", "s" * 16_384),
        (pb.Call(id="c", transcript="t" * 262_144), "transcript", "t" * 262_144),
        (pb.Call(id="c", disposition="d" * 256), "disposition", "d" * 256),
        (pb.Call(id="c", transcript="two\r\nlines\tlong"), "transcript", "two\r\nlines\tlong"),
        (pb.Call(id="c", recording_url="HTTPS://example.com"), "recording_url", "HTTPS://example.com"),
        (
            pb.Call(id="c", start_time=Timestamp(seconds=1, nanos=1999)),
            "start_time",
            "1970-01-01T00:00:01.000001+00:00",
        ),
    ],
    ids=[
        "longest note",
        "longest summary",
        "longest transcript",
        "longest disposition",
        "lines",
        "capitals",
        "nanoseconds are cut",
    ],
)
def test_what_is_just_allowed_passes(message: pb.Call, path: str, value: Any) -> None:
    found = read(message).fields[path]
    assert (found.isoformat() if isinstance(found, datetime) else found) == value
