"""A stray quote costs its own line at most: the other rows of a CSV file are read, and none is merged with another."""

import io
import tracemalloc

import pytest
from leadline_server.crm.embedded.contact_files import CsvOptions, UnreadableFile, read_csv
from support.contact_files import ReadFile, read_file

CLOSED_NOWHERE = "a quote is opened and never closed"
ROW_TOO_LONG = "the row is longer than 262,144 characters"
LINE_TOO_LONG = "the line is longer than 262,144 bytes"
NOTE = "He said, it was cold.\n" * 20_000  # more than a row may have


def read(text: str) -> ReadFile:
    return read_file("contacts.csv", text.encode())


def names(found: ReadFile) -> list[str]:
    return [record.name for record in found.records]


def problems(found: ReadFile) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in found.problems]


@pytest.mark.parametrize(
    "later",
    [
        "Eve,202-555-0403\nFay,202-555-0404\n",
        '"Eve","202-555-0403"\n"Fay","202-555-0404"\n',
        'Eve,202-555-0403\n"Fay",202-555-0404\n',
        '"","202-555-0403"\nFay,202-555-0404\n',
    ],
)
def test_a_row_whose_quote_is_never_closed_is_named_and_the_later_rows_are_read(later: str) -> None:
    found = read('Name,Phone\n"Dan,202-555-0402\n' + later)
    assert problems(found) == [(2, CLOSED_NOWHERE)]
    assert [number for record in found.records for number in record.phone_numbers] == ["202-555-0403", "202-555-0404"]


def test_a_quote_that_a_later_stray_quote_would_close_does_not_merge_rows() -> None:
    found = read('Name,Phone\n"Dan,202-555-0402\nEve,202-555-0403\nBeth 6",202-555-0401\nFay,202-555-0404\n')
    assert problems(found) == [(2, CLOSED_NOWHERE)]
    assert names(found) == ["Eve", 'Beth 6"', "Fay"]


@pytest.mark.parametrize(
    "rows",
    [
        'A,"202-555-0401, 202-555-0402""\nB,202-555-0403\nC,""202-555-0404, 202-555-0405"\n',
        'A,"202-555-0401, 202-555-0402""\nC,""202-555-0404, 202-555-0405"\n',
        '"A,202-555-0401\nB,202-555-0403\nC",""\n',
        '"A,202-555-0401,\nB",202-555-0403,,\n',
    ],
)
def test_stray_quotes_beside_commas_in_cells_merge_no_rows(rows: str) -> None:
    for record in read("Name,Phone\n" + rows).records:
        assert record.line == record.end


def test_a_name_never_holds_a_number_between_commas_of_other_lines() -> None:
    found = read('Name,Phone\n"Dan,x,202-555-0402\nEve",202-555-0403\nFay,202-555-0404\n')
    assert problems(found) == [(2, CLOSED_NOWHERE)]
    assert names(found) == ['Eve"', "Fay"]


def test_a_cell_of_numbers_never_holds_the_name_and_the_number_of_another_line() -> None:
    found = read('Name,Phone\nDan,"202-555-0402\nEve,202-555-0403, 202-555-0405"\nFay,202-555-0404\n')
    assert [line for line, _ in problems(found)] == [2, 3]
    assert names(found) == ["Fay"]


def test_rows_without_a_number_are_told_by_their_e_mail_address() -> None:
    found = read('Name,Phone,Email\n"Dan,,d@example.org\nBeth 6",,b@example.org\nFay,,f@example.org\n')
    assert problems(found) == [(2, CLOSED_NOWHERE)]
    assert names(found) == ['Beth 6"', "Fay"]


def test_two_rows_in_one_pair_of_quotes_are_no_name() -> None:
    found = read('Name,Phone\n"Dan,202-555-0402\nEve,202-555-0403"\nFay,202-555-0404\n')
    assert problems(found) == [(2, CLOSED_NOWHERE)]
    assert names(found) == ["Eve", "Fay"]


def test_rows_whose_quotes_make_too_many_cells_are_read_again_line_by_line() -> None:
    found = read('Name,Phone\n"Dan\nEve",202-555-0403,surplus\nFay,202-555-0404\n')
    assert problems(found) == [(2, CLOSED_NOWHERE), (3, "3 cells, but the header has 2")]
    assert names(found) == ["Fay"]


