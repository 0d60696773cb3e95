"""Forms of call records: column sets, headers, delimiters, encodings, documents."""

import json
from dataclasses import replace
from typing import Any

import pytest
from leadline_server.domain.call import CallDirection, CallResult, Party
from leadline_server.replay.clock_texts import DateOrder
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.records import Record, Skipped, UnusableFile
from support.call_records import RULES, calls, clock, read, records

INBOUND, OUTBOUND = CallDirection.INBOUND, CallDirection.OUTBOUND
ID = "1791213000.101"
FIELDS = (
    *('""', '"2025550308"', '"101"', '"from-trunk"', '"""ROE Z"" <2025550308>"', '"PJSIP/trunk-000000e1"'),
    *('"PJSIP/101-000000e2"', '"Dial"', '"x"', '"2026-10-05 11:10:00"', '"2026-10-05 11:10:05"'),
    *('"2026-10-05 11:11:00"', "60", "55", '"ANSWERED"', '"DOCUMENTATION"'),
)
BASE = ",".join(FIELDS)
ROW = f'{BASE},"{ID}",""\n'


def one(data: bytes | str, record_format: RecordFormat = RecordFormat.AUTO) -> Record:
    (found,) = records(data, record_format=record_format)
    return found


COLUMN_SETS = {
    "16": ("", None, None, None),
    "17 with the id": (f',"{ID}"', ID, None, None),
    "17 with the user field": (',"note"', None, "note", None),
    "18": (f',"{ID}","note"', ID, "note", None),
    "19": (f',"","{ID}",7', None, None, ID),
    "20 with the id": (f',"{ID}","","{ID}",7', ID, None, ID),
    "20 with the user field": (f',"note","","{ID}",7', None, "note", ID),
    "21": (f',"{ID}","note","peer","{ID}",7', ID, "note", ID),
    "18 and empty cells that a spreadsheet added": (f',"{ID}","note",,,,,,', ID, "note", None),
}


@pytest.mark.parametrize(("extra", "call_id", "note", "linked_id"), COLUMN_SETS.values(), ids=COLUMN_SETS.keys())
def test_every_column_set_of_master_csv_is_read(
    extra: str, call_id: str | None, note: str | None, linked_id: str | None
) -> None:
    call = one(f"{BASE}{extra}\n").call
    assert call.id == call_id or (call_id is None and call.id.startswith("cdr-"))
    assert (call.attributes.get("userfield"), call.linked_id) == (note, linked_id)
    assert clock(call) == "11:10:00 11:10:05 11:11:00"


def test_the_mapping_of_cdr_custom_is_read() -> None:
    order = (4, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0)
    call = one(",".join(FIELDS[place] for place in order) + f',"{ID}","note",5\n').call
    assert (call.id, call.caller.name, clock(call)) == (ID, "ROE Z", "11:10:00 11:10:05 11:11:00")


