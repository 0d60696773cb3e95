"""Contacts from the rows of a CSV file."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from leadline_server.crm.embedded.contact_files.csv_rows import CsvRows, Row
from leadline_server.crm.embedded.contact_files.dates import DateOrder, UnreadableDate, read_date
from leadline_server.crm.embedded.contact_files.header_words import Field, Reason
from leadline_server.crm.embedded.contact_files.mapping import ColumnMapping, PhoneColumn
from leadline_server.crm.embedded.contact_files.number_cells import FoundNumbers
from leadline_server.crm.embedded.contact_files.outcomes import Outcome, Remark
from leadline_server.crm.embedded.contact_files.records import ContactRecord, PassedOver, RowProblem
from leadline_server.domain.numbers.cells import is_plain

_FAX_LABEL: Final = re.compile(r"fax|pager|beeper|t[ée]l[ée]cop", re.IGNORECASE)
_NOT_CALLERS: Final = {Reason.FAX: Outcome.FAX, Reason.OTHER_PERSON: Outcome.OTHER_PERSON}
_TRUE: Final = frozenset({"1", "true", "yes"})
_MIN_DIGITS: Final = 3  # of a cell that looks like a number, an extension among them
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
        region: which numbers without a country code are read in.
        orders: of day and month, of each date.
    """

    def __init__(
        self, mapping: ColumnMapping, rows: CsvRows, region: str, orders: Mapping[Field, DateOrder | None]
    ) -> None:
        self._mapping = mapping
        self._at = _columns(mapping.fields)
        self._header = list(mapping.header)
        self._width = len(mapping.header)
        self._delimiter = rows.delimiter
        self._region = region
        self._orders = orders
        self._not_callers = [(at, _NOT_CALLERS[reason]) for at, reason in mapping.left_out if reason in _NOT_CALLERS]
        rows.expect(self._width, self._is_entry)

    def read(self, row: Row) -> ContactRecord | RowProblem | PassedOver | None:
        """The contact in a row, short rows being filled with empty cells; None for a blank row."""
        if row.problem:
            return RowProblem(row.line, row.problem, row.end)
        cells = row.cells
        if not any(map(str.strip, cells)):
            return None
        if len(cells) != self._width:
            if any(map(str.strip, cells[self._width :])):
                return RowProblem(row.line, f"{len(cells)} cells, but the header has {self._width}", row.end)
            if any(self._is_entry(cell.split(self._delimiter)) for cell in cells if self._delimiter in cell):
                return RowProblem(row.line, "quotes make one cell of several", row.end)
            cells = [*cells, *[""] * (self._width - len(cells))]
        if cells[0].strip() == self._header[0] and [cell.strip() for cell in cells[: self._width]] == self._header:
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
                found.leave_out(Outcome.FAX, cell)
            elif is_plain(cell):
                found.numbers[cell] = None
            else:
                found.add(cell, self._region)
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
            remarks.append(Remark(Outcome.DATE, line, str(error)))
            return None

    def _is_entry(self, cells: Sequence[str]) -> bool:
        """Whether cells look like a row of their own: as many as the header has, and a number where numbers are."""
        return len(cells) == self._width and any(_looks_like_number(cells[at.index]) for at in self._mapping.phones)


def _filled(cells: Sequence[str], indexes: tuple[int, ...]) -> str:
    """The first of some cells that is filled."""
    for index in indexes:
        if cell := cells[index].strip():
            return cell
    return ""


def _looks_like_number(cell: str) -> bool:
    digits = sum(map(str.isdecimal, cell))
    return digits >= _MIN_DIGITS and 2 * digits >= sum(map(str.isalnum, cell))
