"""Tells the form of a call record file from its first lines."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Final

from leadline_server.replay import freeswitch
from leadline_server.replay.asterisk_columns import header_columns, is_asterisk_header, is_positional_row
from leadline_server.replay.columns import (
    COLUMNS,
    ColumnMap,
    is_known_header,
    is_own_header,
    named_columns,
    own_columns,
)
from leadline_server.replay.csv_rows import DELIMITERS, OpenQuote, split, split_loosely
from leadline_server.replay.lines import Line, readable
from leadline_server.replay.readers import (
    ASTERISK,
    GENERIC,
    SEPARATOR_LINE,
    CsvReader,
    Header,
    JsonReader,
    Reader,
    RowReading,
    asterisk_by_position,
    freeswitch_by_position,
    with_header,
)
from leadline_server.replay.records import UnusableFile
from leadline_server.replay.three_cx import is_three_cx_header, three_cx_columns

_FIRST_LINES: Final = 20
_HEADER_LINES: Final = 5

Given = Mapping[str, Sequence[str]]


class RecordFormat(StrEnum):
    """The forms of call records that are understood."""

    AUTO = "auto"
    ASTERISK = "asterisk"
    FREESWITCH = "freeswitch"
    THREE_CX = "3cx"
    GENERIC = "generic"


def reader_of(lines: Iterator[Line], record_format: RecordFormat, given: Given) -> Reader:
    """The reader that fits a file.

    Args:
        lines: of the file; only the first ones are taken.
        record_format: AUTO tells it from the lines.
        given: headers by field, as the person named them; they make AUTO the generic form.

    Raises:
        UnusableFile: the form needs a header, and none of the first lines can be one.
    """
    first = _First(list(islice(lines, _FIRST_LINES)), given)
    if given and record_format is RecordFormat.AUTO:
        record_format = RecordFormat.GENERIC
    return _READERS[record_format](first)


class _First:
    """The first lines of a file."""

    def __init__(self, lines: Sequence[Line], given: Given) -> None:
        self.given = given
        self._texts = [line.text for line in lines]
        told = next((text for text in self._texts if text.lower().startswith(SEPARATOR_LINE)), "")
        mark = told[len(SEPARATOR_LINE) :].strip(" ") or None
        self._delimiters = (mark,) if mark and len(mark) == 1 and mark not in '"\r\n' else DELIMITERS

    @property
    def is_json(self) -> bool:
        """Whether the first line that is not blank begins a document or an array of them."""
        begun = next((text.lstrip() for text in self._texts if text.strip()), "")
        return begun.startswith(("{", "[{")) or begun.rstrip() == "["

    def delimiter(self, is_row: Callable[[list[str]], bool], clean: Callable[[str], str] = str) -> str | None:
        """The delimiter with which one of the lines is a row; None where none is."""
        for text in self._texts:
            for delimiter in self._delimiters:
                cells = _cells(clean(text), delimiter)
                if cells is not None and is_row(cells):
                    return delimiter
        return None

    def header(self, is_header: Callable[[Sequence[str]], bool]) -> tuple[Header, str] | None:
        """The first line that is such a header, and its delimiter.

        Raises:
            UnusableFile: it would be one if one of its quotes were closed.
        """
        for place, text in enumerate(self._texts):
            for delimiter in self._delimiters:
                count, cells = self._logical(place, delimiter)
                if cells is not None and is_header(cells):
                    return Header(above=place, lines=count, cells=tuple(cells)), delimiter
                if cells is None and is_header(text.replace('"', "").split(delimiter)):
                    raise UnusableFile(f"line {place + 1}: a quote in the header is never closed")
        return None

    def first_line(self) -> tuple[Header, str]:
        """The first line that is not blank, with the delimiter that makes the most cells of it."""
        place = next((place for place, text in enumerate(self._texts) if text.strip()), 0)
        text = self._texts[place] if self._texts else ""
        found = [(cells, delimiter) for delimiter in self._delimiters if (cells := _cells(text, delimiter)) is not None]
        if not found:
            raise UnusableFile(f"line {place + 1} is not a CSV header: a quote is never closed")
        cells, delimiter = max(found, key=lambda each: len(each[0]))
        return Header(above=place, lines=1, cells=tuple(readable(cell).strip() for cell in cells)), delimiter

    def _logical(self, place: int, delimiter: str) -> tuple[int, list[str] | None]:
        """The cells of the line, with further lines where a cell holds line breaks; and how many lines they are."""
        text = ""
        for count, line in enumerate(self._texts[place : place + _HEADER_LINES], start=1):
            text = f"{text}\n{line}" if count > 1 else line
            try:
                return count, [readable(cell).strip() for cell in split(text, delimiter)]
            except OpenQuote:
                continue
            except csv.Error:
                break
        return 1, None


def _auto(first: _First) -> Reader:
    if first.is_json:
        return JsonReader()
    for make in (_asterisk_header, _three_cx_header, _known_header):
        reader = make(first)
        if reader is not None:
            return reader
    for is_row, by_position, clean in (
        (is_positional_row, asterisk_by_position, str),
        (freeswitch.is_freeswitch_row, freeswitch_by_position, freeswitch.without_sql),
    ):
        delimiter = first.delimiter(is_row, clean)
        if delimiter is not None:
            return by_position(delimiter)
    return _generic(first) if _has_own_names(first) else asterisk_by_position(",")


def _asterisk(first: _First) -> Reader:
    return _asterisk_header(first) or asterisk_by_position(first.delimiter(is_positional_row) or ",")


def _freeswitch(first: _First) -> Reader:
    if first.is_json:
        return JsonReader()
    if first.delimiter(freeswitch.is_freeswitch_row, freeswitch.without_sql) is None:
        delimiter = first.delimiter(is_positional_row)
        if delimiter is not None:
            return asterisk_by_position(delimiter)
    return freeswitch_by_position(first.delimiter(freeswitch.is_freeswitch_row, freeswitch.without_sql) or ",")


def _three_cx(first: _First) -> Reader:
    reader = _three_cx_header(first)
    if reader is None:
        raise UnusableFile("no header of a 3CX call log: Call Time, From or Caller ID, To or Destination, Status, ...")
    return reader


def _generic(first: _First) -> Reader:
    reader = _given_header(first) if first.given else _known_header(first)
    if reader is not None:
        return reader
    header, delimiter = first.first_line()
    return with_header(GENERIC, header, delimiter, named_columns(header.cells, first.given))


_READERS: Final[Mapping[RecordFormat, Callable[[_First], Reader]]] = {
    RecordFormat.AUTO: _auto,
    RecordFormat.ASTERISK: _asterisk,
    RecordFormat.FREESWITCH: _freeswitch,
    RecordFormat.THREE_CX: _three_cx,
    RecordFormat.GENERIC: _generic,
}


def _asterisk_header(first: _First) -> CsvReader | None:
    return _by_header(first, is_asterisk_header, ASTERISK, header_columns)


def _three_cx_header(first: _First) -> CsvReader | None:
    return _by_header(first, is_three_cx_header, GENERIC, lambda cells: three_cx_columns(cells, first.given))


def _known_header(first: _First) -> CsvReader | None:
    own = _by_header(first, is_own_header, GENERIC, lambda cells: own_columns(cells, first.given))
    return own or _by_header(first, is_known_header, GENERIC, lambda cells: named_columns(cells, first.given))


def _given_header(first: _First) -> CsvReader | None:
    """The header that has all the columns which the person named."""
    wanted = {header.strip().lower() for headers in first.given.values() for header in headers}

    def is_header(cells: Sequence[str]) -> bool:
        return wanted <= {cell.strip().lower() for cell in cells}

    def columns(cells: Sequence[str]) -> ColumnMap:
        return own_columns(cells, first.given) if is_own_header(cells) else named_columns(cells, first.given)

    return _by_header(first, is_header, GENERIC, columns)


def _by_header(
    first: _First,
    is_header: Callable[[Sequence[str]], bool],
    kind: RowReading,
    columns: Callable[[Sequence[str]], ColumnMap],
) -> CsvReader | None:
    found = first.header(is_header)
    if found is None:
        return None
    header, delimiter = found
    return with_header(kind, header, delimiter, columns(header.cells))


def _has_own_names(first: _First) -> bool:
    """Whether half of the first line names columns of the generic form, so that it is said what the others lack."""
    try:
        header, _ = first.first_line()
    except UnusableFile:
        return False
    return 2 * sum(cell.lower() in COLUMNS for cell in header.cells) >= max(len(header.cells), 1)


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        return split(text, delimiter)
    except (OpenQuote, csv.Error):
        return split_loosely(text, delimiter)
