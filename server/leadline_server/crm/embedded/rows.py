"""Contacts as rows of the database, and the keys that they are found by.

Example: Ada has the number `(202) 555-0147` in an account of region US. Her row in `contacts` has her name and packed
details, and `contact_numbers` has the key `2025550147`. A lookup of +12025550147 asks for that key.
"""

import sqlite3
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import urandom
from typing import Any, Final, TypeAlias, cast

import msgspec

from leadline_server.domain.contact import Contact, new_contact
from leadline_server.domain.fast_init import fast_init, maker
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion, as_rules
from leadline_server.domain.numbers.phone_number import MAX_TEXT, NumberKind, PhoneNumber
from leadline_server.domain.numbers.plain_numbers import home_prefixes, plain_significant
from leadline_server.domain.numbers.several import numbers_in
from leadline_server.domain.numbers.spelling_rules import SPELLED_COUNTRIES
from leadline_server.domain.numbers.spellings import spellings
from leadline_server.domain.numbers.written_number import read_written
from leadline_server.domain.unshown import unshown
from leadline_server.storage.row_batch import RowBatch

CONTACT_COLUMNS: Final = "c.id, c.name, c.type, c.create_time, c.last_activity_time, c.is_placeholder, c.details"
"""The columns that `contact_from` reads, of a table called `c`."""