def test_a_quote_that_is_closed_too_far_away_is_taken_for_one_that_never_is() -> None:
    found = read('Name,Phone\n"Dan\n' + "Eve,202-555-0403\n" * 20_000 + 'Fay",202-555-0404\n')
    assert problems(found) == [(2, CLOSED_NOWHERE)]
    assert len(found.records) == 20_001


def test_one_row_in_one_pair_of_quotes_is_named() -> None:
    found = read('Name,Phone\n"Dan,202-555-0402"\nFay,202-555-0404\n')
    assert problems(found) == [(2, "quotes make one cell of several")]
    assert names(found) == ["Fay"]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ('Beth 6" Roe,202-555-0401', 'Beth 6" Roe'),
        ('"Beth "6 feet" Roe",202-555-0401', 'Beth "6 feet" Roe'),
        ('"Beth ""6 feet"" Roe",202-555-0401', 'Beth "6 feet" Roe'),
        ('"Roe, Beth" ,202-555-0401', "Roe, Beth"),
        ('"Roe, Beth", "202-555-0401"', "Roe, Beth"),
    ],
)
def test_quotes_within_a_cell_are_read_as_they_were_meant(row: str, name: str) -> None:
    found = read(f"Name,Phone\n{row}\n")
    assert [(record.name, record.phone_numbers) for record in found.records] == [(name, ("202-555-0401",))]


def test_a_row_whose_quotes_may_mean_other_cells_is_named() -> None:
    found = read('Name,Phone\n"Dan,"202-555-0402"\nEve,202-555-0403\n')
    assert problems(found) == [(2, "a quote stands where none may")]
    assert names(found) == ["Eve"]


def test_a_cell_with_line_breaks_is_one_cell_also_where_numbers_are() -> None:
    found = read('Phone,Name,Notes\n"202-555-0401\n202-555-0402",Roe,"one,\ntwo, 2025550100\n\nthree"\n')
    assert [(record.line, record.end, record.phone_numbers) for record in found.records] == [
        (2, 6, ("202-555-0401", "202-555-0402"))
    ]


def test_surplus_cells_that_are_empty_are_passed_over_and_others_make_a_row_unreadable() -> None:
    found = read("Name,Phone\nAda,202-555-0401,,\nRoe, Kim,202-555-0402\n")
    assert names(found) == ["Ada"]
    assert problems(found) == [(3, "3 cells, but the header has 2")]


@pytest.mark.parametrize(("lines", "is_read"), [(262, True), (263, False)])
def test_a_row_over_several_lines_has_at_most_262_144_characters(lines: int, *, is_read: bool) -> None:
    found = read('Name,Notes,Phone\nEve,"' + ("x" * 999 + "\n") * lines + '",202-555-0403\nFay,,202-555-0404\n')
    assert problems(found) == ([] if is_read else [(2, ROW_TOO_LONG)])
    assert names(found) == (["Eve", "Fay"] if is_read else ["Fay"])


@pytest.mark.parametrize(
    "row",
    [
        f'Eve,"{NOTE}",202-555-0403',
        f'Eve,"{NOTE}","202-555-0403\n202-555-0405"',
        f'"Eve\nRoe","{NOTE}",202-555-0403',
        f'Eve,"{NOTE}a "" within\n",202-555-0403',
        f'Eve,"{NOTE}"Yes," he said, "no".\n{NOTE}",202-555-0403',
        f'Eve,"{NOTE}{"x" * 1_000_000}\n",202-555-0403',
        f'Eve,"{NOTE}{"x" * 1_000_000}",202-555-0403',
        f'Eve,"{NOTE}{"x" * 300_000}",{"x" * 700_000}',
    ],
    ids=[
        *("one cell", "two cells", "the second of two", "doubled quotes", "stray quotes"),
        *("a long line", "a quote near the end of a long line", "a quote within a long line"),
    ],
)
def test_a_row_that_is_too_long_is_named_once_and_reading_goes_on_after_its_end(row: str) -> None:
    found = read(f"Name,Notes,Phone\n{row}\nFay,,202-555-0404\n")
    assert [(problem.line, problem.end, problem.message) for problem in found.problems] == [
        (2, 2 + row.count("\n"), ROW_TOO_LONG)
    ]
    assert [(record.name, record.line) for record in found.records] == [("Fay", 3 + row.count("\n"))]


