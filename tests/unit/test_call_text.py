"""A call in words: complete, readable, and never in the way of what people write beside it."""

import html
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.crm.toolkit.call_text import (
    BEGIN,
    END,
    Style,
    body_of,
    duration_of,
    note_in,
    subject_of,
    updated_body,
)
from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.domain.call import Attestation, Call, CallDirection, CallResult, Party
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import LogEntry

START = datetime(2026, 3, 4, 17, 6, 7, tzinfo=UTC)

CALL = Call(
    id="call-1",
    direction=CallDirection.INBOUND,
    caller=Party(phone_number="+14155550123", name="Ada Lovelace"),
    callee=Party(extension="101", user_id="alice"),
    start_time=START,
    answer_time=START + timedelta(seconds=5),
    end_time=START + timedelta(seconds=3725),
    result=CallResult.ANSWERED,
    disposition="Wants an offer",
    note="Call back on Monday.",
    recording_url="https://pbx.example.com/r/1",
    voicemail_url="https://pbx.example.com/v/1",
    summary="She wants an offer.",
    transcript="Hello?\nHello!",
    attestation=Attestation.A,
    attributes={"Queue": "sales"},
)


def entry(call: Call = CALL) -> LogEntry:
    return LogEntry(
        call=call, contact_id="1", user_id="alice", crm_user_id="", number="+14155550123", fallback_time=START
    )


def body(call: Call = CALL, zone: str = "America/New_York", **style: object) -> str:
    return body_of(entry(call), zone, Style(**style))  # type: ignore[arg-type]


def test_a_body_says_all_that_is_known_in_the_accounts_time() -> None:
    assert body().split("\n") == [
        BEGIN,
        "Inbound call from Ada Lovelace (+14155550123)",
        "From: Ada Lovelace (+14155550123)",
        "To: 101",
        "Start: 2026-03-04 12:06:07 EST",
        "End: 2026-03-04 13:08:12 EST",
        "Duration: 1 h 2 min 0 s",
        "Result: Answered",
        "Outcome: Wants an offer",
        "Caller verification: A (full)",
        "Recording: https://pbx.example.com/r/1",
        "Voicemail: https://pbx.example.com/v/1",
        "Queue: sales",
        "Note: Call back on Monday.",
        "Summary: She wants an offer.",
        "Transcript: Hello?",
        "Hello!",
        "Call id: call-1",
        END,
    ]


def test_what_is_not_known_is_not_mentioned() -> None:
    bare = Call(id="call-2", direction=CallDirection.OUTBOUND, callee=Party(phone_number="+14155550123"))
    assert body(bare, "UTC").split("\n") == [
        BEGIN,
        "Outbound call to +14155550123",
        "To: +14155550123",
        "Start: 2026-03-04 17:06:07 UTC",
        "Call id: call-2",
        END,
    ]


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({}, "Inbound call from Ada Lovelace (+14155550123)"),
        ({"subject": "Offer"}, "Offer"),
        ({"direction": CallDirection.OUTBOUND}, "Outbound call to +14155550123"),
        ({"direction": CallDirection.INTERNAL}, "Internal call with Ada Lovelace (+14155550123)"),
        ({"caller": Party(name=" ")}, "Inbound call from +14155550123"),
        ({"caller": Party(name="+14155550123")}, "Inbound call from +14155550123"),
    ],
)
def test_a_subject_says_who_called_whom(change: dict[str, object], subject: str) -> None:
    assert subject_of(entry(replace(CALL, **change))) == subject  # type: ignore[arg-type]


def test_a_long_subject_is_shortened() -> None:
    assert subject_of(entry(replace(CALL, subject="x" * 300)), 80) == "x" * 77 + "..."


@pytest.mark.parametrize(
    ("change", "seconds"),
    [
        ({}, 3720),
        ({"end_time": None}, None),
        ({"end_time": START}, 0),
        ({"answer_time": None, "result": CallResult.NO_ANSWER}, 0),
        ({"answer_time": None, "result": None}, None),
        ({"answer_time": None}, None),
    ],
)
def test_a_duration_is_the_time_talked(change: dict[str, object], seconds: int | None) -> None:
    assert duration_of(replace(CALL, **change)) == (  # type: ignore[arg-type]
        None if seconds is None else timedelta(seconds=seconds)
    )


def test_an_update_leaves_what_people_wrote() -> None:
    first, second = body(), body(replace(CALL, note="Done."))
    text = f"Before.\n{first}\nAfter: === a line ==="
    assert updated_body(text, second) == f"Before.\n{second}\nAfter: === a line ==="


def test_a_line_that_people_copied_before_the_body_ends_nothing() -> None:
    first, second = body(), body(replace(CALL, note="Done."))
    assert updated_body(f"{END} is where it ends.\n{first}", second) == f"{END} is where it ends.\n{second}"


@pytest.mark.parametrize("gone", [BEGIN, END])
def test_a_text_that_people_took_over_is_theirs(gone: str) -> None:
    text = body().replace(gone, "")
    assert updated_body(text, body(replace(CALL, note="Done."))) == text


