"""The adapter: what leadline asks, in SQL. The docstrings of `leadline_server.ports.crm.CrmAdapter` say what holds."""

import re
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from leadline_server.crm.toolkit import subject_of
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmInvalidCursor, CrmRejected
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities

from leadline_phonebook.book import Book

CAPABILITIES: Final = Capabilities(finds_log_by_key=True, enforces_unique_key=True, moves_log=True)
"""Each of these is a UNIQUE constraint or a WHERE clause; what a backend cannot do is not declared."""

_TAIL_DIGITS: Final = 7
_split_extension: Final = re.compile(r"(?i);?\s*(?:ext|x)\D*").split


def tail(number: str) -> str:
    """The last digits of a number without its extension: `5550101` of `+1 (202) 555-0101 ext. 7`.

    Different numbers may have the same last digits. leadline keeps only real matches.
    """
    return re.sub(r"\D", "", _split_extension(number)[0])[-_TAIL_DIGITS:]


class PhonebookCrm:
    """One account's part of a phone book."""

    def __init__(self, book: Book, account: str) -> None:
        self._book = book
        self._account = account

    @property
    def capabilities(self) -> Capabilities:
        """The same for every phone book."""
        return CAPABILITIES

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Who has one of the numbers; never writes."""
        tails = {tail(number.e164 or number.extension) for number in numbers}
        marks = ", ".join("?" * len(tails))
        query = f"SELECT * FROM people WHERE account = ? AND tail IN ({marks})"  # noqa: S608 - question marks
        return await self._people(query, self._account, *tails)

    async def get_contact(self, contact_id: str) -> Contact | None:
        """Who has this id."""
        people = await self._people("SELECT * FROM people WHERE account = ? AND id = ?", self._account, contact_id)
        return people[0] if people else None

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """By name, literally: instr() knows no wildcards. The cursor is the offset."""
        query = (
            "SELECT * FROM people WHERE account = ? AND instr(name, ?) ORDER BY name, CAST(id AS TEXT) LIMIT ? OFFSET ?"
        )
        if cursor and not cursor.isdecimal():
            raise CrmInvalidCursor("This is not a cursor of the phone book.")
        offset = int(cursor or 0)
        people = await self._people(query, self._account, name, limit + 1, offset)
        following = str(offset + limit) if len(people) > limit else ""
        return ContactPage(tuple(people[:limit]), following)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """The key's contact, made if this is the first to ask for it."""
        number = draft.phone_number.e164 or draft.phone_number.text
        values = (
            *(self._account, key, draft.name, number, tail(number)),
            *(draft.email, draft.company, draft.is_placeholder),
        )

        def create(connection: sqlite3.Connection) -> Contact:
            connection.execute(
                "INSERT INTO people (account, key, name, number, tail, email, company, is_placeholder)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, key) DO NOTHING",
                values,
            )
            query = "SELECT * FROM people WHERE account = ? AND key = ?"
            return _contact(connection.execute(query, (self._account, key)).fetchone())

        return await self._book.write(create)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """The key's log, made if this is the first to ask for it."""

        def create(connection: sqlite3.Connection) -> CrmLog:
            self._require_person(connection, entry)
            connection.execute(
                "INSERT INTO calls (account, key, person, subject, note) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (account, key) DO NOTHING",
                (self._account, key, entry.contact_id, *_told(entry)),
            )
            found = self._log(connection, key)
            if found is None:
                raise sqlite3.DatabaseError("what was just written is not there")
            return found

        return await self._book.write(create)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Write leadline's columns; `remark` is people's."""

        def update(connection: sqlite3.Connection) -> CrmLog:
            if entry.moves:  # otherwise the call stays with the person that people gave it to
                self._require_person(connection, entry)
            query = (
                "UPDATE calls SET person = iif(?, ?, person), subject = ?, note = ? WHERE account = ? AND id = ?"
                " RETURNING person"
            )
            values = (entry.moves, entry.contact_id, *_told(entry), self._account, log_id)
            done = connection.execute(query, values).fetchall()
            if not done:
                raise CrmRejected("The phone book has no such call any more.")
            return CrmLog(log_id, contact_id=str(done[0]["person"]))

        return await self._book.write(update)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with this key."""
        return await self._book.read(lambda connection: self._log(connection, key))

    async def check(self) -> None:
        """Whether the file can be read."""
        await self._book.read(lambda connection: connection.execute("SELECT count(*) FROM people").fetchone())

    async def _people(self, query: str, *values: object) -> list[Contact]:
        rows = await self._book.read(lambda connection: connection.execute(query, values).fetchall())
        return [_contact(row) for row in rows]

    def _require_person(self, connection: sqlite3.Connection, entry: LogEntry) -> None:
        query = "SELECT 1 FROM people WHERE account = ? AND id = ?"
        if connection.execute(query, (self._account, entry.contact_id)).fetchone() is None:
            raise CrmRejected("The phone book has no such person.")

    def _log(self, connection: sqlite3.Connection, key: str) -> CrmLog | None:
        query = "SELECT id FROM calls WHERE account = ? AND key = ?"
        row = connection.execute(query, (self._account, key)).fetchone()
        return None if row is None else CrmLog(str(row["id"]))


def _told(entry: LogEntry) -> tuple[str, str]:
    return subject_of(entry), entry.call.note or ""


def _contact(row: sqlite3.Row) -> Contact:
    return Contact(
        id=str(row["id"]),
        name=row["name"],
        phone_numbers=(row["number"],),
        email=row["email"],
        company=row["company"],
        create_time=datetime.fromisoformat(row["created"]),
        is_placeholder=bool(row["is_placeholder"]),
    )
