"""Deletes a contact that no one has used since it was created."""

import json
import sqlite3
from collections.abc import Collection
from typing import Final

from leadline_server.ports.crm import ContactUse

_FIND: Final = """
    SELECT pk, import_digests FROM crm_contacts
    WHERE id = ? AND book = (SELECT book FROM crm_books WHERE account_id = ?)
"""
# Calls that leadline did not name, and calls in which people filled their own columns.
_HAS_OTHER_CALLS: Final = """
    SELECT 1 FROM crm_call_logs WHERE contact = ?
    AND (id NOT IN (SELECT value FROM json_each(?)) OR follow_up IS NOT NULL OR rating IS NOT NULL) LIMIT 1
"""


def remove_unused(
    connection: sqlite3.Connection, *, account_id: str, contact_id: str, log_ids: Collection[str], only_check: bool
) -> ContactUse:
    """Delete the contact unless an import filled it or it has calls beside `log_ids`. Those calls keep no contact."""
    rows = connection.execute(_FIND, (contact_id, account_id)).fetchall()
    if not rows:
        return ContactUse.UNUSED
    [(key, import_digests)] = rows
    other_calls = connection.execute(_HAS_OTHER_CALLS, (key, json.dumps(list(log_ids)))).fetchall()
    if import_digests is not None or other_calls:
        return ContactUse.USED
    if not only_check:
        connection.execute("DELETE FROM crm_contacts WHERE pk = ?", (key,))
    return ContactUse.UNUSED


def forget_book(connection: sqlite3.Connection, account_id: str, limit: int) -> bool:
    """Delete at most `limit` contacts and logs of an account's book; false if there were none.

    The empty book stays: processes remember the numbers of books, which must never be given to another account.
    """
    books = connection.execute("SELECT book FROM crm_books WHERE account_id = ?", (account_id,)).fetchall()
    if not books:
        return False
    [(book,)] = books
    deleted = [
        connection.execute(
            f"DELETE FROM {table} WHERE pk IN (SELECT pk FROM {table} WHERE book = ? LIMIT ?)",  # noqa: S608 - constants
            (book, limit),
        ).rowcount
        for table in ("crm_call_logs", "crm_contacts")
    ]
    return any(deleted)
