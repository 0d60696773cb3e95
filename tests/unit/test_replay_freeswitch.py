"""Call detail records of FreeSWITCH and FusionPBX."""

import json
from typing import Any

import pytest
from leadline_server.domain.call import CallResult, Party
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.records import Skipped
from support.call_records import calls, clock, read, records
from unit.record_files import INBOUND, OUTBOUND, one

UUIDS = [f"3c6f0b1e-0000-4000-8000-00000000000{number}" for number in range(1, 4)]


def freeswitch(
    name: str = "ROE",
    answer: str = "2026-10-05 10:00:05",
    cause: str = "NORMAL_CLEARING",
    leg: int = 0,
    other: str = "",
) -> str:
    times = f'"2026-10-05 10:00:00","{answer}","2026-10-05 10:01:05","65","{60 if answer else 0}"'
    return f'"{name}","2025550602","101","public",{times},"{cause}","{UUIDS[leg]}","{other}","acc"'


TEMPLATES = {
    "example": freeswitch() + ',"PCMU","PCMU"',
    "snom": freeswitch().replace(',"acc"', ', "acc"') + ',"PCMU","PCMU","ua","","","","/rec.wav"',
    "sql": "INSERT INTO cdr VALUES (" + freeswitch() + ");",  # noqa: S608 what a phone system writes, no query
    "asterisk": (
        '"acc","2025550602","101","public","""ROE"" <2025550602>","sofia/external/2025550602@192.0.2.4",'
        '"sofia/internal/101@192.0.2.5:5060","bridge","user/101","2026-10-05 10:00:00","2026-10-05 10:00:05",'
        f'"2026-10-05 10:01:05","65","60","NORMAL_CLEARING","DOCUMENTATION","{UUIDS[0]}",""'
    ),
}


@pytest.mark.parametrize("row", TEMPLATES.values(), ids=TEMPLATES.keys())
@pytest.mark.parametrize("record_format", [RecordFormat.AUTO, RecordFormat.FREESWITCH])
def test_the_templates_of_mod_cdr_csv_are_read(row: str, record_format: RecordFormat) -> None:
    found = one(f"{row}\n", record_format)
    assert (found.call.id, found.call.caller) == (UUIDS[0], Party(phone_number="2025550602", name="ROE"))
    assert (found.call.direction, found.call.callee.extension, found.user_id) == (INBOUND, "101", "alice")
    assert (found.call.result, clock(found.call)) == (CallResult.ANSWERED, "10:00:00 10:00:05 10:01:05")
    assert found.call.attributes["accountcode"] == "acc"


CAUSES = {
    ("2026-10-05 10:00:05", "NORMAL_CLEARING"): CallResult.ANSWERED,
    ("", "NORMAL_CLEARING"): CallResult.NO_ANSWER,
    ("", "ORIGINATOR_CANCEL"): CallResult.CANCELED,
    ("", "NO_ANSWER"): CallResult.NO_ANSWER,
    ("", "USER_BUSY"): CallResult.BUSY,
    ("", "CALL_REJECTED"): CallResult.REJECTED,
    ("", "UNALLOCATED_NUMBER"): CallResult.FAILED,
}


@pytest.mark.parametrize(("told", "result"), CAUSES.items(), ids=str)
def test_a_hangup_cause_is_read_by_its_meaning(told: tuple[str, str], result: CallResult) -> None:
    answer, cause = told
    assert one(freeswitch(answer=answer, cause=cause) + "\n").call.result is result


def test_a_name_whose_quotes_are_not_doubled_is_read() -> None:
    assert one(freeswitch(name='ROE "JJ" JANE') + "\n").call.caller.name == 'ROE "JJ" JANE'


