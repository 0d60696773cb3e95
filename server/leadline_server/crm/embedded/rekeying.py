"""Makes the keys of a contact book's numbers anew, where they were made by older rules."""

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Final

from leadline_server.crm.embedded.database import CrmDatabase
from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, contact_from, insert_numbers, number_keys
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.domain.numbers.numbering_rules import NumberingRules

_CHUNK: Final = 5_000  # contacts a transaction: other processes' writes wait for one

_OLD_BOOK: Final = "SELECT book FROM crm_books WHERE account_id = ? AND key_version < ?"
_NEXT: Final = (
    f"SELECT {CONTACT_COLUMNS}, c.pk FROM crm_contacts AS c"  # noqa: S608 - a constant
    " WHERE c.book = ? AND c.pk > ? ORDER BY c.pk LIMIT ?"
)


async def rekey_books(database: CrmDatabase, rules: Mapping[str, NumberingRules]) -> None:
    """Key the numbers of these accounts' books by the rules of today, once; later calls find nothing to do.

    No contact is made, changed or merged. A crash in between leaves a book that is keyed anew the next time.

    Args:
        database: the contact books.
        rules: how the numbers of each account are read, by its id.

    Raises:
        CrmUnavailable: the database failed.
    """
    for account_id, own in rules.items():
        book = await database.read(partial(_old_book, account_id=account_id))
        if book is not None:
            await _rekey(database, book, own)


async def _rekey(database: CrmDatabase, book: int, rules: NumberingRules) -> None:
    last: int | None = 0
    while last is not None:
        last = await database.write(partial(_rekey_some, book=book, after=last, rules=rules))


def _old_book(connection: sqlite3.Connection, account_id: str) -> int | None:
    found = connection.execute(_OLD_BOOK, (account_id, KEY_VERSION)).fetchone()
    return found and int(found[0])


def _rekey_some(connection: sqlite3.Connection, book: int, after: int, rules: NumberingRules) -> int | None:
    """The next contacts of a book; returns the last one, or None once the book is done."""
    rows = connection.execute(_NEXT, (book, after, _CHUNK)).fetchall()
    if not rows:
        connection.execute("UPDATE crm_books SET key_version = ? WHERE book = ?", (KEY_VERSION, book))
        return None
    for *columns, pk in rows:
        connection.execute("DELETE FROM crm_contact_numbers WHERE contact = ?", (pk,))
        insert_numbers(connection, [(book, key, pk) for key in number_keys(contact_from(columns), rules)])
    return int(rows[-1][-1])