@pytest.mark.parametrize("note", ["a note\nof two lines, and more\n", NOTE], ids=["short", "too long"])
def test_a_quote_that_is_open_to_the_end_of_the_file_makes_one_row_of_what_follows(note: str) -> None:
    found = read(f'Name,Notes,Phone\nDan,,202-555-0402\nEve,"{note}')
    assert problems(found) == [(3, CLOSED_NOWHERE)]
    assert found.problems[0].end == 2 + note.count("\n")
    assert names(found) == ["Dan"]


def test_a_row_whose_quote_is_never_closed_ends_before_the_next_line_that_looks_like_a_row() -> None:
    found = read(f'Name,Notes,Phone\nEve,"{NOTE}Fay,,202-555-0404\nGil,,202-555-0405\n')
    assert problems(found) == [(2, CLOSED_NOWHERE)]
    assert names(found) == ["Fay", "Gil"]


@pytest.mark.parametrize("size", [262_120, 262_144, 300_000, 1_000_000])
def test_a_line_that_is_too_long_takes_the_lines_of_its_open_cell_with_it(size: int) -> None:
    cell = "x" * size + '""\nthe note goes on\nand ends'
    found = read(f'Name,Notes,Phone\nEve,"{cell}",202-555-0403\nFay,,202-555-0404\n')
    assert problems(found) == [(2, LINE_TOO_LONG if size > 262_130 else ROW_TOO_LONG)]
    assert found.problems[0].end == 4
    assert names(found) == ["Fay"]


def test_a_row_that_is_too_long_is_not_held_in_memory() -> None:
    content = io.BytesIO(b'Name,Notes,Phone\nEve,"' + (b"x" * 999 + b"\n") * 20_000 + b'",1\nFay,,202-555-0404\n')
    tracemalloc.start()
    try:
        items = list(read_csv(content, CsvOptions("US")))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert [item.line for item in items] == [2, 20_003]


def test_a_line_without_end_is_named_and_the_next_one_is_read() -> None:
    found = read("Name,Phone\n" + "x" * 1_000_000 + "\nEve,202-555-0403\n")
    assert problems(found) == [(2, LINE_TOO_LONG)]
    assert names(found) == ["Eve"]


def test_a_file_of_stray_quotes_is_read_in_a_time_that_grows_with_its_length_alone() -> None:
    rows = '""x,202-555-0401\n' * 30_000 + '"x,202-555-0402\n' * 2 + '"",\n' * 30_000
    found = read("Name,Phone\n" + rows)
    assert len(found.problems) == 30_002


@pytest.mark.parametrize("header", ['Name,"Phone', '"Name,"Phone","E-mail"', '"Name\n"Phone",x'])
def test_a_header_with_a_stray_quote_is_refused_in_a_sentence(header: str) -> None:
    with pytest.raises(UnreadableFile, match=r"The header \(line 1\) cannot be read: a quote .*\."):
        read_csv(io.BytesIO(f"{header}\nA,202-555-0900\n".encode()), CsvOptions("US"))


def test_a_header_that_would_swallow_a_row_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="a quote is opened and never closed"):
        read('Name,"Phone\nA,202-555-0900"\nB,202-555-0901\n')


def test_a_header_with_line_breaks_is_read() -> None:
    [record] = read('Name,"Phone\nNumber",Email\nRoe,202-555-0521,r@example.org\n').records
    assert (record.line, record.phone_numbers) == (3, ("202-555-0521",))


def test_a_header_cell_of_any_length_is_read_or_refused_in_a_sentence() -> None:
    [record] = read(f"Name,Phone,{'x' * 131_072}\nRoe,202-555-0521,\n").records
    assert record.name == "Roe"
    with pytest.raises(UnreadableFile, match="the line is longer than"):
        read(f"Name,Phone,{'x' * 300_000}\nRoe,202-555-0521,\n")