MYSQL = (
    *("calldate", "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "duration"),
    *("billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield"),
)
MYSQL_CELLS = (
    *("2026-10-05 11:10:00", '"ROE Z" <2025550308>', "2025550308", "101", "from-trunk", "PJSIP/trunk-1", "PJSIP/101-2"),
    *("Dial", "x", "60", "55", "ANSWERED", "3", "NULL", ID, "NULL"),
)
DUMPS = {
    "mysql --batch": ("\t".join(MYSQL), "\t".join(MYSQL_CELLS)),
    "phpMyAdmin": (
        ";".join(f'"{name}"' for name in MYSQL),
        ";".join("NULL" if cell == "NULL" else '"' + cell.replace('"', '\\"') + '"' for cell in MYSQL_CELLS),
    ),
    "SELECT INTO OUTFILE": (
        ",".join(MYSQL),
        ",".join("\\N" if cell == "NULL" else '"' + cell.replace('"', '\\"') + '"' for cell in MYSQL_CELLS),
    ),
    "capitals": (",".join(MYSQL).upper(), ",".join('"' + cell.replace('"', '""') + '"' for cell in MYSQL_CELLS)),
}


@pytest.mark.parametrize(("header", "row"), DUMPS.values(), ids=DUMPS.keys())
def test_a_dump_of_the_database_is_read_by_its_header(header: str, row: str) -> None:
    call = one(f"{header}\n{row}\n").call
    assert (call.id, call.caller) == (ID, Party(phone_number="2025550308", name="ROE Z"))
    assert (call.result, clock(call)) == (CallResult.ANSWERED, "11:10:00 11:10:05 11:11:00")
    assert call.attributes.keys() == {"asterisk_context", "asterisk_dst"}


def test_a_report_of_issabel_is_read_by_its_header() -> None:
    inbound, outbound = records(
        '"Date","Source","Ring Group","Destination","Src. Channel","Account Code","Dst. Channel","Status","Duration"\n'
        '"2026-10-05 11:40:00","2025550323","","101","PJSIP/trunk-1","","PJSIP/101-2","ANSWERED","65s (1m 5s)"\n'
        '"2026-10-05 11:41:00","101","","2025550399","PJSIP/101-3","","PJSIP/trunk-4","NO ANSWER","0s"\n'
    )
    assert (inbound.call.direction, clock(inbound.call)) == (INBOUND, "11:40:00 - 11:41:05")
    assert (outbound.call.direction, outbound.call.callee.phone_number) == (OUTBOUND, "2025550399")


ENCODINGS = {
    "utf-8": ROW.replace("ROE Z", "Jörg Müller").encode(),
    "utf-8 with a byte order mark": ROW.replace("ROE Z", "Jörg Müller").encode("utf-8-sig"),
    "latin-1": ROW.replace("ROE Z", "Jörg Müller").encode("latin-1"),
    "utf-16": ROW.replace("ROE Z", "Jörg Müller").encode("utf-16"),
    "utf-16, the other way around": b"\xfe\xff" + ROW.replace("ROE Z", "Jörg Müller").encode("utf-16-be"),
}


@pytest.mark.parametrize("data", ENCODINGS.values(), ids=ENCODINGS.keys())
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_encodings_and_line_ends_are_told_apart(data: bytes, end: str) -> None:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        code = "utf-16-le" if data[:2] == b"\xff\xfe" else "utf-16-be"
        if end == "\r":
            return  # UTF-16 comes from Windows
        data = data.replace("\n".encode(code), end.encode(code))
    else:
        data = data.replace(b"\n", end.encode())
    assert one(data).call.caller.name == "Jörg Müller"


def test_one_file_may_have_names_in_both_encodings() -> None:
    names = [("Jörg", "utf-8"), ("Jörg", "latin-1"), ("Olé \u201ctwo\u201d \u20ac", "cp1252"), ("Łukasz", "utf-8")]
    data = b"".join(
        ROW.replace("ROE Z", name).replace(ID, f"1791213000.{number}").encode(encoding)
        for number, (name, encoding) in enumerate(names)
    )
    assert [record.call.caller.name for record in records(data)] == [name for name, _ in names]


CUT = {
    "the quote is not closed": ('"Roe and Daughters 24 Hour Service', "Roe and Daughters 24 Hour Service"),
    "the number is cut": ('"Roe and Daughters 24 Hour Service" <20255', "Roe and Daughters 24 Hour Service"),
    "the bracket is not there": ('"Roe and Daughters 24 Hour Service" ', "Roe and Daughters 24 Hour Service"),
    "no quotes": ("Roe and Daughters 24 Hour Service <20255", "Roe and Daughters 24 Hour Service"),
}


@pytest.mark.parametrize(("clid", "name"), CUT.values(), ids=CUT.keys())
def test_a_caller_id_that_was_cut_keeps_its_name_and_no_half_number(clid: str, name: str) -> None:
    cell = '"' + clid.replace('"', '""') + '"'
    assert one(ROW.replace(FIELDS[4], cell)).call.caller == Party(phone_number="2025550308", name=name)
    without_src = ROW.replace(FIELDS[4], cell).replace('"2025550308"', '""', 1)
    assert one(without_src).call.caller == Party(name=name)


def test_a_character_that_was_cut_in_two_goes_and_a_latin_1_letter_at_the_end_stays() -> None:
    written = ('"' + "Ä" * 10 + "x" * 57 + "é").encode()[:79]
    row = ROW.encode().replace(FIELDS[4].encode(), b'"' + written.replace(b'"', b'""') + b'"')
    assert one(row).call.caller.name == "Ä" * 10 + "x" * 57
    latin = ('"' + "x" * 77 + "É").encode("latin-1")[:78]
    row = ROW.encode().replace(FIELDS[4].encode(), b'"' + latin.replace(b'"', b'""') + b'"')
    assert one(row).call.caller.name == "x" * 77


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_master_csv_that_a_spreadsheet_saved_is_read(delimiter: str) -> None:
    saved = ROW.replace('"""ROE Z"" <2025550308>"', "ROE Z <2025550308>").replace('"', "").replace(",", delimiter)
    call = one(saved.replace("2026-10-05 11:1", "05.10.2026 11:1")).call
    assert (call.id, call.caller.name, clock(call)) == (ID, "ROE Z", "11:10:00 11:10:05 11:11:00")


def test_an_id_that_a_spreadsheet_damaged_joins_no_calls_and_is_named() -> None:
    rows = ROW.replace(f'"{ID}"', "1.79121E+09") + ROW.replace(f'"{ID}"', "1.79121E+09").replace(
        "2025550308", "2025550309"
    )
    first, second = calls(rows)
    assert first.call.id != second.call.id
    assert first.notes == ((1, "the uniqueid '1.79121E+09' was damaged by a spreadsheet"),)


def test_a_number_that_a_spreadsheet_damaged_is_named() -> None:
    (call,) = calls(ROW.replace('"2025550308"', '"2.02556E+09"', 1))
    assert call.notes == ((1, "the caller's number '2.02556E+09' was damaged by a spreadsheet"),)


def test_a_header_in_the_middle_of_joined_files_is_no_row() -> None:
    text = "id,caller_number,callee_extension,start_time\ng1,2025550603,101,2026-10-05T10:00:00Z\n"
    assert [record.call.id for record in records(text + text.replace("g1", "g2"))] == ["g1", "g2"]


def test_a_quote_that_is_never_closed_in_the_header_is_said_so() -> None:
    with pytest.raises(UnusableFile, match="line 1: a quote in the header is never closed"):
        read('id,"caller_number,callee_extension,start_time\ng1,2025550603,101,2026-10-05T10:00:00Z\n')


def test_a_header_cell_with_a_line_break_is_read() -> None:
    call = one('id,From,"To\n",Start\ng1,2025550603,101,2026-10-05T10:00:00Z\n').call
    assert (call.caller.phone_number, call.callee.extension) == ("2025550603", "101")


OLD_3CX = (
    "3CX Call Report\n\n"
    '"Call Time","Caller ID","Destination","Status","Ringing","Talking","Totals","Cost","Reason"\n'
    '"10/05/2026 10:00:00 AM","Roe Jane (2025550601)","Alice (101)","Answered","00:00:05","00:01:00","00:01:05","",""\n'
    '"10/13/2026 4:00:00 PM","Alice (101)","2025550602","Unanswered","00:00:15","00:00:00","00:00:15","0.10","Busy"\n'
    '"10/14/2026 4:00:00 PM","Anonymous","Voicemail Alice (101)","Answered","00:00:15","00:00:20","00:00:35","",""\n'
)


def test_call_logs_of_earlier_3cx_versions_are_read() -> None:
    rules = replace(RULES, date_order=DateOrder.MONTH_FIRST)
    inbound, outbound, mailbox = records(OLD_3CX, rules, RecordFormat.THREE_CX)
    assert (inbound.call.direction, inbound.call.caller) == (INBOUND, Party(phone_number="2025550601", name="Roe Jane"))
    assert (outbound.call.direction, outbound.call.result, outbound.user_id) == (
        OUTBOUND,
        CallResult.NO_ANSWER,
        "alice",
    )
    assert dict(outbound.call.attributes) == {"cost": "0.10", "reason": "Busy"}
    assert (mailbox.call.result, mailbox.call.caller.phone_number) == (CallResult.VOICEMAIL, "Anonymous")


def test_the_parts_of_a_3cx_call_are_its_legs_and_who_answered_has_the_log() -> None:
    (call,) = calls(
        "Call Time,Call ID,From,To,Direction,Status,Ringing,Talking,Cost,Call Activity Details\n"
        "2026-10-05T10:00:00,ABD,Roe Jane (2025550601),Sales (801),Inbound,Answered,00:00:01,00:00:10,,\n"
        "2026-10-05T10:00:11,ABD,Roe Jane (2025550601),Bob (102),Inbound,Unanswered,00:00:05,00:00:00,,\n"
        "2026-10-05T10:00:11,ABD,Roe Jane (2025550601),Alice (101),Inbound,Answered,00:00:05,00:01:00,,\n"
    )
    assert (call.user_id, call.call.callee.extension, len(call.call.legs)) == ("alice", "101", 3)
    assert clock(call.call) == "10:00:00 10:00:01 10:01:16"


def test_a_3cx_outbound_call_that_was_transferred_stays_outbound() -> None:
    (call,) = calls(
        "Call Time,Call ID,From,To,Direction,Status,Ringing,Talking,Cost,Call Activity Details\n"
        "2026-10-05T10:00:00,ABD,Alice (101),Roe Jane (2025550601),Outbound,Answered,00:00:01,00:00:10,,\n"
        "2026-10-05T10:00:11,ABD,Roe Jane (2025550601),Bob (102),Inbound,Answered,00:00:05,00:01:00,,\n"
    )
    assert (call.call.direction, call.user_id, call.call.callee.phone_number) == (OUTBOUND, "alice", "2025550601")


def test_another_header_is_no_3cx_call_log() -> None:
    with pytest.raises(UnusableFile, match="no header of a 3CX call log"):
        read("a,b\n1,2\n", record_format=RecordFormat.THREE_CX)


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
