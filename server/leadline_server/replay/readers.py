"""Readers of the forms of call records: lines become rows of texts, and those become records."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final, Protocol

from leadline_server.replay import asterisk, asterisk_columns, freeswitch, generic
from leadline_server.replay.clock_texts import DateOrder, order_told_by, read_clock
from leadline_server.replay.columns import ATTRIBUTE_PREFIX, IGNORE, TEXTS, ColumnMap
from leadline_server.replay.csv_rows import BLANK_LINE, CsvRow, Dialect, read_rows
from leadline_server.replay.json_rows import Document, read_documents
from leadline_server.replay.lines import Line, readable
from leadline_server.replay.records import BadRow, NoRecord, RawRow, Record, Skipped
from leadline_server.replay.rules import Rules

SEPARATOR_LINE: Final = "sep="
"""How a file begins that tells spreadsheets its delimiter."""

HEADER: Final = "the header"
ABOVE_HEADER: Final = "lines above the header"

RawRows = Iterator[RawRow | Skipped | NoRecord]


class Reader(Protocol):
    """One form of call records."""

    @property
    def columns(self) -> ColumnMap | None:
        """The fields of the columns; None where the form has no header."""
        ...

    @property
    def time_fields(self) -> tuple[str, ...]:
        """Fields that hold times, the start first."""
        ...

    @property
    def id_field(self) -> str:
        """The field of the id, which may tell when the call began."""
        ...

    def rows(self, lines: Iterator[Line]) -> RawRows:
        """The rows of a file, as texts. Every line belongs to exactly one of what is yielded."""
        ...

    def read_record(self, row: RawRow, rules: Rules) -> Record:
        """The record of a row. Raises BadRow."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReading:
    """How the records of a form are read.

    Attributes:
        read_record: makes a record of the texts of a row, or raises BadRow.
        time_fields: fields that hold times, the start first.
        id_field: the field of the id.
    """

    read_record: Callable[[RawRow, Rules], Record]
    time_fields: tuple[str, ...]
    id_field: str


