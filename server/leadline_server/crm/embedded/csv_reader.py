"""Contacts from CSV files, as address books and CRMs export them.

Columns are known by their header, in any order, upper or lower case, with any punctuation:

    name            name, full name, display name, contact name; else first, middle and last name
    phone numbers   every column with phone, mobile, cell, tel or telephone in its name ("phone2", "Business Phone",
                    "Phone 1 - Value"), except those of assistants and those that hold a type or label
    email           email, e-mail, email address, "E-mail 1 - Value": the first that is filled
    company         company, company name, account name, organization, organization name
    title           job title, organization title, title
    type            type, contact type: contact or lead
    id              id, uid, contact id, record id
    created         created, created at, create date, create time: ISO 8601, UTC where it names no zone
    last activity   last activity, last_activity, last activity date, last contacted: likewise

Other columns are left out. The file is UTF-8, with or without a byte order mark; a line that is not is read as
Windows-1252. The delimiter is a comma, a semicolon or a tab, whichever the header has most of.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import BinaryIO, Final

from leadline_server.crm.embedded.records import ContactRecord, RowProblem, UnreadableFile

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "full name", "display name", "contact name"),
    "first": ("first name", "given name", "firstname"),
    "middle": ("middle name", "additional name"),
    "last": ("last name", "family name", "lastname", "surname"),
    "email": ("email", "e mail", "email address", "e mail address", "email 1 value", "e mail 1 value", "email2"),
    "company": ("company", "company name", "account name", "organization", "organisation", "organization name",
                "organization 1 name"),
    # Outlook's "Title" is "Dr."; where there is a "Job Title" that one is meant.
    "title": ("job title", "organization title", "organization 1 title", "title"),
    "type": ("type", "contact type"),
    "uid": ("id", "uid", "contact id", "record id"),
    "create_time": ("created", "created at", "create date", "created date", "create time"),
    "last_activity_time": ("last activity", "last activity date", "last activity time", "last contacted"),
}  # fmt: skip
_PHONE: Final = re.compile(r"\b(?:phone|mobile|cell|telephone|tel|cellphone)\d*\b")
_NO_PHONE: Final = re.compile(r"\b(?:type|label|assistant s|assistant|extension|country)\b")
_GOOGLE_SEPARATOR: Final = " ::: "
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


def read_csv(stream: BinaryIO) -> Iterator[ContactRecord | RowProblem]:
    """The contacts of a CSV file, row by row; see above for what it may look like. Reads no further than it is asked.

    Raises:
        UnreadableFile: the file is empty, UTF-16, or its header has no column for names or none for numbers.
    """
    lines = _decode(stream)
    header = next(lines, "")
    if not header.strip():
        raise UnreadableFile("The file is empty.")
    delimiter = max(",;\t", key=header.count)
    columns = _Columns(next(csv.reader([header], delimiter=delimiter), []))
    rows = csv.reader(lines, delimiter=delimiter)
    while True:
        line = rows.line_num + 2  # of the file: the header is not counted by the reader, and lines count from 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield RowProblem(line, f"no CSV: {error}")
            continue
        if row is None:
            return
        if any(map(str.strip, row)):
            yield columns.read(row, line)


def _decode(stream: BinaryIO) -> Iterator[str]:
    first = next(iter(stream), b"")
    if first.startswith(_UTF_16):
        raise UnreadableFile("The file is UTF-16. Save it as UTF-8.")
    yield _decode_line(first.removeprefix(b"\xef\xbb\xbf"))
    for line in stream:
        yield _decode_line(line)


def _decode_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


class _Columns:
    """Where a file has what."""

    def __init__(self, header: Sequence[str]) -> None:
        names = [" ".join(re.sub(r"[\W_]+", " ", name).casefold().split()) for name in header]
        self._width = len(names)
        self._at = {
            field: [names.index(alias) for alias in aliases if alias in names] for field, aliases in _COLUMNS.items()
        }
        self._phones = [at for at, name in enumerate(names) if _PHONE.search(name) and not _NO_PHONE.search(name)]
        if not (self._at["name"] or self._at["first"] or self._at["last"]):
            raise UnreadableFile(f"No column is called name, or first name and last name. Found: {_list(header)}.")
        if not self._phones:
            raise UnreadableFile(f"No column is called phone, mobile or the like. Found: {_list(header)}.")

    def read(self, row: list[str], line: int) -> ContactRecord | RowProblem:
        """The record in a row, short rows being filled with empty cells."""
        if len(row) > self._width:
            return RowProblem(line, f"{len(row)} cells, but the header has {self._width}")
        row += [""] * (self._width - len(row))
        numbers = tuple({number: None for at in self._phones for number in _numbers(row[at])})
        company = self._cell(row, "company")
        name = self._cell(row, "name") or self._full_name(row) or company or (numbers[0] if numbers else "")
        if not name:
            return RowProblem(line, "neither a name nor a number")
        try:
            return ContactRecord(
                line=line,
                name=name,
                phone_numbers=numbers,
                type=self._cell(row, "type"),
                email=self._cell(row, "email"),
                company=company,
                title=self._cell(row, "title"),
                uid=self._cell(row, "uid"),
                create_time=_time(self._cell(row, "create_time")),
                last_activity_time=_time(self._cell(row, "last_activity_time")),
            )
        except ValueError as error:
            return RowProblem(line, str(error))

    def _cell(self, row: Sequence[str], field: str) -> str:
        for at in self._at[field]:
            if cell := row[at].strip():
                return cell
        return ""

    def _full_name(self, row: Sequence[str]) -> str:
        return " ".join(part for field in ("first", "middle", "last") if (part := self._cell(row, field)))


def _numbers(cell: str) -> list[str]:
    if _GOOGLE_SEPARATOR in cell:
        return [number for each in cell.split(_GOOGLE_SEPARATOR) if (number := each.strip())]
    number = cell.strip()
    return [number] if number else []


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 time, such as 2025-01-31 or 2025-01-31T09:30:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _list(header: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in header[:20])
