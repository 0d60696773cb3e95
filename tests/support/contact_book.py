"""An account's contact book and journal as people see and edit them, for tests of the embedded CRM."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from leadline_server.crm.embedded.adapter import CONTACT_TYPES
from leadline_server.crm.embedded.database import CrmDatabase
from leadline_server.crm.embedded.rows import (
    book_of,
    details_of,
    fold,
    insert_contacts,
    insert_numbers,
    new_id,
    number_keys,
    prepare,
    to_micros,
)
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion


class ContactBook:
    """Adds, edits and deletes an account's contacts, and reads its journal. Arguments as for `EmbeddedCrm`."""

    def __init__(self, database: CrmDatabase, account_id: str, region: Callable[[], RulesOrRegion]) -> None:
        self._database = database
        self._account_id = account_id
        self._region = region

    async def add(self, contact: Contact) -> Contact:
        """The contact as it was added: with an id of its own, and with a type."""
        added = replace(contact, id=new_id("c_"), type=contact.type or CONTACT_TYPES[0])
        new = prepare(added, None, number_keys(added, self._region()))
        await self._database.write(
            lambda connection: insert_contacts(connection, book_of(connection, self._account_id), [new])
        )
        return added

    async def save(self, contact: Contact) -> bool:
        """Make the contact with `contact.id` say all that `contact` says; False where there is none."""
        rules = self._region()
        return await self._database.write(
            lambda connection: _save(connection, book_of(connection, self._account_id), contact, rules)
        )

    async def delete(self, contact_id: str) -> bool:
        """Delete a contact; its call logs stay, without one. False where there is none."""

        def work(connection: sqlite3.Connection) -> bool:
            book = book_of(connection, self._account_id)
            return bool(
                connection.execute("DELETE FROM crm_contacts WHERE id = ? AND book = ?", (contact_id, book)).rowcount
            )

        return await self._database.write(work)

    async def read_log(self, log_id: str) -> dict[str, Any] | None:
        """A call log by the columns of its row, and its `contact_id`; None where there is none."""

        def work(connection: sqlite3.Connection) -> dict[str, Any] | None:
            cursor = connection.execute(
                "SELECT l.*, c.id AS contact_id FROM crm_call_logs AS l JOIN crm_books USING (book)"
                " LEFT JOIN crm_contacts AS c ON c.pk = l.contact WHERE l.id = ? AND crm_books.account_id = ?",
                (log_id, self._account_id),
            )
            row = cursor.fetchone()
            return {column[0]: value for column, value in zip(cursor.description, row, strict=True)} if row else None

        return await self._database.read(work)

    async def set_follow_up(self, log_id: str, follow_up: str) -> None:
        """Note on a call log what is to be done about it."""
        await self._database.write(
            lambda connection: (
                connection.execute(
                    "UPDATE crm_call_logs SET follow_up = ? WHERE id = ? AND book = ?",
                    (follow_up, log_id, book_of(connection, self._account_id)),
                ).rowcount
            )
        )

    async def delete_log(self, log_id: str) -> None:
        """Delete a call log."""
        await self._database.write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM crm_call_logs WHERE id = ? AND book = ?",
                    (log_id, book_of(connection, self._account_id)),
                ).rowcount
            )
        )

    async def count(self) -> int:
        """How many contacts the account has."""
        return await self._count("crm_contacts")

    async def count_logs(self) -> int:
        """How many call logs the account has."""
        return await self._count("crm_call_logs")

    async def _count(self, table: str) -> int:
        query = f"SELECT count(*) FROM {table} JOIN crm_books USING (book) WHERE account_id = ?"  # noqa: S608 - a name of ours
        return await self._database.read(
            lambda connection: int(connection.execute(query, (self._account_id,)).fetchone()[0])
        )


def _save(connection: sqlite3.Connection, book: int, contact: Contact, rules: RulesOrRegion) -> bool:
    found = connection.execute(
        "UPDATE crm_contacts SET name = ?, folded_name = ?, type = ?, create_time = ?, last_activity_time = ?,"
        " is_placeholder = ?, details = ? WHERE id = ? AND book = ? RETURNING pk",
        (
            contact.name,
            fold(contact.name),
            contact.type,
            to_micros(contact.create_time),
            to_micros(contact.last_activity_time),
            contact.is_placeholder,
            details_of(contact),
            contact.id,
            book,
        ),
    ).fetchall()
    for (pk,) in found:
        connection.execute("DELETE FROM crm_contact_numbers WHERE contact = ?", (pk,))
        insert_numbers(connection, [(book, key, pk) for key in number_keys(contact, rules)])
    return bool(found)