ASTERISK: Final = RowReading(
    read_record=asterisk.read_record, time_fields=asterisk.TIME_FIELDS, id_field=asterisk.ID_FIELD
)
GENERIC: Final = RowReading(read_record=generic.read_record, time_fields=generic.TIME_FIELDS, id_field=generic.ID_FIELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where a header stands.

    Attributes:
        above: how many lines stand above it.
        lines: how many lines it has; more than one where a cell holds a line break.
        cells: its cells, readable.
    """

    above: int
    lines: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvReader:
    """Reads delimiter-separated records.

    Attributes:
        kind: how its records are read.
        dialect: how its rows are told apart.
        values: the texts of a row's cells by field, or BadRow.
        header: where it stands; None where there is none.
        columns: the fields of its columns; None without a header.
        clean: makes of a line's text what holds the row's cells.
    """

    kind: RowReading
    dialect: Dialect
    values: Callable[[Sequence[str]], Mapping[str, str]]
    header: Header | None = None
    columns: ColumnMap | None = None
    clean: Callable[[str], str] | None = None

    @property
    def time_fields(self) -> tuple[str, ...]:
        """Fields that hold times, the start first."""
        return self.kind.time_fields

    @property
    def id_field(self) -> str:
        """The field of the id."""
        return self.kind.id_field

    def read_record(self, row: RawRow, rules: Rules) -> Record:
        """The record of a row. Raises BadRow."""
        return self.kind.read_record(row, rules)

    def rows(self, lines: Iterator[Line]) -> RawRows:
        """The rows of a file, as texts. Every line belongs to exactly one of what is yielded."""
        if self.header is not None:
            for line in islice(lines, self.header.above):
                yield _no_record(line, ABOVE_HEADER)
            for line in islice(lines, self.header.lines):
                yield _no_record(line, HEADER)
        else:
            first = next(lines, None)
            if first is not None and first.text.lower().startswith(SEPARATOR_LINE):
                yield _no_record(first, ABOVE_HEADER)
            elif first is not None:
                lines = chain([first], lines)
        if self.clean is not None:
            clean = self.clean
            lines = (replace(line, text=clean(line.text)) for line in lines)
        for row in read_rows(lines, self.dialect):
            yield self._raw(row) if isinstance(row, CsvRow) else row

    def _raw(self, row: CsvRow) -> RawRow | Skipped | NoRecord:
        if self.header is not None and tuple(readable(cell).strip() for cell in row.cells) == self.header.cells:
            return NoRecord(line=row.line, size=row.size, what=HEADER)  # of a file that was joined to this one
        try:
            return RawRow(line=row.line, size=row.size, values=self.values(row.cells))
        except BadRow as bad:
            return Skipped(line=row.line, size=row.size, reason=str(bad))


@dataclass(frozen=True, slots=True)
class JsonReader:
    """Reads documents of FreeSWITCH's mod_json_cdr."""

    columns: None = None
    time_fields: tuple[str, ...] = generic.TIME_FIELDS
    id_field: str = generic.ID_FIELD

    def rows(self, lines: Iterator[Line]) -> RawRows:
        """The documents of a file, as texts."""
        for found in read_documents(lines):
            if not isinstance(found, Document):
                yield found
                continue
            try:
                yield RawRow(line=found.line, size=found.size, values=freeswitch.document_values(found.fields))
            except BadRow as bad:
                yield Skipped(line=found.line, size=found.size, reason=str(bad))

    def read_record(self, row: RawRow, rules: Rules) -> Record:
        """The record of a document. Raises BadRow."""
        return generic.read_record(row, rules)


def with_header(kind: RowReading, header: Header, delimiter: str, columns: ColumnMap) -> CsvReader:
    """A reader of rows whose header names their columns."""
    may_break = [
        name is None or name in TEXTS or name == IGNORE or name.startswith(ATTRIBUTE_PREFIX) for name in columns.fields
    ]
    starts = [place for place, name in enumerate(columns.fields) if name in {"start", "start_time", "date", "time"}]

    def is_row(cells: list[str]) -> bool:
        has_width = len(cells) >= len(columns.fields) and not any(cells[len(columns.fields) :])
        return has_width and all(_may_be_time(cells[place]) for place in starts)

    def values(cells: Sequence[str]) -> Mapping[str, str]:
        found = columns.values(cells)
        return found if kind is ASTERISK else generic.joined_times(found)

    dialect = Dialect(
        delimiter=delimiter,
        is_row=is_row,
        may_break=(lambda place: place >= len(may_break) or may_break[place])
        if kind is GENERIC
        else lambda _place: False,
    )
    return CsvReader(kind=kind, dialect=dialect, values=values, header=header, columns=columns)


def asterisk_by_position(delimiter: str) -> CsvReader:
    """A reader of Master.csv."""

    def values(cells: Sequence[str]) -> Mapping[str, str]:
        return asterisk.readable_cdr(asterisk_columns.positional_values(cells))

    dialect = Dialect(delimiter=delimiter, is_row=asterisk_columns.is_positional_row)
    return CsvReader(kind=ASTERISK, dialect=dialect, values=values)


def freeswitch_by_position(delimiter: str) -> CsvReader:
    """A reader of what mod_cdr_csv writes."""
    dialect = Dialect(delimiter=delimiter, is_row=freeswitch.is_freeswitch_row, skip_blanks=True)
    return CsvReader(kind=GENERIC, dialect=dialect, values=freeswitch.positional_values, clean=freeswitch.without_sql)


def _no_record(line: Line, what: str) -> NoRecord:
    return NoRecord(line=line.number, size=line.size, what=what if line.text.strip() else BLANK_LINE)


def _may_be_time(text: str) -> bool:
    try:
        return read_clock(text, DateOrder.DAY_FIRST) is not None
    except (ValueError, OverflowError):
        return order_told_by(text) is not None or (":" in text and text.strip()[:1].isdecimal())
