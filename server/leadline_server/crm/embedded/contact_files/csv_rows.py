"""The rows of a CSV file with their line numbers.

A quote that is never closed must not swallow the rest of the file. It is taken for a stray one, its line is named, and
reading goes on with the next line, if

- the file or the longest row ends before the quote is closed,
- the quote that would close it stands where none may: `"Dan,1` and then `"Eve",2`,
- or the lines in between look like rows of their own: `"Dan,202-555-0402` and then `Beth 6",202-555-0401`.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from leadline_server.crm.embedded.contact_files.lines import MAX_LINE, decode, is_cut
from leadline_server.crm.embedded.contact_files.quoting import Record, State, read_record

MAX_ROW: Final = 262_144
"""Characters of the longest row that spans several lines."""

TOO_LONG: Final = f"the line is longer than {MAX_LINE:,} bytes"
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


class _CutLine(str):
    """What was kept of a line that is too long."""

    __slots__ = ()


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
        self._width = 0
        self._is_entry: Callable[[Sequence[str]], bool] | None = None

    def expect(self, width: int, is_entry: Callable[[Sequence[str]], bool]) -> None:
        """From here on rows have `width` cells, and `is_entry` tells whether cells look like a contact of their own."""
        self._width = width
        self._is_entry = is_entry

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
            text = _CutLine(decode(line[:MAX_LINE])) if is_cut(line) else decode(line).rstrip("\r\n")
        self._line += 1
        return text

    def _put_back(self, lines: Sequence[str]) -> None:
        self._ahead.extendleft(reversed(lines))
        self._line -= len(lines)

    def _read(self, text: str) -> tuple[Row, list[str]]:
        """The row that begins with the line `text`, and the lines that it has."""
        begin, lines = self._line, [text]
        if isinstance(text, _CutLine):
            return Row(begin, begin, problem=TOO_LONG), lines
        record = read_record(text, self.delimiter)
        size = len(text)
        while record.state is State.OPEN:
            following = self._next_line()
            if following is None:
                break
            lines.append(following)
            size += len(following)
            if size > MAX_ROW or isinstance(following, _CutLine):
                break
            record.add_line(following, self.delimiter)
        if record.state is State.COMPLETE and self._is_sound(record, lines):
            return Row(begin, self._line, record.cells), lines
        self._put_back(lines[1:])
        is_misplaced = record.is_guess or (record.state is State.BROKEN and len(lines) == 1)
        return Row(begin, begin, problem=MISPLACED if is_misplaced else NEVER_CLOSED), lines[:1]

    def _is_sound(self, record: Record, lines: Sequence[str]) -> bool:
        """Whether the cells are surely those that were meant."""
        if len(lines) == 1:
            return not record.is_guess or len(record.cells) == self._width
        width = self._width or len(record.cells)
        if any(map(str.strip, record.cells[width:])):
            return False
        entries = sum(self._looks_like_row(line, width) for line in lines)
        return entries < (2 if len(record.cells) == width else 1)

    def _looks_like_row(self, line: str, width: int) -> bool:
        record = read_record(line, self.delimiter)
        is_whole = record.state is State.COMPLETE and not record.is_guess
        cells = record.cells if is_whole else line.split(self.delimiter)
        return len(cells) == width > 1 and (self._is_entry is None or self._is_entry(cells))
