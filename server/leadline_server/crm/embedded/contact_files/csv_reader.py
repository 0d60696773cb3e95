"""Contacts from CSV files, as address books, CRMs, phone systems and spreadsheets export them.

Columns are known by their headers, in any order: see `header_words` for the words and `exports` for exports that are
known as a whole. Other columns are left out. The delimiter is a comma, a semicolon, a tab or a bar. Lines before the
header, such as a title or `sep=;`, are passed over. `lines` tells which encodings and line ends are read, `csv_rows`
what becomes of quotes that are never closed, and `dates` which dates are read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from leadline_server.crm.embedded.contact_files.contact_rows import ContactRows
from leadline_server.crm.embedded.contact_files.csv_rows import MISPLACED, NEVER_CLOSED, CsvRows, Row
from leadline_server.crm.embedded.contact_files.dates import DayOrder, order_shown_by
from leadline_server.crm.embedded.contact_files.header_words import Field
from leadline_server.crm.embedded.contact_files.lines import read_lines
from leadline_server.crm.embedded.contact_files.mapping import ChosenColumn, ColumnMapping, map_columns
from leadline_server.crm.embedded.contact_files.records import FileItem, PassedOver, UnreadableFile
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

DATES: Final = (Field.CREATED, Field.LAST_ACTIVITY)
_DELIMITERS: Final = (",", ";", "\t", "|")
_TITLE_LINES: Final = 20  # lines in which the header has to be; blank ones count
_SEPARATOR: Final = re.compile(r"sep=(.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How to read a CSV file.

    Attributes:
        rules: how the account's numbers are read.
        columns: what the user says of columns.
        date_order: what comes first in 3/4/2024; None to tell it from each column.
    """

    rules: RulesOrRegion
    columns: tuple[ChosenColumn, ...] = ()
    date_order: DayOrder | None = None


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """The facts about a file that are known before its first contact.

    Attributes:
        mapping: which column fills which field.
        delimiter: between cells.
        line, end: the first and last line of the header.
        passed_over: the lines before it.
    """

    mapping: ColumnMapping
    delimiter: str
    line: int
    end: int
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, slots=True)
class CsvContacts:
    """The contacts of a CSV file, to be iterated once; and its header."""

    header: CsvHeader
    _items: Iterator[FileItem] = field(repr=False)

    def __iter__(self) -> Iterator[FileItem]:
        return self._items


def read_csv(stream: BinaryIO, options: CsvOptions) -> CsvContacts:
    """Read the header of a CSV file; its rows are read as they are asked for.

    Where the file has dates with day and month in an order that only the whole column tells, it is read through once
    before, but for the dates alone.

    Raises:
        UnreadableFile: there is no header, or a column that is needed is missing.
    """
    begin = stream.tell() if stream.seekable() else None
    rows = CsvRows(read_lines(stream))
    header = _find_header(rows, options.columns)
    orders: dict[Field, DayOrder | None] = dict.fromkeys(DATES, options.date_order)
    if options.date_order is None and begin is not None:
        position = stream.tell()
        stream.seek(begin)
        orders.update(_date_orders(stream, header))
        stream.seek(position)
    return CsvContacts(header, _items(rows, header, ContactRows(header.mapping, rows, options.rules, orders)))


def _items(rows: CsvRows, header: CsvHeader, contacts: ContactRows) -> Iterator[FileItem]:
    yield from header.passed_over
    for row in rows.rows():
        item = contacts.read(row)
        if item is not None:
            yield item


def _find_header(rows: CsvRows, chosen: Sequence[ChosenColumn]) -> CsvHeader:
    """The first row that has the columns that are needed, and the lines before it."""
    passed: list[PassedOver] = []
    first: UnreadableFile | None = None
    separator = ""
    for line in range(1, _TITLE_LINES + 1):
        found = _try_delimiters(rows, separator, chosen)
        if found is None:
            break
        if isinstance(found, CsvHeader):
            return CsvHeader(found.mapping, found.delimiter, found.line, found.end, tuple(passed))
        text = rows.next_line()
        if matched := _SEPARATOR.fullmatch(text.strip()):
            separator = matched[1]
        elif text.strip():
            first = first or found
        if text.strip():
            passed.append(PassedOver(line, f"{text.strip()[:80]!r}", line))
    raise first or UnreadableFile("The file is empty.")


def _try_delimiters(rows: CsvRows, separator: str, chosen: Sequence[ChosenColumn]) -> CsvHeader | UnreadableFile | None:
    """The next row as a header, read with the delimiter that makes one of it; else why it is none; None at the end."""
    first: UnreadableFile | None = None
    for delimiter in [separator] if separator else _by_frequency(rows):
        rows.delimiter = delimiter
        row = rows.preview()
        if row is None:
            return None
        try:
            mapping = map_columns(_cells(row), chosen)
        except UnreadableFile as error:
            first = first or error
            continue
        rows.next_row()
        return CsvHeader(mapping, delimiter, row.line, row.end)
    return first


def _cells(row: Row) -> Sequence[str]:
    if row.problem in {NEVER_CLOSED, MISPLACED}:
        raise UnreadableFile(f"The header (line {row.line}) cannot be read: {row.problem}. Correct it and try again.")
    if row.problem:
        raise UnreadableFile(f"The header (line {row.line}) cannot be read: {row.problem}.")
    return row.cells


def _by_frequency(rows: CsvRows) -> list[str]:
    """The delimiters, the most frequent one of the next line first."""
    return sorted(_DELIMITERS, key=rows.preview_line().count, reverse=True)


def _date_orders(stream: BinaryIO, header: CsvHeader) -> dict[Field, DayOrder | None]:
    """Whether the day or the month comes first in the columns of each date; None if that is unclear."""
    columns = {date: header.mapping.fields.get(date, ()) for date in DATES}
    seen: dict[Field, set[DayOrder]] = {date: set() for date in DATES}
    if not any(columns.values()):
        return {}
    rows = CsvRows(read_lines(stream))
    rows.delimiter = header.delimiter
    for row in rows.rows():
        for date, indexes in columns.items():
            for index in indexes:
                if index < len(row.cells) and (order := order_shown_by(row.cells[index].strip())):
                    seen[date].add(order)
    return {date: orders.pop() if len(orders) == 1 else None for date, orders in seen.items()}
