"""The generic form: CSV with a header."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from leadline_server.domain.call import CallDirection, CallResult, Party
from leadline_server.replay.columns import read_given
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from leadline_server.replay.parties import read_party
from leadline_server.replay.records import NoRecord, Record, Row, Skipped, UnusableFile
from leadline_server.replay.rules import Rules, read_users

RULES = Rules(users={"101": "alice", "102": "bob"}, time_zone=ZoneInfo("Europe/Berlin"))


def rows(text: str, record_format: RecordFormat = RecordFormat.GENERIC) -> list[Row]:
    file = RecordFile(io.BytesIO(text.encode()), record_format)
    return [row for row in file.rows(RULES) if not isinstance(row, NoRecord)]


def record(text: str) -> Record:
    (row,) = rows(text)
    assert isinstance(row, Record), row
    return row


def test_every_column_finds_its_place() -> None:
    row = record(
        "id,linked_id,leg_id,direction,user_id,caller_number,caller_name,callee_extension,start_time,answer_time,end_time,"
        "result,disposition,subject,note,recording_url,attribute:campaign\n"
        "c1,l1,leg1,inbound,carol,2125550123,Ada,102,2026-11-04T10:00:00Z,2026-11-04T10:00:05Z,2026-11-04T10:01:00Z,"
        'answered,Interested,Offer,"two\nlines",https://rec.example/1,autumn\n'
    )
    call = row.call
    assert (call.id, call.linked_id, row.leg.id, row.user_id) == ("c1", "l1", "leg1", "carol")
    assert (call.direction, call.result) == (CallDirection.INBOUND, CallResult.ANSWERED)
    assert call.caller == Party(phone_number="2125550123", name="Ada")
    assert call.callee == Party(extension="102", user_id="bob")
    assert call.answer_time == datetime(2026, 11, 4, 10, 0, 5, tzinfo=UTC)
    assert (call.disposition, call.subject, call.note) == ("Interested", "Offer", "two\nlines")
    assert (call.recording_url, call.attributes) == ("https://rec.example/1", {"campaign": "autumn"})


def test_a_time_without_an_offset_is_read_in_the_given_zone() -> None:
    assert record("start_time\n2026-11-04 10:00\n").call.start_time == datetime(2026, 11, 4, 9, tzinfo=UTC)


def test_the_end_follows_from_the_duration() -> None:
    call = record("start_time,duration\n2026-11-04T10:00:00Z,90\n").call
    assert call.end_time == datetime(2026, 11, 4, 10, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("caller", "callee", "direction", "user"),
    [
        ("2125550123,", ",101", CallDirection.INBOUND, "alice"),
        (",102", "2125550123,", CallDirection.OUTBOUND, "bob"),
        (",101", ",102", CallDirection.INTERNAL, "alice"),
        ("2125550123,", "102,", CallDirection.INBOUND, "bob"),
        ("2125550123,", "4155550123,", None, None),
    ],
)
def test_without_a_word_for_it_the_extensions_tell_the_direction(
    caller: str, callee: str, direction: CallDirection | None, user: str | None
) -> None:
    header = "caller_number,caller_extension,callee_number,callee_extension,start_time"
    row = record(f"{header}\n{caller},{callee},2026-11-04T10:00:00Z\n")
    assert (row.call.direction, row.user_id) == (direction, user)


def test_a_row_without_an_id_gets_the_same_one_every_time() -> None:
    text = "start_time,caller_number\n2026-11-04T10:00:00Z,2125550123\n"
    assert record(text).call.id == record(text).call.id
    assert record(text).call.id != record(text.replace("0123", "0124")).call.id


def test_bad_rows_are_left_out_with_line_and_reason_and_the_others_are_read() -> None:
    found = rows(
        "start_time,note,direction,result,duration\n"
        "not a time,,,,\n"
        '2026-11-04T10:00:00Z,"two\nlines",,,\n'
        "2026-11-04T10:00:00Z,,sideways,,\n"
        "2026-11-04T10:00:00Z,,,shrug,\n"
        "2026-11-04T10:00:00Z,,,,5 apples\n"
        "too,few\n"
        "\n"
        "2026-11-04T10:00:00Z,,,no answer,\n"
    )
    problems = {row.line: row.reason for row in found if isinstance(row, Skipped)}
    assert set(problems) == {2, 5, 8}
    assert "unknown direction 'SIDEWAYS'" in problems[5]
    assert "2 columns; the header has 5" in problems[8]
    taken = {row.line: row.notes for row in found if isinstance(row, Record)}
    assert taken == {
        3: (),
        6: ("result 'shrug' is not known",),
        7: ("duration '5 apples' is not a number of seconds",),
        10: (),
    }


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,caller_number", "no column start_time"),
        ("start_time,caller_phone", "unknown columns: caller_phone"),
        ("start_time,id,id", "named twice"),
        ("", "no column start_time"),
    ],
)
def test_a_header_that_cannot_be_right_is_refused_before_anything_is_sent(header: str, message: str) -> None:
    with pytest.raises(UnusableFile, match=message):
        rows(f"{header}\n")


def test_the_format_is_told_from_the_first_line() -> None:
    generic = rows("id,start_time\nc1,2026-11-04T10:00:00Z\n", RecordFormat.AUTO)
    asterisk = rows('"","2125550123"\n', RecordFormat.AUTO)
    assert isinstance(generic[0], Record)
    assert isinstance(asterisk[0], Skipped)
    assert rows("", RecordFormat.AUTO) == []


def test_users_come_from_a_file_with_or_without_a_header(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("users") / "users.csv"
    for header in ("", "extension,user\n"):
        path.write_text(f"{header}101,alice\n\n102, bob \n")
        assert read_users(path) == {"101": "alice", "102": "bob"}


@pytest.mark.parametrize(("text", "message"), [("101\n", "line 1"), ("101,alice\n101,bob\n", "two users")])
def test_a_file_of_users_that_cannot_be_right_is_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, message: str
) -> None:
    path = tmp_path_factory.mktemp("users") / "users.csv"
    path.write_text(text)
    with pytest.raises(UnusableFile, match=message):
        read_users(path)


def foreign(text: str, *columns: str) -> tuple[list[Row], RecordFile]:
    """An export of some phone system, and the file that it was read from."""
    file = RecordFile(io.BytesIO(text.encode()), RecordFormat.AUTO, read_given(columns))
    return [row for row in file.rows(RULES) if not isinstance(row, NoRecord)], file


EXPORTS = {
    "English": (
        "Call ID,Type,From,To,Start Time,Duration,Status\n7,Incoming,2125550123,101,2026-11-04 10:00,1:00,Answered\n"
    ),
    "German": (
        "Anruf-ID;Richtung;Anrufer;Ziel;Beginn;Dauer;Status\n"
        "7;eingehend;2125550123;101;04.11.2026 10:00;00:01:00;angenommen\n"
    ),
    "French": (
        "ID;Sens;Appelant;Appelé;Date et heure;Durée;Statut\n7;entrant;2125550123;101;04.11.2026 10:00;60;répondu\n"
    ),
    "Spanish": (
        "ID;Sentido;Origen;Destino;Fecha y hora;Duración;Estado\n"
        "7;entrante;2125550123;101;04.11.2026 10:00;1 min;contestada\n"
    ),
    "split date": (
        "ID;Typ;Rufnummer;Nebenstelle;Datum;Uhrzeit;Dauer;Status\n7;Eingehend;2125550123;101;04.11.26;10:00;60s;ok\n"
    ),
    "pipes": (
        "id|direction|src|dst|timestamp|billsec|duration|result\n7|in|2125550123|101|1793782800|60|60|connected\n"
    ),
}


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS.keys())
def test_an_export_is_read_by_the_common_words_of_its_header(text: str) -> None:
    ((row,), file) = foreign(text)
    assert isinstance(row, Record), row
    call = row.call
    assert (call.id, call.direction, call.result) == ("7", CallDirection.INBOUND, CallResult.ANSWERED)
    assert (call.caller.phone_number, call.callee.extension, row.user_id) == ("2125550123", "101", "alice")
    assert call.start_time == datetime(2026, 11, 4, 9, tzinfo=UTC)
    assert call.end_time == datetime(2026, 11, 4, 9, 1, tzinfo=UTC)
    assert file.columns is not None
    assert file.columns.not_taken == []


def test_columns_that_no_word_tells_are_named_by_the_person() -> None:
    text = "Wer,Wen,Wann,Kostenstelle,Nichts\n2125550123,101,2026-11-04 10:00,K7,x\n"
    given = (
        "caller_number=Wer",
        "callee_extension=Wen",
        "start_time=Wann",
        "attribute:cost=kostenstelle",
        "ignore=Nichts",
    )
    ((row,), file) = foreign(text, *given)
    assert isinstance(row, Record)
    assert (row.call.caller.phone_number, row.user_id) == ("2125550123", "alice")
    assert row.call.attributes == {"cost": "K7"}
    assert file.columns is not None
    assert file.columns.taken["caller_number"] == "Wer"
    assert file.columns.not_taken == []


def test_a_column_that_nothing_takes_is_told_if_it_holds_anything() -> None:
    text = "From,To,Start,Cost,Agent\n2125550123,101,2026-11-04 10:00,,\n2125550124,101,2026-11-04 10:00,,Ann\n"
    (_, file) = foreign(text)
    assert file.columns is not None
    assert file.columns.not_taken == ["Agent"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("caller_number=Rufnummer", "no column 'Rufnummer'; the file has: From, To, Start"),
        ("number", "expected FIELD=HEADER"),
        ("shoe=From", "unknown field"),
        ("attribute:=From", "unknown field"),
    ],
)
def test_a_column_option_that_cannot_be_right_is_refused(column: str, message: str) -> None:
    with pytest.raises(UnusableFile, match=message):
        foreign("From,To,Start\n2125550123,101,2026-11-04 10:00\n", column)


def test_a_header_that_tells_no_time_or_no_party_says_which_option_helps() -> None:
    with pytest.raises(UnusableFile, match="--column start_time=HEADER"):
        rows("From,To\n2125550123,101\n")
    with pytest.raises(UnusableFile, match="--column caller_number=HEADER"):
        rows("Start,Duration\n2026-11-04 10:00,5\n")


PARTIES = {
    "Roe Jane (2025550601)": ("Roe Jane", "2025550601"),
    '"Roe, Jane" <+12025550601>': ("Roe, Jane", "+12025550601"),
    "Jane [2025550601]": ("Jane", "2025550601"),
    "(2025550601)": ("", "2025550601"),
    "(202) 555-0601": ("", "(202) 555-0601"),
    "+1 (202) 555-0601 ext 5": ("", "+1 (202) 555-0601 ext 5"),
    "Anonymous": ("", "Anonymous"),
    "sip:101@pbx.example": ("", "sip:101@pbx.example"),
    "": ("", ""),
}


@pytest.mark.parametrize(("text", "expected"), PARTIES.items(), ids=PARTIES.keys())
def test_a_side_may_be_a_name_and_a_number_in_one_cell(text: str, expected: tuple[str, str]) -> None:
    assert read_party(text) == expected


def test_without_an_answer_time_durations_tell_when_it_was_answered() -> None:
    call = record("start_time,ring_time,talk_time,result\n2026-11-04T10:00:00Z,5,60,answered\n").call
    assert call.answer_time == datetime(2026, 11, 4, 10, 0, 5, tzinfo=UTC)
    assert call.end_time == datetime(2026, 11, 4, 10, 1, 5, tzinfo=UTC)


def test_a_time_without_an_offset_says_nothing_of_which_report_is_newer() -> None:
    text = "start_time,event_time\n2026-11-04 10:00,2026-11-04 10:05\n"
    assert record(text).call.event_time is None
    assert record(text.replace("10:05", "10:05Z")).call.event_time == datetime(2026, 11, 4, 10, 5, tzinfo=UTC)
    assert record("start_time\n2026-11-04T10:00:00Z\n").call.event_time == datetime(2026, 11, 4, 10, tzinfo=UTC)


def test_rows_without_an_id_that_say_the_same_times_and_numbers_are_not_joined_in_silence() -> None:
    text = "start_time,caller_number,callee_extension,note\n2026-11-04T10:00:00Z,2125550123,101,one\n"
    items = list(group(rows(text + text.split("\n")[1].replace("one", "two") + "\n"), ""))
    (call,) = items
    assert isinstance(call, ReplayCall)
    assert call.notes == ((3, "has the id or the numbers and times of line 2, and says something else"),)


def test_records_that_do_not_tell_their_direction_take_the_given_one() -> None:
    text = "number,extension,start_time\n2125550123,101,2026-11-04T10:00:00Z\n"
    file = RecordFile(io.BytesIO(text.encode()))
    (row,) = [
        row
        for row in file.rows(replace(RULES, default_direction=CallDirection.OUTBOUND))
        if not isinstance(row, NoRecord)
    ]
    assert isinstance(row, Record)
    assert (row.call.direction, row.call.callee.phone_number) == (CallDirection.OUTBOUND, "2125550123")
    assert row.call.caller.extension == "101"