def test_what_callers_are_called_is_no_markup() -> None:
    written = body(
        replace(CALL, caller=Party(name="<script>alert(1)</script>", phone_number="+14155550123")), is_html=True
    )
    assert "<script>" not in written
    assert html.unescape(written.split("<br>")[1]) == "Inbound call from <script>alert(1)</script> (+14155550123)"


def test_the_lines_of_a_note_are_lines_in_html_too() -> None:
    written = body(replace(CALL, note="One\nTwo & three"), is_html=True)
    assert "<br>Note: One<br>Two &amp; three<br>" in written
    assert "\n" not in written


@given(note=st.text(), name=st.text(max_size=40), is_html=st.booleans())
def test_nothing_that_is_said_ends_the_body(note: str, name: str, is_html: bool) -> None:  # noqa: FBT001 - given by name
    call = replace(CALL, note=f"{note}{END}{note}={BEGIN}=={END}=", caller=Party(name=name))
    first, second = body(call, is_html=is_html), body(is_html=is_html)
    assert updated_body(f"a {first} z", second) == f"a {second} z"


@given(
    transcript=st.text(min_size=200, max_size=3_000),
    note=st.text(max_size=500),
    is_html=st.booleans(),
    limit=st.integers(700, 2_500),
)
def test_a_body_keeps_to_its_limit(transcript: str, note: str, is_html: bool, limit: int) -> None:  # noqa: FBT001 - given by name
    call = Call(id="call-1", transcript=transcript, note=note, summary="short")
    written = body(call, is_html=is_html, limit=limit)
    assert len(written) <= limit
    assert written.startswith(BEGIN)
    assert written.endswith(END)
    assert "Call id: call-1" in written


def test_markup_counts_as_it_is_written() -> None:
    written = body(Call(id="call-1", transcript="<&>" * 1_000), is_html=True, limit=1_000)
    assert 900 < len(written) <= 1_000
    assert written.endswith(END)


def test_what_a_person_wrote_is_shortened_last() -> None:
    call = Call(id="call-1", transcript="t" * 2_000, summary="s" * 300, note="n" * 300)
    only_transcript, both = body(call, limit=1_500), body(call, limit=700)
    assert "s" * 300 in only_transcript
    assert "n" * 300 in only_transcript
    assert "s" * 300 not in both
    assert "n" * 300 in both


def test_a_number_is_asked_for_in_every_form() -> None:
    number = parse_number("+442079460123", "US")
    assert number_forms(number, ["(##) #### ####", "###"]) == (
        "+442079460123",
        "442079460123",
        "02079460123",
        "2079460123",
        "(20) 7946 0123",
    )
    assert number_forms(parse_number("+14155550123", "US")) == ("+14155550123", "14155550123", "4155550123")
    assert number_forms(parse_number("101", "US"), ["###"]) == ("101",)
    assert number_forms(parse_number("anonymous", "US")) == ()


def test_a_name_with_line_breaks_stays_on_its_line() -> None:
    forged = replace(CALL, caller=Party(phone_number="+12025550147", name="Ada\nNote: forged"), note="A note")
    assert "Note: A note" in body_of(entry(forged), "UTC", Style()).splitlines()
    assert "Note: forged" not in body_of(entry(forged), "UTC", Style()).splitlines()


def test_an_attribute_never_takes_the_place_of_a_field() -> None:
    lines = body_of(entry(replace(CALL, note="A note", attributes={"Note": "other"})), "UTC", Style()).splitlines()
    assert [line for line in lines if "Note: " in line] == ["Attribute Note: other", "Note: A note"]


def test_what_callers_and_phone_systems_say_makes_no_lines_of_its_own() -> None:
    forged = "x\nNote: forged"
    call = replace(CALL, id=forged, disposition=forged, recording_url=forged, attributes={forged: forged})
    assert "Note: forged" not in body(call).splitlines()


def test_attributes_stand_in_their_order() -> None:
    lines = body(replace(CALL, attributes={"Zone": "1", "Agent": "2", "Queue": "3"})).splitlines()
    first = lines.index("Agent: 2")
    assert lines[first : first + 4] == ["Agent: 2", "Queue: 3", "Zone: 1", "Note: Call back on Monday."]


@pytest.mark.parametrize("is_html", [False, True])
@pytest.mark.parametrize("note", ["One line.", "One\n\nTwo: <b>&amp;</b>\nThree", " === "])
@pytest.mark.parametrize("others", [{}, {"summary": None}, {"summary": None, "transcript": None}])
def test_a_note_is_read_from_a_body_among_what_people_wrote(is_html: bool, note: str, others: dict[str, None]) -> None:  # noqa: FBT001 - of pytest
    written = body(replace(CALL, note=note, **others), is_html=is_html)  # type: ignore[arg-type]
    break_ = "<br>" if is_html else "\n"
    text = f"Note: ours{break_}{written}{break_}Note: theirs"
    assert note_in(text, Style(is_html=is_html)) == note.replace("===", "==")


@pytest.mark.parametrize("gone", ["Note: Call back on Monday.\n", BEGIN, END])
def test_there_is_no_note_without_its_line_or_its_body(gone: str) -> None:
    assert note_in(body().replace(gone, ""), Style()) == ""
