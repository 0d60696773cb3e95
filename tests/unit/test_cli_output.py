"""The command line's output for people: it fits the terminal, and ids stay whole."""

import io
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, CALL_DIRECTION_INTERNAL, CALL_DIRECTION_OUTBOUND, Call, Party
from leadline.v1.contact_pb2 import Contact
from leadline_server.cli import output
from leadline_server.cli.call_tables import other_party
from leadline_server.cli.output import Column
from rich.console import Console

ID: Final = "3f2b8a4e-0d8e-4a52-9d5e-6c1f7a2b9c10"
COLUMNS: Final = [
    Column("Id"),
    Column("Name", can_shrink=True),
    Column("Talk", is_number=True, drop_order=2),
    Column("User", drop_order=1),
]
ROWS: Final = [(ID, "Ada Lovelace of the Analytical Engines", "3:05", "alice"), ("x", "Bo", "12:00", "")]


def printed(width: int, rows: Sequence[tuple[str, ...]] = ROWS) -> list[str]:
    out = io.StringIO()
    output.table(Console(file=out, width=width), COLUMNS, rows)
    return out.getvalue().splitlines()


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_wide_terminal_shows_everything_and_numbers_are_aligned_at_the_right() -> None:
    head, first, second = printed(200)
    assert head.split() == ["ID", "NAME", "TALK", "USER"]
    assert "Ada Lovelace of the Analytical Engines" in first
    assert first.index("3:05") + len("3:05") == second.index("12:00") + len("12:00")


@pytest.mark.parametrize("width", range(51, 120))
def test_no_line_is_wider_than_the_terminal_and_ids_stay_whole(width: int) -> None:
    lines = printed(width)
    assert max(len(line) for line in lines) <= width
    assert lines[1].startswith(ID)


def test_long_texts_are_cut_first_then_columns_left_out() -> None:
    assert "…" in printed(80)[1]
    assert printed(62)[0].split() == ["ID", "NAME", "USER"]
    assert printed(51)[0].split() == ["ID", "NAME"]


def test_where_an_id_does_not_fit_the_line_is_too_long_rather_than_the_id_cut() -> None:
    assert printed(20)[1].startswith(ID)


def test_a_column_that_is_empty_is_left_out() -> None:
    assert printed(200, [("1", "Ann", "", "alice")])[0].split() == ["ID", "NAME", "USER"]


def test_a_sheet_wraps_long_values_below_themselves_and_leaves_out_empty_ones() -> None:
    out = io.StringIO()
    output.sheet(Console(file=out, width=40), [("Id", ID), ("Why", "one two three four five six seven"), ("Note", "")])
    assert out.getvalue().splitlines() == [f"Id   {ID}", "Why  one two three four five six seven"]
    out = io.StringIO()
    output.sheet(Console(file=out, width=30), [("Why", "one two three four five six seven")])
    assert out.getvalue().splitlines() == ["Why  one two three four five", "     six seven"]


def test_what_would_command_the_terminal_is_made_visible() -> None:
    assert output.printable("\x1b[31mBad\u202e\x07\nName") == "\ufffd[31mBad\ufffd\ufffd\nName"
    assert "\x1b" not in "".join(printed(200, [("1", "\x1b]0;x", "", "")]))


@pytest.mark.usefixtures("new_york")
def test_times_are_short_local_and_have_the_year_where_it_is_another() -> None:
    moment = Timestamp()
    moment.FromDatetime(datetime(2026, 3, 1, 3, 5, 9, tzinfo=UTC))
    assert output.short_time(moment, datetime(2026, 6, 1, tzinfo=UTC)) == "02-28 22:05"
    assert output.short_time(moment, datetime(2027, 6, 1, tzinfo=UTC)) == "2026-02-28 22:05"
    assert output.long_time(moment) == "2026-02-28 22:05:09 EST"


def test_no_time_is_nothing() -> None:
    assert (output.short_time(Timestamp()), output.long_time(None)) == ("", "")
    assert output.duration(Timestamp(), Timestamp()) == ""


def test_a_duration_has_minutes_and_seconds() -> None:
    assert output.duration(Timestamp(seconds=100), Timestamp(seconds=285)) == "3:05"


@pytest.mark.parametrize("names", [[], ["Ann"], ["Ann", "Bo"]])
def test_a_list_is_one_json_array(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json_array(Contact(name=name) for name in names)
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == names


def test_json_has_the_contracts_names_and_its_empty_fields(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json_line(CallLog(call=Call(id="1")))
    [line] = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert (document["update_pending"], document["candidates"], document["call"]["id"]) == (False, [], "1")
    assert "note" not in document["call"]


@pytest.mark.parametrize(
    ("direction", "caller_user", "callee_user", "expected"),
    [
        (CALL_DIRECTION_INBOUND, "", "alice", "caller"),
        (CALL_DIRECTION_OUTBOUND, "alice", "", "callee"),
        (CALL_DIRECTION_INTERNAL, "alice", "bob", "callee"),
        (CALL_DIRECTION_INTERNAL, "bob", "alice", "caller"),
        (CALL_DIRECTION_INTERNAL, "bob", "", "caller"),
    ],
)
def test_the_other_party_is_who_is_looked_up(direction: int, caller_user: str, callee_user: str, expected: str) -> None:
    call = Call(caller=Party(name="caller", user_id=caller_user), callee=Party(name="callee", user_id=callee_user))
    call.direction = direction  # type: ignore[assignment] # an enum's number
    assert other_party(CallLog(user_id="alice", call=call)).name == expected
