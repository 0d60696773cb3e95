"""Inserts of contacts with keys, for several requests in one transaction."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from leadline_server.crm.embedded.rows import (
    CONTACT_COLUMNS,
    NewContact,
    book_of,
    contact_from,
    insert_contacts,
)
from leadline_server.crm.embedded.tables import WantedContact
from leadline_server.domain.contact import Contact

_EXISTING: Final = (
    f"SELECT {CONTACT_COLUMNS} FROM crm_books AS b"  # noqa: S608 - constants
    " CROSS JOIN crm_contacts AS c ON c.book = b.book AND c.unique_key = ? WHERE b.account_id = ?"
)


def create_contacts(connection: sqlite3.Connection, wanted: Sequence[WantedContact]) -> Sequence[Contact]:
    """Add each contact. If one was added with the same key before, the result is that contact."""
    known: dict[tuple[str, str], Contact] = {}
    new: dict[str, list[NewContact]] = {}
    for each in wanted:
        key = _key(each)
        if key not in known:
            found = existing_contact(connection, each)
            known[key] = found or each.contact
            if found is None:
                new.setdefault(each.account_id, []).append(each.row)
    for account_id, added in new.items():
        insert_contacts(connection, book_of(connection, account_id), added)
    return [known[_key(each)] for each in wanted]


def existing_contact(connection: sqlite3.Connection, wanted: WantedContact) -> Contact | None:
    """The contact that was added with the same key."""
    found = connection.execute(_EXISTING, (wanted.row.unique_key, wanted.account_id)).fetchone()
    return None if found is None else contact_from(found)


def _key(wanted: WantedContact) -> tuple[str, str]:
    """What two wishes for one contact have in common. Those without a key have nothing in common."""
    return wanted.account_id, wanted.row.unique_key or wanted.contact.id
