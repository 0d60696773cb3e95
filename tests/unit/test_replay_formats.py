"""Forms of call records: column sets, headers, delimiters, encodings, documents."""

from dataclasses import replace

import pytest
from leadline_server.domain.call import CallResult, Party
from leadline_server.replay.clock_texts import DateOrder
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.records import UnusableFile
from support.call_records import RULES, calls, clock, read, records
from unit.record_files import INBOUND, OUTBOUND, one

ID = "1791213000.101"
FIELDS = (
    *('""', '"2025550308"', '"101"', '"from-trunk"', '"""ROE Z"" <2025550308>"', '"PJSIP/trunk-000000e1"'),
    *('"PJSIP/101-000000e2"', '"Dial"', '"x"', '"2026-10-05 11:10:00"', '"2026-10-05 11:10:05"'),
    *('"2026-10-05 11:11:00"', "60", "55", '"ANSWERED"', '"DOCUMENTATION"'),
)
BASE = ",".join(FIELDS)
ROW = f'{BASE},"{ID}",""\n'


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