_MIN_DIGITS: Final = 7  # fewer digits never match as a national number, see domain.numbers.matching
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@unshown
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
    return new_contact(
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
    """The column `details` of a contact, such as `{"phone_numbers":["+12025550147"],"company":"Acme"}`."""
    packed = _Details(contact.phone_numbers, contact.email, contact.company, contact.title, contact.attributes)
    return _encoder.encode(packed).decode()


@fast_init
@unshown
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


_new_row: Final = maker(NewContact)


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
    return _new_row(
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
    "INSERT INTO crm_contacts (pk, book, id, unique_key, name, folded_name, type, create_time, last_activity_time,"
    " is_placeholder, details, import_digests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_CONTACT: Final = (
    "UPDATE crm_contacts SET id = ?, unique_key = ?, name = ?, folded_name = ?, type = ?, create_time = ?,"
    " last_activity_time = ?, is_placeholder = ?, details = ?, import_digests = ? WHERE pk = ?"
)
_INSERT_NUMBER: Final = "INSERT INTO crm_contact_numbers (book, key, contact) VALUES (?, ?, ?)"
_INSERT_NAME: Final = RowBatch(
    ("pk", "folded_name"), "INSERT INTO crm_contact_names (rowid, folded_name) SELECT * FROM given WHERE pk IS NOT NULL"
)

AddName: TypeAlias = Callable[[tuple[int, str]], None]
"""Takes the row and the folded name of a new contact."""


def insert_contact(connection: sqlite3.Connection, book: int, contact: NewContact, add_name: AddName) -> int:
    """Add a contact to an account's book. Returns its row.

    Args:
        connection: has the transaction.
        book: the book.
        contact: what to add.
        add_name: called with the row and the folded name, to have `insert_names` called later in the transaction.
    """
    pk = cast("int", connection.execute(_INSERT_CONTACT, (None, book, *contact.values)).lastrowid)
    for key in contact.keys:
        connection.execute(_INSERT_NUMBER, (book, key, pk))
    add_name((pk, contact.folded_name))
    return pk


def insert_contacts(connection: sqlite3.Connection, book: int, contacts: Sequence[NewContact]) -> None:
    """Add contacts to an account's book."""
    insert_names(connection, insert_unnamed(connection, book, contacts))


def insert_unnamed(
    connection: sqlite3.Connection, book: int, contacts: Sequence[NewContact]
) -> Sequence[tuple[int, str]]:
    """As `insert_contacts`, but `insert_names` has to get the result later in the same transaction."""
    [(last,)] = connection.execute("SELECT coalesce(max(pk), 0) FROM crm_contacts").fetchall()
    numbered = list(enumerate(contacts, last + 1))
    connection.executemany(_INSERT_CONTACT, [(pk, book, *contact.values) for pk, contact in numbered])
    insert_numbers(connection, [(book, key, pk) for pk, contact in numbered for key in contact.keys])
    return [(pk, contact.folded_name) for pk, contact in numbered]


def insert_names(connection: sqlite3.Connection, names: Sequence[tuple[int, str]]) -> None:
    """Make contacts findable by name: row and folded name of each. One statement, since FTS5 writes after each."""
    _INSERT_NAME.run(connection, names)


def update_contacts(connection: sqlite3.Connection, book: int, contacts: Mapping[int, NewContact]) -> None:
    """Make the rows with these primary keys say what the contacts say."""
    connection.executemany(_UPDATE_CONTACT, [(*contact.values, pk) for pk, contact in contacts.items()])
    connection.executemany("DELETE FROM crm_contact_numbers WHERE contact = ?", [(pk,) for pk in contacts])
    insert_numbers(connection, [(book, key, pk) for pk, contact in contacts.items() for key in contact.keys])


def number_keys(contact: Contact, rules: RulesOrRegion) -> tuple[str, ...]:
    """The keys of all numbers of a contact, each once."""
    return tuple({key: None for text in contact.phone_numbers for key in stored_keys(text, rules)})


_NEW_BOOK: Final = "INSERT INTO crm_books (account_id, key_version) VALUES (?, ?) RETURNING book"


def insert_numbers(connection: sqlite3.Connection, numbers: Sequence[tuple[int, str, int]]) -> None:
    """Make contacts findable: (book, key, contact) for each of their numbers."""
    connection.executemany(_INSERT_NUMBER, numbers)


def book_of(connection: sqlite3.Connection, account_id: str) -> int:
    """The account's book, created if it does not exist. Only within a write."""
    found = connection.execute("SELECT book FROM crm_books WHERE account_id = ?", (account_id,)).fetchone()
    if found is None:
        found = connection.execute(_NEW_BOOK, (account_id, KEY_VERSION)).fetchone()
    return int(found[0])


def stored_keys(text: str, rules: RulesOrRegion) -> tuple[str, ...]:
    """The keys of a contact's number `text`, one for each number in it; empty if it is not a number to look up.

    A key is the significant national number, or the bare digits of a text that is not a possible number of the
    account's region. It does not name the country, so it stays right when the account's rules change. `find_contacts`
    may find too much, and the core tells numbers of two countries apart.
    """
    if plain := plain_significant(text, as_rules(rules).region):
        return (plain,)
    numbers = numbers_in(text, rules)
    if numbers and numbers[0].kind is not NumberKind.UNUSABLE:
        keys = (number.significant or number.extension for number in numbers)
        return tuple(dict.fromkeys(key for key in keys if key))
    digits = read_written(text).digits.removeprefix("+") if len(text) <= MAX_TEXT else ""
    return (digits,) if len(digits) >= _MIN_DIGITS else ()


def asked_keys(number: PhoneNumber) -> tuple[str, ...]:
    """Every key that a contact with this number may be stored under."""
    if number.kind is not NumberKind.DIALABLE:
        return (number.extension,) if number.extension else ()
    country_code = number.country_code
    prefixes = home_prefixes(country_code)  # of calls within the country: ("", "0"), say; None: they are not known
    keys: list[str] = []
    for form in spellings(number) if country_code in SPELLED_COUNTRIES else (number,):
        digits = form.significant
        at_home = (form.national,) if prefixes is None else [prefix + digits for prefix in prefixes]
        keys += (digits, *at_home, form.e164[1:])  # as people write it at home, and with the country code
    return tuple(dict.fromkeys(keys))


def fold(name: str) -> str:
    """A name in the form in which upper and lower case, and Unicode variants of one character, are the same."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()


def new_id(prefix: str) -> str:
    """An opaque id: `prefix` and 20 characters that grow with time, which keeps indexes dense."""
    moment, chance = time.time_ns() // 1_000_000, int.from_bytes(urandom(6), "big")
    # Numbers of 30 bits at most: larger ones take three times as long.
    first, second = moment >> 18, (moment & 0x3FFFF) << 2 | chance >> 46
    third, fourth = chance >> 16 & 0x3FFFFFFF, (chance & 0xFFFF) << 4
    return (
        f"{prefix}{_PAIRS[first >> 20]}{_PAIRS[first >> 10 & 1_023]}{_PAIRS[first & 1_023]}"
        f"{_PAIRS[second >> 10]}{_PAIRS[second & 1_023]}"
        f"{_PAIRS[third >> 20]}{_PAIRS[third >> 10 & 1_023]}{_PAIRS[third & 1_023]}"
        f"{_PAIRS[fourth >> 10]}{_PAIRS[fourth & 1_023]}"
    )


_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_PAIRS: Final = [first + second for first in _DIGITS for second in _DIGITS]
"""Base 32 (RFC 4648, section 7) two digits at a time: 2,000 instructions; `base64.b32hexencode` takes 9,000."""


def to_micros(time: datetime | None) -> int | None:
    """Microseconds since 1970 in UTC; None for None."""
    return None if time is None else in_micros(time)


def in_micros(time: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    since = time - _EPOCH  # to divide it by a microsecond takes 2,000 instructions more
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int | None) -> datetime | None:
    """The inverse of `to_micros`."""
    return None if micros is None else at_micros(micros)


def at_micros(micros: int) -> datetime:
    """The inverse of `in_micros`."""
    return _EPOCH + timedelta(microseconds=micros)
