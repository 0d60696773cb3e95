"""Rows of delimiter-separated lines whose quotes are not what they should be."""

import io
import tracemalloc
from itertools import combinations

import pytest
from leadline_server.replay.csv_rows import CsvRow, Dialect, read_rows, split_loosely
from leadline_server.replay.lines import MAX_LINE, read_lines
from leadline_server.replay.records import NoRecord, Skipped

HEADER_WIDTH = 4


def dialect(delimiter: str = ",") -> Dialect:
    """Rows of an id, a number, a time and a note; only the note may hold line breaks."""
    return Dialect(
        delimiter=delimiter,
        is_row=lambda cells: len(cells) == HEADER_WIDTH and ":" in cells[2],
        may_break=lambda place: place == 3,
    )


def rows(text: str, delimiter: str = ",") -> list[CsvRow | Skipped | NoRecord]:
    return list(read_rows(read_lines(io.BytesIO(text.encode())), dialect(delimiter)))


def taken(text: str) -> dict[int, list[str]]:
    return {row.line: row.cells for row in rows(text) if isinstance(row, CsvRow)}


def skipped(text: str) -> dict[int, str]:
    return {row.line: row.reason for row in rows(text) if isinstance(row, Skipped)}


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    text = "a,1,10:00,x\n" + 'b,"2,10:01,x\n' + "".join(f"c{number},3,10:02,x\n" for number in range(3000))
    assert skipped(text) == {2: "not a CSV row: a quote is never closed"}
    assert len(taken(text)) == 3001


@pytest.mark.parametrize(("opening", "closing"), list(combinations(range(6), 2)))
def test_a_quote_opened_in_one_row_and_closed_in_another_makes_no_row_of_both(opening: int, closing: int) -> None:
    notes = [
        f'"note {row}' if row == opening else f'note {row}"' if row == closing else f"note {row}" for row in range(6)
    ]
    text = "".join(f"id{row},20255501{row:02d},10:0{row},{note}\n" for row, note in enumerate(notes))
    found = taken(text)
    assert all(
        f"note {line}" not in cells[3] for number, cells in found.items() for line in range(6) if line != number - 1
    )
    assert set(found) | set(skipped(text)) == {1, 2, 3, 4, 5, 6}


def test_a_note_may_hold_line_breaks_and_blank_lines() -> None:
    text = 'a,1,10:00,"one\n\ntwo, ""three"""\nb,2,10:01,x\n'
    assert taken(text) == {1: ["a", "1", "10:00", 'one\n\ntwo, "three"'], 4: ["b", "2", "10:01", "x"]}


def test_no_other_cell_may_hold_a_line_break() -> None:
    text = 'a,"1\n2",10:00,x\nb,2,10:01,x\n'
    assert skipped(text) == {1: "not a CSV row: a quote is never closed"}
    assert taken(text) == {2: ['2"', "10:00", "x"], 3: ["b", "2", "10:01", "x"]}


TOO_LONG = "not a CSV row: longer than 1,000 lines or 1048576 bytes"
NEVER_CLOSED = "not a CSV row: a quote is never closed"


@pytest.mark.parametrize(("lines", "is_read"), [(998, True), (999, True), (1_000, False)])
def test_1_000_lines_may_follow_the_first_of_a_row(lines: int, *, is_read: bool) -> None:
    text = 'a,1,10:00,"begins\n' + "goes on\n" * lines + 'ends"\nb,2,10:01,x\n'
    assert skipped(text) == ({} if is_read else {1: TOO_LONG})
    assert set(taken(text)) == ({1, lines + 3} if is_read else {lines + 3})


@pytest.mark.parametrize(
    "note",
    [
        "goes on\n" * 1_500,
        ("x" * 100_000 + "\n") * 20,
        "y" * (MAX_LINE + 10) + "\n",
        "y" * (MAX_LINE + 10) + '""\ngoes on\n',
        'he said ""yes""\n' * 1_500,
    ],
    ids=["of many lines", "of long lines", "with a line that is too long", "with quotes in it", "with quotes"],
)
def test_a_row_that_is_too_long_is_named_once_and_reading_goes_on_after_its_end(note: str) -> None:
    text = f'a,1,10:00,"begins\n{note}ends"\nb,2,10:01,x\n'
    assert skipped(text) == {1: TOO_LONG}
    assert set(taken(text)) == {3 + note.count("\n")}
    assert sum(row.size for row in rows(text)) == len(text)


