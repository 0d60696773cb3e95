"""Cells of delimiter-separated lines, so that one broken quote spoils its own row only.

A quote that is never closed would otherwise take all the lines behind it into one cell. So a line is a row unless it
ends inside a quoted cell; then further lines are added to it only if the cell may hold line breaks, and none of those
lines is a row of its own. A row that gets too long, or whose quote is never closed, is left out with all of its lines.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from leadline_server.replay.lines import MAX_LINE, Line
from leadline_server.replay.records import NoRecord, Skipped

DELIMITERS: Final = (",", ";", "\t", "|")
BLANK_LINE: Final = "blank lines"

MAX_ROW_LINES: Final = 1_000
"""Lines that may follow the first one of a row."""

_TOO_LONG: Final = f"longer than {MAX_ROW_LINES:,} lines or {MAX_LINE} bytes"
_NEVER_CLOSED: Final = "a quote is never closed"
_OPEN_QUOTE: Final = "unexpected end of data"  # the text of csv.Error


class OpenQuote(Exception):
    """A line that ends inside a quoted cell."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row: where it begins, its bytes, its cells with the blanks around them."""

    line: int
    size: int
    cells: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a file's rows are told apart.

    Attributes:
        delimiter: between two cells.
        is_row: whether cells are a whole row of this file: as many as there are columns, a time where one belongs.
        may_break: whether the cell at this index may hold line breaks: a note may, a number may not.
        skip_blanks: whether blanks behind a delimiter are no part of the cell.
    """

    delimiter: str
    is_row: Callable[[list[str]], bool]
    may_break: Callable[[int], bool] = lambda _index: False
    skip_blanks: bool = False


def read_rows(lines: Iterator[Line], dialect: Dialect) -> Iterator[CsvRow | Skipped | NoRecord]:
    """The rows, in order. Every line belongs to exactly one of what is yielded."""
    ahead: deque[Line] = deque()
    while (line := ahead.popleft() if ahead else next(lines, None)) is not None:
        if line.is_too_long:
            more = _pass_over(lines, ahead, dialect)[0] if _has_odd_quotes(line) else 0
            yield Skipped(line=line.number, size=line.size + more, reason=f"longer than {MAX_LINE} bytes")
        elif not line.text.strip():
            yield NoRecord(line=line.number, size=line.size, what=BLANK_LINE)
        else:
            yield _row(line, lines, ahead, dialect)


def split(text: str, delimiter: str, *, skip_blanks: bool = False) -> list[str]:
    """The cells of one row.

    Raises:
        OpenQuote: the last cell's quote is not closed.
        csv.Error: something stands behind a closing quote, or a cell is longer than csv's limit.
    """
    lines = [f"{line}\n" for line in text.split("\n")]  # with their ends, which belong to the cell
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=skip_blanks)
    try:
        rows = list(reader)
    except csv.Error as error:
        if str(error) == _OPEN_QUOTE:
            raise OpenQuote from None
        raise
    if len(rows) > 1:
        raise csv.Error("a line break outside of quotes")
    return rows[0] if rows else []


def split_loosely(text: str, delimiter: str) -> list[str] | None:
    """The cells of a row whose quotes are not doubled, such as `"Roe "Jo" Smith","2025550602"`; None if it is none.

    FreeSWITCH's mod_cdr_csv writes names so, MySQL writes a backslash before them, and its client no quotes around
    `"ROE K" <2025550323>`. A quote closes a cell where the delimiter or the row's end follows.
    """
    if "\n" in text or "\r" in text:
        return None
    mark = re.escape(delimiter)
    quoted, bare = rf'"((?:[^"]|"(?!{mark}|$))*)"', rf'((?!")[^{mark}]*|(?:"[^"{mark}]*"|[^"{mark}])*)'
    pattern = re.compile(rf" *{quoted}(?={mark}|$)|{bare}(?={mark}|$)")
    cells, place = [], 0
    while place <= len(text):
        match = pattern.match(text, place)
        if match is None:
            return None
        cells.append(match[2] if match[1] is None else match[1].replace('\\"', '"').replace('""', '"'))
        place = match.end() + 1
    return cells


def _split(text: str, dialect: Dialect) -> list[str]:
    return split(text, dialect.delimiter, skip_blanks=dialect.skip_blanks)


def _row(line: Line, lines: Iterator[Line], ahead: deque[Line], dialect: Dialect) -> CsvRow | Skipped:
    try:
        return CsvRow(line.number, line.size, _split(line.text, dialect))
    except OpenQuote:
        joined = _joined(line, lines, ahead, dialect)
        reason = _NEVER_CLOSED
    except csv.Error as error:
        joined, reason = None, str(error)
    loose = joined or _with_stray_quotes(line, dialect)
    return loose or Skipped(line=line.number, size=line.size, reason=f"not a CSV row: {reason}")


def _joined(line: Line, lines: Iterator[Line], ahead: deque[Line], dialect: Dialect) -> CsvRow | Skipped | None:
    """The row that this line and the next ones make; None where they do not, and nothing has been taken.

    The first line with an odd number of quotes is the only one that can close the cell.
    """
    if not dialect.may_break(_open_cell(line, dialect)):
        return None
    text, size, taken, is_closed = line.text, line.size, 0, False
    for following in _following(lines, ahead):
        if _is_row_alone(following, dialect):
            return None
        if following.is_too_long or len(text) > MAX_LINE:
            break
        text, size, taken = f"{text}\n{following.text}", size + following.size, taken + 1
        is_closed = _has_odd_quotes(following)
        if is_closed:
            break
    if not is_closed:
        more, is_closed = _pass_over(lines, ahead, dialect)
        reason = _TOO_LONG if is_closed else _NEVER_CLOSED
        return Skipped(line=line.number, size=line.size + more, reason=f"not a CSV row: {reason}")
    cells = _cells_if_row(text, dialect)
    if cells is None or not all(dialect.may_break(place) for place, cell in enumerate(cells) if "\n" in cell):
        return None
    for _ in range(taken):
        ahead.popleft()
    return CsvRow(line.number, size, cells)


def _pass_over(lines: Iterator[Line], ahead: deque[Line], dialect: Dialect) -> tuple[int, bool]:
    """Take the further lines of a row whose cell is open, and hold none of them.

    The row ends with the line that closes the cell, before the next line that is a row alone, or with the file.

    Returns:
        The bytes of these lines, and whether the cell was closed.
    """
    size = 0
    while (following := ahead.popleft() if ahead else next(lines, None)) is not None:
        if _is_row_alone(following, dialect) or _with_stray_quotes(following, dialect):
            ahead.appendleft(following)
            break
        size += following.size
        if _has_odd_quotes(following):
            return size, True
    return size, False


def _has_odd_quotes(line: Line) -> bool:
    return line.text.count('"') % 2 == 1


def _open_cell(line: Line, dialect: Dialect) -> int:
    """The place of the cell that is open at the end of a line."""
    return len(_split(f'{line.text}"', dialect)) - 1


def _following(lines: Iterator[Line], ahead: deque[Line]) -> Iterator[Line]:
    """The next lines, without taking them."""
    for index in range(MAX_ROW_LINES):
        if index >= len(ahead):
            following = next(lines, None)
            if following is None:
                return
            ahead.append(following)
        yield ahead[index]


def _cells_if_row(text: str, dialect: Dialect) -> list[str] | None:
    try:
        cells = _split(text, dialect)
    except (OpenQuote, csv.Error):
        return None
    return cells if dialect.is_row(cells) else None


def _is_row_alone(line: Line, dialect: Dialect) -> bool:
    return _cells_if_row(line.text, dialect) is not None


def _with_stray_quotes(line: Line, dialect: Dialect) -> CsvRow | None:
    cells = split_loosely(line.text, dialect.delimiter)
    return CsvRow(line.number, line.size, cells) if cells is not None and dialect.is_row(cells) else None
