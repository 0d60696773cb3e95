"""The generic form: CSV with a header."""

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from leadline_server.domain.call import CallDirection, CallResult, Party
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
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
        7: ("duration '5 apples' is no number of seconds",),
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