@pytest.mark.parametrize("lines", [2, 1_500])
def test_a_note_that_is_open_to_the_end_of_the_file_makes_one_row_of_what_follows(lines: int) -> None:
    text = 'b,2,10:01,x\na,1,10:00,"begins\n' + "goes on\n" * lines
    assert skipped(text) == {2: NEVER_CLOSED}
    assert [row.line for row in rows(text)] == [1, 2]
    assert sum(row.size for row in rows(text)) == len(text)


@pytest.mark.parametrize("row", ["b,2,10:01,x", '"b","2","10:01","Roe "Jo" Smith"'])
def test_a_row_whose_quote_is_never_closed_ends_before_the_next_line_that_is_a_row(row: str) -> None:
    text = 'a,1,10:00,"begins\n' + "goes on\n" * 1_500 + f"{row}\nc,3,10:02,x\n"
    assert skipped(text) == {1: NEVER_CLOSED}
    assert list(taken(text)) == [1_502, 1_503]


def test_a_quote_that_is_never_closed_where_no_line_may_break_costs_its_own_line_only() -> None:
    found = rows('a,"1,10:00,x\nnot a row\nnor this\n')
    assert [(type(row), row.line) for row in found] == [(Skipped, 1), (CsvRow, 2), (CsvRow, 3)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_that_is_too_long_takes_the_lines_of_its_open_cell_with_it(encoding: str) -> None:
    text = 'a,1,10:00,"' + "y" * (MAX_LINE + 10) + 'z\ngoes on\nends"\nb,2,10:01,x\n'
    found = list(read_rows(read_lines(io.BytesIO(text.encode(encoding))), dialect()))
    assert [(type(row), row.line) for row in found] == [(Skipped, 1), (CsvRow, 4)]
    assert sum(row.size for row in found) == len(text.encode(encoding))


def test_a_row_that_is_too_long_is_not_held_in_memory() -> None:
    stream = io.BytesIO(b'a,1,10:00,"' + (b"x" * 999 + b"\n") * 20_000 + b'"\nb,2,10:01,x\n')
    tracemalloc.start()
    try:
        found = list(read_rows(read_lines(stream), dialect()))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert [row.line for row in found] == [1, 20_002]


STRAY = {
    '"a","1","10:00","Roe "Jo" Smith"': ["a", "1", "10:00", 'Roe "Jo" Smith'],
    'a,1,10:00,Roe "Jo" Smith': ["a", "1", "10:00", 'Roe "Jo" Smith'],
    r'"a","1","10:00","\"ROE K\" <2025550323>"': ["a", "1", "10:00", '"ROE K" <2025550323>'],
    '"a","1","10:00","Jo "" Roe "x" y"': ["a", "1", "10:00", 'Jo " Roe "x" y'],
}


@pytest.mark.parametrize(("text", "cells"), STRAY.items(), ids=STRAY.keys())
def test_a_stray_quote_inside_a_cell_is_part_of_it(text: str, cells: list[str]) -> None:
    assert taken(f"{text}\n") == {1: cells}


def test_a_stray_quote_that_leaves_another_number_of_cells_is_named() -> None:
    assert skipped('"a","1" x,"10:00"y,"z\n')[1].startswith("not a CSV row")


def test_a_line_break_of_another_kind_inside_a_line_makes_no_longer_row() -> None:
    assert set(skipped("a,1,10:00,x\rb,2,10:01,y\n")) == {1}
    assert split_loosely("a,1\rb,2", ",") is None


def test_every_byte_belongs_to_one_row() -> None:
    text = 'a,1,10:00,"one\ntwo"\n\n   \nb,"2,10:01,x\nc,3,10:02,y'
    assert sum(row.size for row in rows(text)) == len(text)
    assert [type(row) for row in rows(text)] == [CsvRow, NoRecord, NoRecord, Skipped, CsvRow]


def test_a_line_without_an_end_is_not_held_in_memory() -> None:
    text = "a,1,10:00,x\n" + "y" * (MAX_LINE + 10) + "\nb,2,10:01,z\n"
    assert skipped(text) == {2: "longer than 1048576 bytes"}
    assert set(taken(text)) == {1, 3}
    assert sum(row.size for row in rows(text)) == len(text)


def test_a_cell_that_is_longer_than_the_csv_module_allows_is_read() -> None:
    text = f"a,1,10:00,{'x' * 140_000}\nb,2,10:01,y\n"
    assert [len(cells[3]) for cells in taken(text).values()] == [140_000, 1]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_read(delimiter: str) -> None:
    text = "a,1,10:00,x\n".replace(",", delimiter)
    (row,) = rows(text, delimiter)
    assert isinstance(row, CsvRow)
    assert row.cells == ["a", "1", "10:00", "x"]
