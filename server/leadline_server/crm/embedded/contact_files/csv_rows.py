"""The rows of a CSV file with their line numbers.

A quote that is never closed must not swallow the rest of the file. It is taken for a stray one, its line is named, and
reading goes on with the next line, if

- the quote that would close it stands where none may: `"Dan,1` and then `"Eve",2`,
- the lines within the quotes look like rows: `"Dan,202-555-0402` and then `Beth 6",202-555-0401`,
- or a name would hold a number between commas, or a cell of numbers a name.

A row that gets longer than MAX_ROW, or whose quote is not closed before the file ends, is named once. Reading goes on
behind the quote that closes it, or with the next line that looks like a row.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

from leadline_server.crm.embedded.contact_files.lines import MAX_LINE, decode, is_cut
from leadline_server.crm.embedded.contact_files.quoting import QuotedRow, QuoteState, read_record

MAX_ROW: Final = 262_144
"""Characters of the longest row that spans several lines."""

TOO_LONG: Final = f"the line is longer than {MAX_LINE:,} bytes"
ROW_TOO_LONG: Final = f"the row is longer than {MAX_ROW:,} characters"
NEVER_CLOSED: Final = "a quote is opened and never closed"
MISPLACED: Final = "a quote stands where none may"


class Row(NamedTuple):
    """A row, or an attempt at one.

    Attributes:
        line, end: its first and last line, from 1 on.
        cells: as they stand, blanks included.
        problem: why it cannot be read; empty if it can.
    """

    line: int
    end: int
    cells: Sequence[str] = ()
    problem: str = ""


class RowShape(Protocol):
    """The shape of a row of the file, once its header is known."""

    width: int
    """Cells of the header."""

    def is_entry(self, cells: Sequence[str]) -> bool:
        """Whether as many cells as the header has look like a row of their own."""

    def has_swallowed(self, cells: Sequence[str]) -> bool:
        """Whether a cell of a name or of numbers holds lines of other rows."""


class _CutLine(str):
    """The beginning of a line that is too long, and a quote if the rest of it has an odd number of them."""

    __slots__ = ()


def _cut(line: bytes) -> _CutLine:
    return _CutLine(decode(line[:MAX_LINE]) + '"' * (line.count(b'"', MAX_LINE) % 2))


class CsvRows:
    """Reads rows from lines; see above.

    Args:
        lines: as `read_lines` yields them.

    Attributes:
        delimiter: between cells; may be changed between two rows.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        self.delimiter = ","
        self._lines = lines
        self._ahead: deque[str] = deque()
        self._line = 0  # the number of the last line taken
        self._shape: RowShape | None = None

    def expect(self, shape: RowShape) -> None:
        """Say what the rows from here on look like."""
        self._shape = shape

    def rows(self) -> Iterator[Row]:
        """All further rows, blank lines among them."""
        while (text := self._next_line()) is not None:
            # Most lines have no quotes; this saves a third of the time.
            if '"' not in text and type(text) is str:
                yield Row(self._line, self._line, text.split(self.delimiter))
            else:
                yield self._read(text)[0]

    def preview(self) -> Row | None:
        """The next row, which stays the next one; None at the end."""
        text = self._next_line()
        if text is None:
            return None
        row, lines = self._read(text)
        self._put_back(lines)
        return row

    def preview_line(self) -> str:
        """The next physical line, which stays the next one; empty at the end."""
        text = self._next_line()
        if text is not None:
            self._put_back([text])
        return text or ""

    def next_line(self) -> str:
        """The next physical line, which is taken; empty at the end."""
        return self._next_line() or ""

    def next_row(self) -> Row:
        """The next row, which is taken. There has to be one."""
        return next(self.rows())

    def _next_line(self) -> str | None:
        if self._ahead:
            text = self._ahead.popleft()
        else:
            line = next(self._lines, None)
            if line is None:
                return None
            text = _cut(line) if is_cut(line) else decode(line).rstrip("\r\n")
        self._line += 1
        return text

    def _put_back(self, lines: Sequence[str]) -> None:
        self._ahead.extendleft(reversed(lines))
        self._line -= len(lines)

    def _read(self, text: str) -> tuple[Row, list[str]]:
        """The row that begins with the line `text`, and the lines that it has."""
        begin, lines = self._line, [text]
        if isinstance(text, _CutLine):
            if self._shape and text.count('"') % 2:
                self._pass_over(QuotedRow(state=QuoteState.OPEN), self._next_line(), self._shape)
            return Row(begin, self._line, problem=TOO_LONG), lines
        record = read_record(text, self.delimiter)
        following, inner = self._read_on(record, lines)
        if record.state is QuoteState.COMPLETE and self._is_sound(record, lines, inner):
            return Row(begin, self._line, record.cells), lines
        if record.state is QuoteState.OPEN and self._shape and not self._has_row(lines, inner, self._shape.width):
            problem = self._pass_over(record, following, self._shape)
            return Row(begin, self._line, problem=problem), lines
        self._put_back(lines[1:])
        is_misplaced = record.is_guess or (record.state is QuoteState.BROKEN and len(lines) == 1)
        return Row(begin, begin, problem=MISPLACED if is_misplaced else NEVER_CLOSED), lines[:1]

    def _read_on(self, record: QuotedRow, lines: list[str]) -> tuple[str | None, set[int]]:
        """Add lines to a record while a cell of it is open.

        Returns:
            The line that makes the row too long, which is in `lines` alone, if there is one; and the indexes of the
            lines that lie in one cell as a whole.
        """
        size, inner = len(lines[0]), set[int]()
        while record.state is QuoteState.OPEN and (following := self._next_line()) is not None:
            lines.append(following)
            size += len(following)
            if size > MAX_ROW or isinstance(following, _CutLine):
                return following, inner
            if record.add_line(following, self.delimiter):
                inner.add(len(lines) - 1)
        return None, inner

    def _is_sound(self, record: QuotedRow, lines: Sequence[str], inner: Collection[int]) -> bool:
        """Whether the cells are surely those that were meant."""
        if len(lines) == 1:
            return not record.is_guess or (self._shape is not None and len(record.cells) == self._shape.width)
        width = self._shape.width if self._shape else len(record.cells)
        if width == 1:
            return True
        if any(map(str.strip, record.cells[width:])) or (self._shape and self._shape.has_swallowed(record.cells)):
            return False
        if self._has_row(lines, inner, width):
            return False
        # Lines in which a cell ends or begins. One of two may have all cells but the end of the last, or the begin of
        # the first; both do not.
        outer = [self._looks_like_row(line, width) for at, line in enumerate(lines) if at not in inner]
        if len(record.cells) != width and any(outer):
            return False
        return not any(one and other for one, other in pairwise(outer))

    def _pass_over(self, record: QuotedRow, text: str | None, shape: RowShape) -> str:
        """Take the lines of a row of which a cell is open, and hold none of them.

        Args:
            record: the row as far as it was read.
            text: its next line; None at the end of the file.
            shape: of the file's rows.

        Returns:
            Why the row cannot be read.
        """
        while text is not None:
            if self._looks_like_row(text, shape.width):
                self._put_back([text])
                return NEVER_CLOSED
            if _closes(record, text, self.delimiter):
                return ROW_TOO_LONG
            text = self._next_line()
        return NEVER_CLOSED

    def _has_row(self, lines: Sequence[str], inner: Collection[int], width: int) -> bool:
        """Whether one of the lines that lie in a cell looks like a row."""
        return any(self._looks_like_row(lines[at], width) for at in inner)

    def _looks_like_row(self, line: str, width: int) -> bool:
        """Whether a line would be a row on its own, whichever of its quotes are too many or missing."""
        if line.count(self.delimiter) < width - 1:
            return False
        readings = [line.split(self.delimiter)]
        for text in (line, line.replace('""', '"'), f'{line}"', f'"{line}'):
            record = read_record(text, self.delimiter)
            if record.state is QuoteState.COMPLETE:
                readings.append(record.cells)
        return any(self._is_whole(cells, width) for cells in readings)

    def _is_whole(self, cells: Sequence[str], width: int) -> bool:
        """Whether cells make a whole row; surplus ones may be empty."""
        if len(cells) < width or any(cell.strip(' "') for cell in cells[width:]):
            return False
        return self._shape is None or self._shape.is_entry(cells[:width])


def _closes(record: QuotedRow, text: str, delimiter: str) -> bool:
    """Whether a line ends a row of which a cell is open. A quote that stands where none may ends nothing."""
    if isinstance(text, _CutLine):
        return text.count('"') % 2 == 1
    record.add_line(text, delimiter)
    record.cells.clear()
    record.pieces.clear()
    return record.state is QuoteState.COMPLETE
