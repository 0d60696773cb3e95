"""Bulk import into the contact books of a SQLite file."""

import sqlite3
from functools import partial
from typing import Final

from leadline_server.crm.embedded.database import CrmDatabase
from leadline_server.crm.embedded.import_plan import KNOWN_COLUMNS, ImportPlan
from leadline_server.crm.embedded.importing import ImportChunk
from leadline_server.crm.embedded.rows import book_of, insert_contacts, update_contacts

IMPORT_CHECKPOINT_AFTER: Final = 10_000
"""The `checkpoint_after` of a database that is opened for an import: some 4,000 contacts.

A checkpoint holds the write lock: after 10,000 rows for 4 to 8 ms of CPU, after 64 MB of the log for 14 to 26 ms. And a
server's checkpoint has to move what the import has left in the log.
"""

IMPORT_CACHE: Final = 131_072
"""The `cache` of one, in KiB: numbers and names come in no order, so inserting them touches all of their indexes."""


class SqliteImport:
    """Implements ImportTarget. `database` is best opened with IMPORT_CHECKPOINT_AFTER and IMPORT_CACHE."""

    def __init__(self, database: CrmDatabase) -> None:
        self._database = database

    async def last_contact(self, account_id: str) -> int:
        """The largest primary key of all contacts."""
        del account_id  # a primary key is one of the whole table
        query = "SELECT coalesce(max(pk), 0) FROM crm_contacts"
        return await self._database.read(lambda connection: int(connection.execute(query).fetchone()[0]))

    async def take(self, account_id: str, chunk: ImportChunk, *, is_dry_run: bool) -> ImportPlan:
        """Plan a chunk and write it. The write lock is held for it alone."""
        if is_dry_run:
            return await self._database.read(partial(_plan, account_id=account_id, chunk=chunk))
        return await self._database.write(partial(_take, account_id=account_id, chunk=chunk))


def _plan(connection: sqlite3.Connection, account_id: str, chunk: ImportChunk) -> ImportPlan:
    keys = chunk.keys
    known = connection.execute(
        f"SELECT {KNOWN_COLUMNS} FROM crm_contacts AS c"  # noqa: S608 - constants and question marks
        " WHERE book = (SELECT book FROM crm_books WHERE account_id = ?)"
        f" AND unique_key IN ({', '.join('?' * len(keys))})",
        (account_id, *keys),
    )
    return chunk.plan(known)


def _take(connection: sqlite3.Connection, account_id: str, chunk: ImportChunk) -> ImportPlan:
    """Touches nothing but the connection: it may run twice."""
    book, plan = book_of(connection, account_id), _plan(connection, account_id, chunk)
    update_contacts(connection, book, plan.changed())
    insert_contacts(connection, book, plan.new())
    return plan
