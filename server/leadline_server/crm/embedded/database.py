"""The embedded CRM's database: shared by the books of all accounts, so that their lookups share queries."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from leadline_server.crm.embedded import migrations
from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, contact_from
from leadline_server.domain.contact import Contact
from leadline_server.domain.errors import CrmUnavailable, LedgerUnavailable
from leadline_server.storage.batching import Batcher
from leadline_server.storage.sqlite import CHECKPOINT_AFTER, SqliteDatabase, open_database

T = TypeVar("T")

Lookup = tuple[str, tuple[str, ...]]
"""An account id, and the keys asked for in its book."""

_MAX_LOOKUPS: Final = 256  # of up to 32 keys each: 16,384 parameters, half of what SQLite takes


async def open_crm_database(path: Path, *, checkpoint_after: int = CHECKPOINT_AFTER) -> "CrmDatabase":
    """Open, or make, the database file of the embedded CRM. Whoever opens must `close`.

    Raises:
        CrmUnavailable: the file cannot be used; the message says which and what to do.
    """
    try:
        opened = await open_database(path, migrations=migrations.__name__, checkpoint_after=checkpoint_after)
    except LedgerUnavailable as error:
        raise CrmUnavailable(error.message) from error
    return CrmDatabase(opened)


class CrmDatabase:
    """The embedded CRM's file. Failures of the storage are CrmUnavailable from here on."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._lookups: Batcher[Lookup, Sequence[Contact]] = Batcher(self._find, _MAX_LOOKUPS)
        self._is_closed = False

    async def find(self, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """The contacts of an account under any of `keys`, each once. Concurrent lookups share one query."""
        if self._is_closed:
            raise CrmUnavailable("The contact book is closed.")
        return await self._lookups.submit((account_id, keys))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `SqliteDatabase.read`."""
        with _crm_errors():
            return await self._database.read(work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `SqliteDatabase.write`."""
        with _crm_errors():
            return await self._database.write(work)

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        self._is_closed = True
        try:
            await self._lookups.close()
        finally:
            await self._database.close()

    async def _find(self, lookups: list[Lookup]) -> Sequence[Sequence[Contact]]:
        return await self.read(lambda connection: find_all(connection, lookups))


def find_all(connection: sqlite3.Connection, lookups: Sequence[Lookup]) -> Sequence[Sequence[Contact]]:
    """The contacts of each lookup, from one query for them all: its cost is some probes of an index a key."""
    slots: dict[tuple[str, str], int] = {}
    for account_id, keys in lookups:
        for key in keys:
            slots.setdefault((account_id, key), len(slots))
    found: dict[int, list[Contact]] = {}
    for slot, *row in _query(connection, list(slots)):
        found.setdefault(slot, []).append(contact_from(row))
    return [
        list({contact.id: contact for key in keys for contact in found.get(slots[account_id, key], ())}.values())
        for account_id, keys in lookups
    ]


def _query(connection: sqlite3.Connection, asked: list[tuple[str, str]]) -> list[tuple[Any, ...]]:
    if not asked:
        return []
    # A power of two of parameters, the rest NULL: so a dozen statements serve every size, and stay prepared.
    size = 1 << (len(asked) - 1).bit_length()
    parameters: list[str | None] = [text for pair in asked for text in pair]
    parameters += [None] * (2 * size - len(parameters))
    return connection.execute(_statement(size), parameters).fetchall()


@lru_cache
def _statement(size: int) -> str:
    asked = ", ".join(f"({slot}, ?, ?)" for slot in range(size))
    # CROSS JOIN keeps SQLite to this order: from what is asked to the contacts, an index probe each.
    return (
        f"WITH asked (slot, account_id, key) AS (VALUES {asked})"  # noqa: S608 - numbers and question marks
        f" SELECT asked.slot, {CONTACT_COLUMNS} FROM asked"
        " CROSS JOIN books ON books.account_id = asked.account_id"
        " CROSS JOIN contact_numbers AS n ON n.book = books.book AND n.key = asked.key"
        " CROSS JOIN contacts AS c ON c.pk = n.contact"
    )


@contextmanager
def _crm_errors() -> Iterator[None]:
    try:
        yield
    except LedgerUnavailable as error:
        message = "The contact book cannot be used at the moment."
        raise CrmUnavailable(message, retry_after=error.retry_after) from error
