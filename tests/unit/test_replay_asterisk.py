"""Rows of Asterisk's Master.csv, read one at a time."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from leadline_server.domain.call import CallDirection, CallResult, Party
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.replay.asterisk import read_caller_id
from leadline_server.replay.grouping import group
from leadline_server.replay.records import Ignored, Record, Skipped
from leadline_server.replay.rules import Rules
from unit.asterisk_records import FROM_101, RULES, UNIQUE_ID, line, read, read_all, record


def test_an_answered_inbound_call_has_its_parties_times_and_user() -> None:
    row = record()
    call = row.call
    assert (call.id, call.direction, call.result) == (UNIQUE_ID, CallDirection.INBOUND, CallResult.ANSWERED)
    assert call.caller == Party(phone_number="2125550123", name="Ada Example")
    assert call.callee == Party(extension="101", user_id="alice")
    assert call.start_time == datetime(2026, 11, 4, 10, 0, 0, tzinfo=UTC)
    assert call.answer_time == datetime(2026, 11, 4, 10, 0, 5, tzinfo=UTC)
    assert call.end_time == datetime(2026, 11, 4, 10, 1, 5, tzinfo=UTC)
    assert row.user_id == row.leg.user_id == "alice"


DIRECTIONS = {
    "a number calls an extension": ({}, CallDirection.INBOUND),
    "an extension calls a number": (FROM_101 | {"dst": "4155550123"}, CallDirection.OUTBOUND),
    "an extension calls an extension": (FROM_101 | {"dst": "102", "dstchannel": "PJSIP/102-1"}, CallDirection.INTERNAL),
    "a phone that shows the company's number calls out": (
        FROM_101 | {"src": "2125550100", "dst": "4155550123"},
        CallDirection.OUTBOUND,
    ),
    "the main number rings an extension": ({"dst": "2125550100"}, CallDirection.INBOUND),
    "a feature code stays inside": (FROM_101 | {"dst": "*97", "dstchannel": ""}, CallDirection.INTERNAL),
    "a call to 911 goes out": (FROM_101 | {"dst": "911"}, CallDirection.OUTBOUND),
    "a number reaches the start extension": ({"dst": "s", "dstchannel": ""}, CallDirection.INBOUND),
    "a withheld number calls an extension": ({"src": "", "clid": ""}, CallDirection.INBOUND),
    "the context from-trunk comes from outside": (
        {"dst": "2125550100", "dstchannel": "", "dcontext": "from-trunk-sip-7"},
        CallDirection.INBOUND,
    ),
    "a context named by the person beats the numbers": (FROM_101 | {"dcontext": "House"}, CallDirection.INBOUND),
    "two outside numbers tell nothing": ({"dst": "2125550100", "dstchannel": ""}, None),
}


@pytest.mark.parametrize(("columns", "direction"), DIRECTIONS.values(), ids=DIRECTIONS.keys())
def test_the_direction_follows_the_context_then_the_sides(
    columns: dict[str, str], direction: CallDirection | None
) -> None:
    assert record(**columns).call.direction is direction


RESULTS = {
    "answered": ({"disposition": "ANSWERED"}, CallResult.ANSWERED),
    "no answer": ({"disposition": "NO ANSWER"}, CallResult.NO_ANSWER),
    "busy": ({"disposition": "BUSY"}, CallResult.BUSY),
    "failed": ({"disposition": "FAILED"}, CallResult.FAILED),
    "congestion": ({"disposition": "CONGESTION"}, CallResult.FAILED),
    "cancelled": ({"disposition": "CANCEL"}, CallResult.CANCELED),
    "the mailbox answered": ({"lastapp": "VoiceMail", "lastdata": "101@default,u"}, CallResult.VOICEMAIL),
    "hung up on the greeting": ({"lastapp": "Voicemail", "disposition": "NO ANSWER"}, CallResult.VOICEMAIL),
    "the queue answered, no person": (
        {"dst": "600", "lastapp": "Queue", "dstchannel": ""},
        CallResult.NO_ANSWER,
    ),
    "a queue member answered": ({"dst": "600", "lastapp": "Queue"}, CallResult.ANSWERED),
    "listening to one's own mailbox": (
        FROM_101 | {"dst": "*97", "dstchannel": "", "lastapp": "VoiceMailMain"},
        CallResult.ANSWERED,
    ),
}


@pytest.mark.parametrize(("columns", "result"), RESULTS.values(), ids=RESULTS.keys())
def test_the_result_follows_disposition_and_application(columns: dict[str, str], result: CallResult) -> None:
    assert record(**columns).call.result is result


def test_a_call_that_voicemail_took_has_no_answer_time() -> None:
    assert record(lastapp="VoiceMail").call.answer_time is None


OWNERS = {
    "the extension that rang": ({}, "alice"),
    "the extension behind the main number": ({"dst": "2125550100", "dstchannel": "PJSIP/102-0000000a"}, "bob"),
    "the member behind a queue": ({"dst": "600", "dstchannel": "Local/102@from-queue-0000000a;1"}, "bob"),
    "the owner of the mailbox": (
        {"dst": "2125550100", "dcontext": "from-trunk", "dstchannel": "", "lastapp": "VoiceMail", "lastdata": "u102"},
        "bob",
    ),
    "the caller, when calling out": (FROM_101 | {"dst": "4155550123"}, "alice"),
    "the caller, among colleagues": (FROM_101 | {"dst": "102", "dstchannel": "PJSIP/102-2"}, "alice"),
    "nobody, for an extension without a user": ({"dst": "105", "dstchannel": "PJSIP/105-2"}, None),
}


@pytest.mark.parametrize(("columns", "user"), OWNERS.values(), ids=OWNERS.keys())
def test_the_user_is_whose_extension_it_is(columns: dict[str, str], user: str | None) -> None:
    assert record(**columns).user_id == user


def test_an_outbound_call_shows_the_number_dialled_and_the_phone_it_came_from() -> None:
    call = record(**FROM_101, dst="4155550123").call
    assert call.caller == Party(name="Alice", extension="101", user_id="alice")
    assert call.callee == Party(phone_number="4155550123")


CALLER_IDS = {
    '"Ada Example" <2125550123>': ("Ada Example", "2125550123"),
    '"" <+12125550123>': ("", "+12125550123"),
    "<2125550123>": ("", "2125550123"),
    "Ada Example <2125550123>": ("Ada Example", "2125550123"),
    '"WIRELESS CALLER" <2125550123>': ("WIRELESS CALLER", "2125550123"),
    '"say "hi"" <2125550123>': ('say "hi"', "2125550123"),
    "2125550123": ("", "2125550123"),
    "Anonymous": ("Anonymous", ""),
    '"" <>': ("", ""),
    "": ("", ""),
}


@pytest.mark.parametrize(("clid", "expected"), CALLER_IDS.items(), ids=CALLER_IDS.keys())
def test_a_caller_id_falls_into_name_and_number(clid: str, expected: tuple[str, str]) -> None:
    assert read_caller_id(clid) == expected


def test_a_caller_without_src_is_taken_from_the_caller_id() -> None:
    assert record(src="").call.caller.phone_number == "2125550123"


def test_a_withheld_caller_has_no_number() -> None:
    assert record(src="", clid='"Anonymous" <>').call.caller == Party(name="Anonymous")


def test_the_columns_after_the_sixteenth_are_told_apart() -> None:
    assert record(UNIQUE_ID).call.id == UNIQUE_ID
    assert record("pbx1-1793786400.17").call.id == "pbx1-1793786400.17"
    assert record("a note").call.attributes["userfield"] == "a note"
    both = record(UNIQUE_ID, "a note", "", "1793786400.16", "9").call
    assert (both.id, both.linked_id, both.attributes["userfield"]) == (UNIQUE_ID, "1793786400.16", "a note")


def test_a_row_without_unique_id_gets_the_same_id_every_time_and_another_row_another() -> None:
    first, again = read(line()), read(line())
    other = read(line(end="2026-11-04 10:01:06", duration="66", billsec="61"))
    assert isinstance(first, Record)
    assert isinstance(again, Record)
    assert isinstance(other, Record)
    assert first.call.id.startswith("cdr-")
    assert first.call.id == again.call.id != other.call.id
    assert first.leg.id == again.leg.id != other.leg.id


def test_the_inner_half_of_a_local_channel_is_no_call_of_its_own() -> None:
    row = read(line("1793786401.18", "", channel="Local/101@from-queue-0000000a;2"))
    (item,) = group([row], "")
    assert isinstance(item, Ignored)


def test_the_inner_half_becomes_a_leg_where_the_linked_id_names_its_call() -> None:
    row = record("1793786401.18", "", "", UNIQUE_ID, "3", channel="Local/101@from-queue-0000000a;2")
    assert (row.is_piece, row.call.id) == (True, UNIQUE_ID)


def test_a_local_channel_that_calls_out_is_a_call() -> None:
    row = record(channel="Local/101@click-to-call-0000000a;2", src="101", dst="4155550123", dstchannel="PJSIP/trunk-2")
    assert row.call.direction is CallDirection.OUTBOUND


BAD = {
    "too few columns": ('"a","b"\n', "2 columns"),
    "too many columns": (line(*["x"] * 6), "22 columns"),
    "an open quote": ('"","2125550123","101\n', "not a CSV row"),
    "no start time": (line(start=""), "start time is missing"),
    "a day that does not exist": (line(start="2026-11-31 10:00:00"), "is no time"),
    "an end before the start": (line(end="2026-11-04 09:00:00"), "before the start"),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_row_is_left_out_with_its_reason(text: str, reason: str) -> None:
    row = read(text)
    assert isinstance(row, Skipped)
    assert reason in row.reason


def test_a_bad_row_spoils_no_other_row_and_is_told_by_its_line() -> None:
    text = line(UNIQUE_ID) + '"","2125550123","101\n' + "\n" + line("1793786401.18")
    rows = read_all(text)
    assert [(type(row).__name__, row.line) for row in rows] == [("Record", 1), ("Skipped", 2), ("Record", 4)]


COSTLY_ONLY_TO_ITSELF = {
    "an unknown disposition": ({"disposition": "PERHAPS"}, "unknown disposition 'PERHAPS'"),
    "a duration in words": ({"duration": "a minute"}, "not a number of seconds"),
    "a billsec in words": ({"billsec": "long"}, "billsec 'long' is not a number of seconds"),
    "an answer that is no time": ({"answer": "soon"}, "answer: 'soon' is no time"),
    "an end that does not exist": ({"end": "2026-11-31 10:00:00"}, "end: '2026-11-31 10:00:00' is no time"),
}


@pytest.mark.parametrize(("columns", "reason"), COSTLY_ONLY_TO_ITSELF.values(), ids=COSTLY_ONLY_TO_ITSELF.keys())
def test_a_value_that_cannot_be_read_is_named_and_costs_no_more_than_itself(
    columns: dict[str, str], reason: str
) -> None:
    row = record(**columns)
    assert len(row.notes) == 1
    assert reason in row.notes[0]
    assert row.call.caller.phone_number == "2125550123"


def test_an_unknown_disposition_is_kept_in_its_own_words() -> None:
    call = record(disposition="PERHAPS").call
    assert (call.result, call.attributes["asterisk_disposition"]) == (None, "PERHAPS")


@pytest.mark.parametrize("extension", ["911", "9"])
def test_an_extension_with_a_user_is_one_whatever_it_looks_like(extension: str) -> None:
    row = read(line(dst=extension, dstchannel=""), replace(RULES, users={extension: "alice"}))
    assert isinstance(row, Record)
    assert row.user_id == "alice"


LUXEMBOURG = replace(RULES, numbering=NumberingRules("LU"), inbound_contexts=())
MASKED = replace(RULES, numbering=NumberingRules("US", "1xx,2xxx"), inbound_contexts=())


@pytest.mark.parametrize(
    ("columns", "rules", "direction"),
    [
        pytest.param({"src": "221236"}, LUXEMBOURG, CallDirection.INBOUND, id="a caller with six digits in Luxembourg"),
        pytest.param(FROM_101 | {"dst": "221237"}, LUXEMBOURG, CallDirection.OUTBOUND, id="a callee with six digits"),
        pytest.param(FROM_101 | {"dst": "22123"}, LUXEMBOURG, CallDirection.INTERNAL, id="five digits in Luxembourg"),
        pytest.param(FROM_101 | {"dst": "2345"}, MASKED, CallDirection.INTERNAL, id="digits that a mask takes"),
        pytest.param(FROM_101 | {"dst": "3456"}, MASKED, CallDirection.OUTBOUND, id="digits that no mask takes"),
        pytest.param(FROM_101 | {"dst": "411"}, RULES, CallDirection.OUTBOUND, id="a service code"),
        pytest.param(
            FROM_101 | {"dst": "14020"},
            replace(RULES, numbering=NumberingRules("NL")),
            CallDirection.OUTBOUND,
            id="a published short number",
        ),
        pytest.param(
            FROM_101 | {"dst": "*2700"},
            replace(RULES, numbering=NumberingRules("IL")),
            CallDirection.OUTBOUND,
            id="a published star number",
        ),
    ],
)
def test_the_accounts_rules_for_numbers_tell_what_is_an_extension(
    columns: dict[str, str], rules: Rules, direction: CallDirection
) -> None:
    row = read(line(**columns), rules)
    assert isinstance(row, Record), row
    assert row.call.direction is direction
