"""Rows of delimiter-separated lines whose quotes are not what they should be."""

import io
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


def test_a_note_that_goes_on_for_too_long_is_no_note() -> None:
    text = 'a,1,10:00,"begins\n' + "goes on\n" * 1_500 + 'ends"\n'
    assert 1 in skipped(text)
    assert len(rows(text)) == 1_502


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
    assert skipped(text) == {2: f"longer than {MAX_LINE} bytes"}
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
