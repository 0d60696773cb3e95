"""The embedded CRM's database: shared by the books of all accounts, so that their lookups share queries."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from leadline_server.crm.embedded import migrations
from leadline_server.crm.embedded.creating import WantedContact, create_contacts
from leadline_server.crm.embedded.journal import NewLog, insert_logs
from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, contact_from
from leadline_server.domain.contact import Contact
from leadline_server.domain.errors import CrmUnavailable, LedgerUnavailable
from leadline_server.ports.crm import CrmLog
from leadline_server.storage.many import MAX_ROWS, ManyRows
from leadline_server.storage.sqlite import CACHE, CHECKPOINT_AFTER, SqliteDatabase, open_database

T = TypeVar("T")

Lookup = tuple[str, tuple[str, ...]]
"""An account id, and the keys asked for in its book."""


async def open_crm_database(
    path: Path, *, checkpoint_after: int = CHECKPOINT_AFTER, cache: int = CACHE
) -> "CrmDatabase":
    """Open or make the database file of the embedded CRM. Arguments as for `open_database`; whoever opens must `close`.

    Raises:
        CrmUnavailable: the file cannot be used; the message says which and what to do.
    """
    try:
        opened = await open_database(
            path, migrations=migrations.__name__, checkpoint_after=checkpoint_after, cache=cache
        )
    except LedgerUnavailable as error:
        raise CrmUnavailable(error.message) from error
    return CrmDatabase(opened)


class CrmDatabase:
    """The embedded CRM's file. Failures of the storage are CrmUnavailable from here on."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def find(self, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """The contacts of an account under any of `keys`, each once. Concurrent lookups share one query."""
        with _crm_errors():
            return await self._database.read_one(find_all, (account_id, keys))

    async def log(self, new: NewLog) -> CrmLog:
        """Log a call, unless one was logged with the same key. Concurrent ones share statements and the commit."""
        with _crm_errors():
            return await self._database.write_one(insert_logs, new)

    async def create_contact(self, wanted: WantedContact) -> Contact:
        """Add a contact, unless one was added with the same key. Concurrent ones share statements and the commit."""
        with _crm_errors():
            return await self._database.write_one(create_contacts, wanted)

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
        await self._database.close()


# CROSS JOIN keeps SQLite to this order: from what is asked to the contacts, an index probe each.
_FIND: Final = ManyRows(
    ("account_id", "key", "slot"),
    f"SELECT json_group_array(json_array(given.slot, {CONTACT_COLUMNS})) FROM given"  # noqa: S608 - constants
    " CROSS JOIN books ON books.account_id = given.account_id"
    " CROSS JOIN contact_numbers AS n ON n.book = books.book AND n.key = given.key"
    " CROSS JOIN contacts AS c ON c.pk = n.contact",
)
_found: Final = msgspec.json.Decoder(list[tuple[int, str, str, str, int | None, int | None, int, str]])


def find_all(connection: sqlite3.Connection, lookups: Sequence[Lookup]) -> Sequence[Sequence[Contact]]:
    """The contacts of each lookup, from one query for them all: its cost is some probes of an index a key."""
    slots: dict[tuple[str, str], int] = {}
    for account_id, keys in lookups:
        for key in keys:
            slots.setdefault((account_id, key), len(slots))
    found: dict[int, list[Contact]] = {}
    asked = [(*pair, slot) for pair, slot in slots.items()]
    for start in range(0, len(asked), MAX_ROWS):
        [(rows,)] = connection.execute(*_FIND(asked[start : start + MAX_ROWS])).fetchall()
        for slot, *row in _found.decode(rows):
            found.setdefault(slot, []).append(contact_from(row))
    return [
        list({contact.id: contact for key in keys for contact in found.get(slots[account_id, key], ())}.values())
        for account_id, keys in lookups
    ]


class _crm_errors:  # noqa: N801 - used as a function is; a class costs a third of a generator
    """Within it a failure of the storage is CrmUnavailable."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, LedgerUnavailable):
            message = "The contact book cannot be used at the moment."
            raise CrmUnavailable(message, retry_after=error.retry_after) from error
