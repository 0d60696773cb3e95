"""Search of an account's book by a part of the name."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, contact_from, fold
from leadline_server.crm.toolkit.name_paging import read_cursor, write_cursor
from leadline_server.domain.contact import Contact
from leadline_server.ports.crm import ContactPage

_FEW: Final = 2_000  # hits that are fetched and sorted at once
_SLICE: Final = 20_000  # names that are read at once: some milliseconds, so that lookups do not wait
_TRIGRAM: Final = 3
_END_OF_SLICE: Final = (
    "SELECT folded_name, id FROM crm_contacts WHERE book = ? AND (folded_name, id) > (?, ?)"
    " ORDER BY folded_name, id LIMIT 1 OFFSET ?"
)


T = TypeVar("T")


class ReadsInSqlite(Protocol):
    """Reads the embedded CRM's tables in SQLite."""

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`."""
        ...


class Position(NamedTuple):
    """A position in the order of an account's contacts."""

    folded_name: str
    id: str


async def search(database: ReadsInSqlite, account_id: str, name: str, limit: int, cursor: str) -> ContactPage:
    """A page of the contacts whose name contains `name`, by name, then id.

    An index of trigrams finds rare parts of names. For a frequent part, names are read in their order, slice by slice,
    until the page is full. Both have a bounded cost, so a search never delays lookups for long.

    Raises:
        CrmInvalidCursor: the cursor is not one of this book.
    """
    part, start = fold(name), read_cursor(cursor, Position) if cursor else Position("", "")
    contacts = await database.read(lambda connection: _find_rare(connection, account_id, part, start, limit + 1))
    if contacts is None:
        contacts = await _find_frequent(database, account_id, part, start, limit + 1)
    page = tuple(contacts[:limit])
    return ContactPage(page, write_cursor(Position(fold(page[-1].name), page[-1].id)) if len(contacts) > limit else "")


def _find_rare(
    connection: sqlite3.Connection, account_id: str, part: str, start: Position, limit: int
) -> list[Contact] | None:
    """The contacts after `start`; None if the index cannot answer, or finds too many."""
    if len(part) < _TRIGRAM or "\0" in part:
        return None
    trigrams = {part[at : at + _TRIGRAM].replace('"', '""') for at in range(len(part) - _TRIGRAM + 1)}
    match = " AND ".join(f'"{trigram}"' for trigram in trigrams)
    hits = connection.execute(
        "SELECT rowid FROM crm_contact_names WHERE crm_contact_names MATCH ? LIMIT ?", (match, _FEW + 1)
    ).fetchall()
    if len(hits) > _FEW:
        return None
    rows = connection.execute(
        f"SELECT {CONTACT_COLUMNS} FROM json_each(?) AS hit CROSS JOIN crm_contacts AS c ON c.pk = hit.value"  # noqa: S608 - a constant
        " WHERE c.book = (SELECT book FROM crm_books WHERE account_id = ?)"
        " AND (c.folded_name, c.id) > (?, ?) AND instr(c.folded_name, ?) ORDER BY c.folded_name, c.id LIMIT ?",
        (msgspec.json.encode([pk for (pk,) in hits]).decode(), account_id, *start, part, limit),
    )
    return [contact_from(row) for row in rows]


async def _find_frequent(
    database: ReadsInSqlite, account_id: str, part: str, start: Position, limit: int
) -> list[Contact]:
    contacts: list[Contact] = []
    position: Position | None = start
    while position is not None and len(contacts) < limit:
        read = partial(_read_slice, account_id=account_id, part=part, start=position, limit=limit - len(contacts))
        more, position = await database.read(read)
        contacts += more
    return contacts


def _read_slice(
    connection: sqlite3.Connection, account_id: str, part: str, start: Position, limit: int
) -> tuple[list[Contact], Position | None]:
    """The contacts of a slice of the names, and where the next slice begins (None at the end).

    Every name has the empty part, so the limit ends that slice.
    """
    book = connection.execute("SELECT book FROM crm_books WHERE account_id = ?", (account_id,)).fetchone()
    if book is None:
        return [], None
    end = connection.execute(_END_OF_SLICE, (*book, *start, _SLICE - 1)).fetchone() if part else None
    within, bounds = ("AND (c.folded_name, c.id) <= (?, ?)", end) if end else ("", ())
    rows = connection.execute(
        f"SELECT {CONTACT_COLUMNS} FROM crm_contacts AS c WHERE c.book = ? AND (c.folded_name, c.id) > (?, ?) {within}"  # noqa: S608 - constants
        " AND instr(c.folded_name, ?) ORDER BY c.folded_name, c.id LIMIT ?",
        (*book, *start, *bounds, part, limit),
    )
    return [contact_from(row) for row in rows], Position(*end) if end else None
