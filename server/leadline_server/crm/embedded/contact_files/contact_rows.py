"""Contacts from the rows of a CSV file."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from leadline_server.crm.embedded.contact_files.csv_rows import CsvRows, Row
from leadline_server.crm.embedded.contact_files.dates import DayOrder, UnreadableDate, read_date
from leadline_server.crm.embedded.contact_files.header_words import Field, HeaderReason
from leadline_server.crm.embedded.contact_files.mapping import ColumnMapping, PhoneColumn
from leadline_server.crm.embedded.contact_files.number_cells import FoundNumbers
from leadline_server.crm.embedded.contact_files.outcomes import FileOutcome, Remark
from leadline_server.crm.embedded.contact_files.records import ContactRecord, PassedOver, RowProblem
from leadline_server.domain.formula_cells import unescaped_cell
from leadline_server.domain.numbers.cells import is_plain
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

_FAX_LABEL: Final = re.compile(r"fax|pager|beeper|t[ée]l[ée]cop", re.IGNORECASE)
_NOT_CALLERS: Final = {HeaderReason.FAX: FileOutcome.FAX, HeaderReason.OTHER_PERSON: FileOutcome.OTHER_PERSON}
_TRUE: Final = frozenset({"1", "true", "yes"})
_MIN_DIGITS: Final = 3  # of a cell that looks like a number, an extension among them
_MIN_WHOLE: Final = 7  # of one that can be nothing else, such as a year
_DATES: Final = (Field.CREATED, Field.LAST_ACTIVITY)
_NAME_PARTS: Final = (Field.FIRST_NAME, Field.MIDDLE_NAME, Field.LAST_NAME)


class _Columns(NamedTuple):
    """The columns of each field. Looked up once: a dictionary by enum costs a fifth of reading a row."""

    name: tuple[int, ...]
    name_parts: tuple[tuple[int, ...], ...]
    type: tuple[int, ...]
    email: tuple[int, ...]
    company: tuple[int, ...]
    title: tuple[int, ...]
    id: tuple[int, ...]
    created: tuple[int, ...]
    active: tuple[int, ...]


def _columns(fields: Mapping[Field, tuple[int, ...]]) -> _Columns:
    def of(field: Field) -> tuple[int, ...]:
        return fields.get(field, ())

    return _Columns(
        name=of(Field.NAME),
        name_parts=tuple(fields[field] for field in _NAME_PARTS if field in fields),
        type=of(Field.TYPE),
        email=of(Field.EMAIL),
        company=of(Field.COMPANY),
        title=of(Field.TITLE),
        id=of(Field.ID),
        created=of(Field.CREATED),
        active=of(Field.LAST_ACTIVITY),
    )


class ContactRows:
    """Makes contacts of rows.

    Args:
        mapping: which column fills which field.
        rows: where the rows come from; learns here what a row looks like.
        rules: how the account's numbers are read.
        orders: of day and month, of each date.
    """

    def __init__(
        self, mapping: ColumnMapping, rows: CsvRows, rules: RulesOrRegion, orders: Mapping[Field, DayOrder | None]
    ) -> None:
        self._mapping = mapping
        self._at = _columns(mapping.fields)
        self._header = list(mapping.header)
        self.width = len(mapping.header)
        self._delimiter = rows.delimiter
        self._rules = rules
        self._orders = orders
        self._short_texts = tuple(at for field, found in mapping.fields.items() if field not in _DATES for at in found)
        self._not_callers = [(at, _NOT_CALLERS[reason]) for at, reason in mapping.left_out if reason in _NOT_CALLERS]
        rows.expect(self)

    def read(self, row: Row) -> ContactRecord | RowProblem | PassedOver | None:
        """The contact in a row, short rows being filled with empty cells; None for a blank row."""
        if row.problem:
            return RowProblem(row.line, row.problem, row.end)
        cells = row.cells
        if not any(map(str.strip, cells)):
            return None
        if len(cells) != self.width:
            if any(map(str.strip, cells[self.width :])):
                return RowProblem(row.line, f"{len(cells)} cells, but the header has {self.width}", row.end)
            if any(self.is_entry(cell.split(self._delimiter)) for cell in cells if self._delimiter in cell):
                return RowProblem(row.line, "quotes make one cell of several", row.end)
            cells = [*cells, *[""] * (self.width - len(cells))]
        if cells[0].strip() == self._header[0] and [cell.strip() for cell in cells[: self.width]] == self._header:
            return PassedOver(row.line, "the header again", row.end)
        return self._contact(row, cells)

    def _contact(self, row: Row, cells: Sequence[str]) -> ContactRecord | RowProblem:
        at = self._at
        found = self._numbers(row.line, cells)
        company = _filled(cells, at.company)
        name = _filled(cells, at.name) or self._full_name(cells) or company or next(iter(found.numbers), "")
        if not name:
            return RowProblem(row.line, "neither a name nor a number", row.end)
        create_time = self._time(cells, Field.CREATED, row.line, found.remarks) if at.created else None
        last_activity_time = self._time(cells, Field.LAST_ACTIVITY, row.line, found.remarks) if at.active else None
        return ContactRecord(
            line=row.line,
            end=row.end,
            name=name,
            phone_numbers=tuple(found.numbers),
            unusable_numbers=tuple(found.unusable),
            type=_filled(cells, at.type),
            email=_filled(cells, at.email),
            company=company,
            title=_filled(cells, at.title),
            uid=_filled(cells, at.id),
            create_time=create_time,
            last_activity_time=last_activity_time,
            remarks=tuple(found.remarks),
        )

    def _numbers(self, line: int, cells: Sequence[str]) -> FoundNumbers:
        found = FoundNumbers(line)
        for column in self._mapping.phones:
            cell = cells[column.index].strip()
            if not cell:
                continue
            if column.is_labelled and self._is_fax(column, cells):
                found.leave_out(FileOutcome.FAX, cell)
            elif is_plain(cell):
                found.numbers[cell] = None
            else:
                found.add(cell, self._rules)
        for index, outcome in self._not_callers:
            found.leave_out(outcome, cells[index])
        return found

    def _is_fax(self, column: PhoneColumn, cells: Sequence[str]) -> bool:
        if any(_FAX_LABEL.search(cells[label]) for label in column.labels):
            return True
        if column.fax_flag is None or cells[column.fax_flag].strip().casefold() not in _TRUE:
            return False
        return column.voice_flag is None or cells[column.voice_flag].strip().casefold() not in _TRUE

    def _full_name(self, cells: Sequence[str]) -> str:
        return " ".join(part for indexes in self._at.name_parts if (part := _filled(cells, indexes)))

    def _time(self, cells: Sequence[str], field: Field, line: int, remarks: list[Remark]) -> datetime | None:
        text = _filled(cells, self._mapping.fields[field])
        if not text:
            return None
        try:
            return read_date(text, self._orders[field])
        except UnreadableDate as error:
            remarks.append(Remark(FileOutcome.DATE, line, str(error)))
            return None

    def has_swallowed(self, cells: Sequence[str]) -> bool:
        """Whether a name or a cell of numbers spans lines and holds other rows."""
        last, delimiter = len(cells), self._delimiter
        if any(_swallows_number(cells[index], delimiter) for index in self._short_texts if index < last):
            return True
        return any(_swallows_name(cells[at.index], delimiter) for at in self._mapping.phones if at.index < last)

    def is_entry(self, cells: Sequence[str]) -> bool:
        """Whether cells look like a row of their own: as many as the header has, with a number or address in place."""
        if len(cells) != self.width:
            return False
        has_number = any(_looks_like_number(cells[column.index]) for column in self._mapping.phones)
        return has_number or any("@" in cells[index] for index in self._at.email)


def _swallows_number(cell: str, delimiter: str) -> bool:
    """Whether a name spans lines and has a number between delimiters."""
    if "\n" not in cell or delimiter not in cell:
        return False
    return any(map(_is_whole_number, cell.split(delimiter)))


def _swallows_name(cell: str, delimiter: str) -> bool:
    """Whether a cell of numbers has, on a later line, words and then a number: the begin of another row."""
    for line in cell.split("\n")[1:]:
        begin, *others = line.split(delimiter)
        if not any(map(str.isdecimal, begin)) and any(map(str.isalpha, begin)) and any(map(_is_whole_number, others)):
            return True
    return False


def _is_whole_number(text: str) -> bool:
    return sum(map(str.isdecimal, text)) >= _MIN_WHOLE and _looks_like_number(text)


def _filled(cells: Sequence[str], indexes: tuple[int, ...]) -> str:
    """The first of some cells that is filled."""
    for index in indexes:
        if cell := cells[index].strip():
            return unescaped_cell(cell)
    return ""


def _looks_like_number(cell: str) -> bool:
    digits = sum(map(str.isdecimal, cell))
    return digits >= _MIN_DIGITS and 2 * digits >= sum(map(str.isalnum, cell))
