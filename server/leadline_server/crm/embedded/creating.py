"""Creating contacts by key: a group of them in a handful of statements."""

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, NewContact, book_of, contact_from, insert_contacts
from leadline_server.domain.contact import Contact
from leadline_server.storage.many import ManyRows


class WantedContact(NamedTuple):
    """A contact to be added to an account's book, and its row, which has the key."""

    account_id: str
    contact: Contact
    row: NewContact


_EXISTING: Final = ManyRows(
    ("account_id", "unique_key"),
    f"SELECT json_group_array(json_array(given.account_id, given.unique_key, {CONTACT_COLUMNS})) FROM given"  # noqa: S608 - constants
    " CROSS JOIN books AS b ON b.account_id = given.account_id"
    " CROSS JOIN contacts AS c ON c.book = b.book AND c.unique_key = given.unique_key",
)
_existing: Final = msgspec.json.Decoder(list[tuple[str, str, str, str, str, int | None, int | None, int, str]])


def create_contacts(connection: sqlite3.Connection, wanted: Sequence[WantedContact]) -> Sequence[Contact]:
    """Add each contact, unless one was added with its key: then that one is the answer."""
    keys = [(each.account_id, each.row.unique_key or "") for each in wanted]
    [(rows,)] = connection.execute(*_EXISTING(keys)).fetchall()
    known = {(account_id, key): contact_from(row) for account_id, key, *row in _existing.decode(rows)}
    new: dict[str, list[NewContact]] = {}
    for key, each in zip(keys, wanted, strict=True):
        if key not in known:
            known[key] = each.contact
            new.setdefault(each.account_id, []).append(each.row)
    for account_id, added in new.items():
        insert_contacts(connection, book_of(connection, account_id), added)
    return [known[key] for key in keys]
