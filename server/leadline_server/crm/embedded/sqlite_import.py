"""Bulk import into the contact books of a SQLite file."""

import sqlite3
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from leadline_server.crm.embedded.database import CrmDatabase
from leadline_server.crm.embedded.import_plan import KNOWN_COLUMNS, ImportPlan
from leadline_server.crm.embedded.importing import AIM_SECONDS, ImportChunk
from leadline_server.crm.embedded.name_index import merge_names, without_merges
from leadline_server.crm.embedded.rows import book_of, insert_names, insert_unnamed, update_contacts

IMPORT_CHECKPOINT_AFTER: Final = 2_500
"""The `checkpoint_after` of a database that is opened for an import: some 800 contacts.

A checkpoint holds the write lock, 0.6 ms of CPU for each MB of the log. Where a book has 600,000 contacts with names in
no order, 10,000 rows took 25 ms and 2,500 rows take 9 ms, since nearly every row changes other pages. And a server's
checkpoint has to move what the import has left in the log.
"""

IMPORT_CACHE: Final = 131_072
"""The `cache` of one, in KiB: numbers and names come in no order, so inserting them touches all of their indexes."""


_PART: Final = 128  # rows after which the time is looked at; they take some two milliseconds
_ROWS_SECONDS: Final = 0.8 * AIM_SECONDS  # then names are indexed, and it commits
_KNOWN: Final = (
    f"SELECT {KNOWN_COLUMNS} FROM crm_contacts AS c"  # noqa: S608 - constants and question marks
    " WHERE book = (SELECT book FROM crm_books WHERE account_id = ?)"
    f" AND unique_key IN ({', '.join('?' * _PART)})"
)


class SqliteImport:
    """Implements ImportTarget. `database` is best opened with IMPORT_CHECKPOINT_AFTER and IMPORT_CACHE.

    Args:
        database: the book's.
        clock: tells seconds, to end a chunk that takes too long.
    """

    def __init__(self, database: CrmDatabase, clock: Callable[[], float] = time.perf_counter) -> None:
        self._database = database
        self._clock = clock

    async def last_contact(self, account_id: str) -> int:
        """The largest primary key of all contacts."""
        del account_id  # a primary key is one of the whole table
        query = "SELECT coalesce(max(pk), 0) FROM crm_contacts"
        return await self._database.read(lambda connection: int(connection.execute(query).fetchone()[0]))

    async def take(self, account_id: str, chunk: ImportChunk, *, is_dry_run: bool) -> ImportPlan:
        """Plan a chunk and write it. The write lock is held for it alone."""
        if is_dry_run:
            return await self._database.read(partial(_plan, account_id=account_id, chunk=chunk))
        return await self._database.write(partial(_take, account_id=account_id, chunk=chunk, clock=self._clock))

    async def maintain(self) -> bool:
        """Checkpoint, or merge a part of the index of names."""
        return await self._database.checkpoint() or await self._database.write(merge_names)


def _plan(connection: sqlite3.Connection, account_id: str, chunk: ImportChunk) -> ImportPlan:
    plan = chunk.begin()
    for part in chunk.parts(_PART):
        _decide(connection, account_id, part, plan)
    return plan


def _take(
    connection: sqlite3.Connection, account_id: str, chunk: ImportChunk, clock: Callable[[], float]
) -> ImportPlan:
    """Touches nothing but the connection: it may run twice."""
    plan, book = chunk.begin(), book_of(connection, account_id)
    names: list[tuple[int, str]] = []
    is_late = _deadline(clock, _ROWS_SECONDS)
    with without_merges(connection):
        for part in chunk.parts(_PART):
            _decide(connection, account_id, part, plan)
            if changed := plan.changed():
                insert_names(connection, names)  # a change takes the name from the index first
                names.clear()
                update_contacts(connection, book, changed)
            new = insert_unnamed(connection, book, plan.new())
            plan.written(pk for pk, _ in new)
            names += new
            if is_late():
                break
        insert_names(connection, names)
    return plan


def _deadline(clock: Callable[[], float], seconds: float) -> Callable[[], bool]:
    """To be called after each part: whether one more, if it takes the time of the slowest so far, may end too late."""
    began = last = clock()
    slowest = 0.0

    def is_late() -> bool:
        nonlocal last, slowest
        now = clock()
        slowest, last = max(slowest, now - last), now
        return now + slowest > began + seconds

    return is_late


def _decide(connection: sqlite3.Connection, account_id: str, part: ImportChunk, plan: ImportPlan) -> None:
    keys = part.keys
    # One statement for any number of keys: to prepare one takes the time of twenty inserted contacts. NULL is no key.
    known = connection.execute(_KNOWN, (account_id, *keys, *[None] * (_PART - len(keys))))
    part.decide(plan, known)