def test_both_legs_of_a_freeswitch_call_are_one_call() -> None:
    rows = [freeswitch(leg=0, other=UUIDS[1]), freeswitch(leg=1, other=UUIDS[0]), freeswitch(leg=2)]
    both, other = calls("\n".join(rows) + "\n")
    assert (both.call.id, len(both.call.legs), both.lines) == (UUIDS[0], 2, (1, 2))
    assert (other.call.id, other.lines) == (UUIDS[2], (3,))


def document(**variables: str) -> dict[str, Any]:
    base = {"uuid": UUIDS[0], "start_epoch": "1791208800", "end_epoch": "1791208865", "duration": "65", "billsec": "0"}
    profile = {
        "caller_id_name": "ROE",
        "caller_id_number": "2025550602",
        "destination_number": "101",
        "context": "public",
    }
    return {"variables": {**base, "hangup_cause": "NO_ANSWER", **variables}, "callflow": [{"caller_profile": profile}]}


LAYOUTS = {
    "one a line": lambda documents: "\n".join(json.dumps(each) for each in documents),
    "one after the other": lambda documents: "".join(json.dumps(each) for each in documents),
    "an array": json.dumps,
    "an array over lines": lambda documents: json.dumps(documents, indent=2),
    "indented": lambda documents: "\n".join(json.dumps(each, indent=1) for each in documents),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_documents_are_read_however_they_stand_in_the_file(layout: Any) -> None:
    found = records(layout([document(), document(uuid=UUIDS[1])]))
    assert [record.call.id for record in found] == UUIDS[:2]
    assert {record.call.result for record in found} == {CallResult.NO_ANSWER}


def test_a_document_that_is_cut_off_or_no_call_spoils_no_other() -> None:
    whole = json.dumps(document())
    rows = read(f'{whole[:200]}\n{whole}\nno document\n{{"a": 1}}\n{{"variables": NaN, }}\n{whole[:-1]}')
    assert [type(row).__name__ for row in rows] == ["Skipped", "Record", "Skipped", "Skipped", "Skipped", "Skipped"]
    reasons = [row.reason for row in rows if isinstance(row, Skipped)]
    assert reasons[0] == reasons[-1] == "a document that is cut off"
    assert reasons[2] == "no variables; not a document of mod_json_cdr"


def test_the_b_leg_of_a_document_is_a_leg_of_its_a_leg() -> None:
    text = json.dumps(document()) + json.dumps(document(uuid=UUIDS[1], originator=UUIDS[0]))
    (call,) = calls(text)
    assert (call.call.id, {leg.id for leg in call.call.legs}) == (UUIDS[0], set(UUIDS[:2]))


def test_a_voicemail_of_freeswitch_is_one() -> None:
    assert one(json.dumps(document(last_app="voicemail", billsec="20"))).call.result is CallResult.VOICEMAIL


def test_the_direction_of_fusionpbx_beats_the_sides() -> None:
    assert one(json.dumps(document(call_direction="outbound"))).call.direction is OUTBOUND


def test_a_missed_clock_says_nothing_and_the_epoch_needs_no_zone() -> None:
    call = one(json.dumps(document(answer_epoch="0", answer_stamp=""))).call
    assert call.answer_time is None
    assert call.event_time == call.end_time


def test_the_extension_behind_a_dialled_number_has_the_call() -> None:
    sent = document(last_sent_callee_id_number="101")
    sent["callflow"][0]["caller_profile"]["destination_number"] = "12025550100"
    transferred = {**document(), "callflow": [*document()["callflow"], *sent["callflow"]]}
    for text in (json.dumps(sent), json.dumps(transferred)):
        found = one(text)
        assert (found.call.direction, found.call.callee.phone_number, found.user_id) == (
            INBOUND,
            "12025550100",
            "alice",
        )


def test_an_emergency_number_is_no_extension() -> None:
    dialled = document()
    dialled["callflow"][0]["caller_profile"] |= {"caller_id_number": "101", "destination_number": "911", "context": "x"}
    call = one(json.dumps(dialled)).call
    assert (call.direction, call.callee.phone_number) == (OUTBOUND, "911")
