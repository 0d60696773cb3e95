"""Contacts as rows of the database."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from leadline_server.crm.embedded.keys import fold, stored_key
from leadline_server.domain.contact import Contact
from leadline_server.storage.many import ManyRows

CONTACT_COLUMNS: Final = "c.id, c.name, c.type, c.create_time, c.last_activity_time, c.is_placeholder, c.details"
"""What `contact_from` reads, of a table called `c`."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class _Details(msgspec.Struct, omit_defaults=True):
    phone_numbers: tuple[str, ...] = ()
    email: str = ""
    company: str = ""
    title: str = ""
    attributes: Mapping[str, str] = {}


_decoder: Final = msgspec.json.Decoder(_Details)
_encoder: Final = msgspec.json.Encoder()


def contact_from(row: Sequence[Any]) -> Contact:
    """The contact in a row of CONTACT_COLUMNS."""
    contact_id, name, kind, create_time, last_activity_time, is_placeholder, details = row
    packed = _decoder.decode(details)
    return Contact(
        id=contact_id,
        name=name,
        phone_numbers=packed.phone_numbers,
        type=kind,
        email=packed.email,
        company=packed.company,
        title=packed.title,
        create_time=from_micros(create_time),
        last_activity_time=from_micros(last_activity_time),
        is_placeholder=bool(is_placeholder),
        attributes=packed.attributes,
    )


def details_of(contact: Contact) -> str:
    """The packed column of a contact."""
    packed = _Details(contact.phone_numbers, contact.email, contact.company, contact.title, contact.attributes)
    return _encoder.encode(packed).decode()


@dataclass(frozen=True, slots=True)
class NewContact:
    """A contact ready to be inserted: the keys of its numbers, and the values of its row after `pk` and `book`.

    `import_digests` are those of the rows of files that it was imported from; None where it was not.
    """

    unique_key: str | None
    folded_name: str
    keys: tuple[str, ...]
    values: tuple[Any, ...]
    import_digests: bytes | None = None


def prepare(
    contact: Contact, unique_key: str | None, keys: tuple[str, ...], import_digests: bytes | None = None
) -> NewContact:
    """All the work of inserting that needs no lock.

    Args:
        contact: what the row says.
        unique_key: names the request or record behind the contact.
        keys: of its numbers, see `number_keys`.
        import_digests: see `NewContact`.
    """
    folded_name = fold(contact.name)
    return NewContact(
        unique_key,
        folded_name,
        keys,
        (
            contact.id,
            unique_key,
            contact.name,
            folded_name,
            contact.type,
            to_micros(contact.create_time),
            to_micros(contact.last_activity_time),
            contact.is_placeholder,
            details_of(contact),
            import_digests,
        ),
        import_digests,
    )


_INSERT_CONTACT: Final = (
    "INSERT INTO contacts (pk, book, id, unique_key, name, folded_name, type, create_time, last_activity_time,"
    " is_placeholder, details, import_digests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_CONTACT: Final = (
    "UPDATE contacts SET id = ?, unique_key = ?, name = ?, folded_name = ?, type = ?, create_time = ?,"
    " last_activity_time = ?, is_placeholder = ?, details = ?, import_digests = ? WHERE pk = ?"
)
_INSERT_NUMBER: Final = "INSERT INTO contact_numbers (book, key, contact) VALUES (?, ?, ?)"
_INSERT_NAME: Final = ManyRows(
    ("pk", "folded_name"), "INSERT INTO contact_names (rowid, folded_name) SELECT * FROM given WHERE pk IS NOT NULL"
)


def insert_contacts(connection: sqlite3.Connection, book: int, contacts: Sequence[NewContact]) -> None:
    """Add contacts to an account's book."""
    [(last,)] = connection.execute("SELECT coalesce(max(pk), 0) FROM contacts").fetchall()
    numbered = list(enumerate(contacts, last + 1))
    connection.executemany(_INSERT_CONTACT, [(pk, book, *contact.values) for pk, contact in numbered])
    _INSERT_NAME.run(connection, [(pk, contact.folded_name) for pk, contact in numbered])
    insert_numbers(connection, [(book, key, pk) for pk, contact in numbered for key in contact.keys])


def update_contacts(connection: sqlite3.Connection, book: int, contacts: Mapping[int, NewContact]) -> None:
    """Make the rows with these primary keys say what the contacts say."""
    connection.executemany(_UPDATE_CONTACT, [(*contact.values, pk) for pk, contact in contacts.items()])
    connection.executemany("DELETE FROM contact_numbers WHERE contact = ?", [(pk,) for pk in contacts])
    insert_numbers(connection, [(book, key, pk) for pk, contact in contacts.items() for key in contact.keys])


def number_keys(contact: Contact, region: str) -> tuple[str, ...]:
    """The keys of all numbers of a contact, each once."""
    return tuple({key: None for text in contact.phone_numbers if (key := stored_key(text, region))})


def insert_numbers(connection: sqlite3.Connection, numbers: Sequence[tuple[int, str, int]]) -> None:
    """Make contacts findable: (book, key, contact) for each of their numbers."""
    connection.executemany(_INSERT_NUMBER, numbers)


def book_of(connection: sqlite3.Connection, account_id: str) -> int:
    """The account's book, opened where it has none yet. Within a write only."""
    found = connection.execute("SELECT book FROM books WHERE account_id = ?", (account_id,)).fetchone()
    if found is None:
        found = connection.execute("INSERT INTO books (account_id) VALUES (?) RETURNING book", (account_id,)).fetchone()
    return int(found[0])


def to_micros(time: datetime | None) -> int | None:
    """Microseconds since 1970 in UTC."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def from_micros(micros: int | None) -> datetime | None:
    """The inverse of `to_micros`."""
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)
