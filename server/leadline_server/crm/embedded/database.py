"""The embedded CRM's tables: in the ledger's file or in one of their own, shared by the books of all accounts."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from leadline_server.crm.embedded import migrations
from leadline_server.crm.embedded.contact_inserts import create_contacts, existing_contact
from leadline_server.crm.embedded.journal import insert_log, insert_logs
from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, book_of, contact_from, insert_contact, insert_names
from leadline_server.crm.embedded.sqlite_tables import EndOfCommit, SqliteTables
from leadline_server.crm.embedded.tables import NewLog, WantedContact
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmTooMuch, CrmUnavailable
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.limits import MOST_RECORDS
from leadline_server.ports.crm import CrmLog
from leadline_server.ports.ledger import LedgerTransaction
from leadline_server.storage.migrations import apply_missing, load_migrations
from leadline_server.storage.sqlite import CACHE, CHECKPOINT_AFTER, SqliteDatabase, open_database

T = TypeVar("T")

_VERSIONS: Final = "crm_schema_migrations"
_BOOK: Final = "SELECT book FROM crm_books WHERE account_id = ?"


async def open_crm_database(
    path: Path, *, checkpoint_after: int = CHECKPOINT_AFTER, cache: int = CACHE
) -> "CrmDatabase":
    """Open or create a file with the embedded CRM's tables. The caller must `close` it.

    Arguments as for `open_database`. It may be the ledger's file: an import of contacts opens that beside a server.

    Raises:
        CrmUnavailable: the file cannot be used; the message says which and what to do.
    """
    try:
        opened = await open_database(
            path,
            migrations=migrations.__name__,
            versions=_VERSIONS,
            checkpoint_after=checkpoint_after,
            cache=cache,
        )
    except LedgerUnavailable as error:
        raise CrmUnavailable(error.message) from error
    return CrmDatabase(opened)


async def crm_database_in(database: SqliteDatabase) -> "CrmDatabase":
    """The embedded CRM's tables in a database that is open, created if they are missing. Its owner closes it.

    Raises:
        CrmUnavailable: the database cannot be used.
    """
    steps = load_migrations(migrations.__name__)
    try:
        await database.write(lambda connection: apply_missing(connection, steps, _VERSIONS))
    except LedgerUnavailable as error:
        raise CrmUnavailable(error.message) from error
    return CrmDatabase(database, is_in_ledger=True)


class CrmDatabase(SqliteTables):
    """The embedded CRM's tables in SQLite. It raises CrmUnavailable for failures of the storage.

    Attributes:
        path: the file that they are in.
        is_in_ledger: whether that is the ledger's.
    """

    def __init__(self, database: SqliteDatabase, *, is_in_ledger: bool = False) -> None:
        self.path = database.path
        self.is_in_ledger = is_in_ledger
        self._database = database
        self._books: dict[str, int] = {}  # numbers of books never change

    async def find(self, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """The contacts of an account with one of `keys`, each once."""
        with _crm_errors():
            return await self._database.read_inline(lambda connection: self._find(connection, account_id, keys))

    async def find_now(self, account_id: str, keys: tuple[str, ...]) -> tuple[Sequence[Contact], int]:
        """As `find`: SQLite's ledger tells its versions at once."""
        return await self.find(account_id, keys), 0

    def within(self, transaction: LedgerTransaction) -> "CrmInTransaction":
        """The same tables in a transaction of the SQLite ledger."""
        of_sqlite: Any = transaction
        if not (self.is_in_ledger and hasattr(transaction, "shared")):  # isinstance() of a protocol takes 10 us
            raise TypeError("the embedded CRM is not in this ledger")
        return CrmInTransaction(of_sqlite.connection, of_sqlite.shared)

    async def log(self, new: NewLog) -> CrmLog:
        """Log a call, unless one was logged with the same key. Concurrent calls share statements and the commit."""
        with _crm_errors():
            return await self._database.write_batched(insert_logs, new)

    async def create_contact(self, wanted: WantedContact) -> Contact:
        """Add a contact, unless one was added with the same key. Concurrent calls share statements and the commit."""
        with _crm_errors():
            return await self._database.write_batched(create_contacts, wanted)

    async def read_inline(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `SqliteDatabase.read_inline`."""
        with _crm_errors():
            return await self._database.read_inline(work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `SqliteDatabase.read`."""
        with _crm_errors():
            return await self._database.read(work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `SqliteDatabase.write`."""
        with _crm_errors():
            return await self._database.write(work)

    async def checkpoint(self) -> bool:
        """As `SqliteDatabase.checkpoint`."""
        with _crm_errors():
            return await self._database.checkpoint()

    async def close(self) -> None:
        """Finish pending work and close the file."""
        await self._database.close()

    def _find(self, connection: sqlite3.Connection, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """The contacts with one of `keys`; of very many only the first. It costs a few index reads for each key."""
        book = self._books.get(account_id)
        if book is None:
            found = connection.execute(_BOOK, (account_id,)).fetchone()
            if found is None:
                return ()
            book = self._books[account_id] = found[0]
        return _find(connection, book, keys)


class CrmInTransaction(SqliteTables):
    """The embedded CRM's tables in a transaction of SQLite. Everything is done at once; no error is translated.

    Args:
        connection: has the transaction.
        shared: what it shares with other transactions. A book that one of them adds is not in the file for certain.
    """

    def __init__(self, connection: sqlite3.Connection, shared: EndOfCommit) -> None:
        self._connection = connection
        self._shared = shared
        # The rows of contacts that were found or created here, by id: a query of a logged call less, 17,000
        # instructions. No one else changes them before the end.
        self._rows: dict[str, int] = {}

    is_in_ledger = True

    def within(self, transaction: LedgerTransaction) -> "CrmInTransaction":
        """It is in a transaction."""
        del transaction
        raise TypeError("these tables are in a transaction already")

    async def find(self, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """As `CrmDatabase.find`."""
        book = self._book(account_id)
        return () if book is None else _find(self._connection, book, keys, self._rows)

    async def find_now(self, account_id: str, keys: tuple[str, ...]) -> tuple[Sequence[Contact], int]:
        """As `CrmDatabase.find_now`."""
        return await self.find(account_id, keys), 0

    async def log(self, new: NewLog) -> CrmLog:
        """As `CrmDatabase.log`."""
        row, book = self._rows.get(new.entry.contact_id), self._shared.books.get(new.account_id)
        place = None if row is None or book is None else (book, row)
        return _result(insert_log(self._connection, new, place))

    async def create_contact(self, wanted: WantedContact) -> Contact:
        """As `CrmDatabase.create_contact`."""
        if wanted.row.unique_key is not None:
            existing = existing_contact(self._connection, wanted)
            if existing is not None:
                return existing
        book = self._book(wanted.account_id) or book_of(self._connection, wanted.account_id)
        self._rows[wanted.contact.id] = insert_contact(self._connection, book, wanted.row, self._add_name)
        return wanted.contact

    async def read_inline(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, which needs no names."""
        return work(self._connection)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, which may need all names, and delete contacts: of a search, or of a deletion."""
        self._shared.store_last()
        self._rows = {}
        return work(self._connection)

    write = read

    def _book(self, account_id: str) -> int | None:
        """The number of the account's book; None if it has none. Transactions of one commit look for it once."""
        book = self._shared.books.get(account_id)
        if book is None:
            found = self._connection.execute(_BOOK, (account_id,)).fetchone()
            if found is None:
                return None
            book = self._shared.books[account_id] = int(found[0])
        return book

    def _add_name(self, name: tuple[int, str]) -> None:
        """Insert a name at the end of the commit: 130,000 instructions less where eight calls create contacts."""
        self._shared.at_end(insert_names, name)


def _result(result: T | Exception) -> T:
    if isinstance(result, Exception):
        raise result
    return result


def _find(
    connection: sqlite3.Connection, book: int, keys: tuple[str, ...], places: dict[str, int] | None = None
) -> Sequence[Contact]:
    """The contacts with one of `keys`. Adds their rows to `places`, by id."""
    rows = connection.execute(_find_statement(len(keys)), (*keys, book)).fetchall()
    if places is not None:
        places.update([(row[1], row[0]) for row in rows])
    contacts = [contact_from(row[1:]) for row in {row[0]: row for row in rows}.values()]
    if len(rows) == _most_rows(len(keys)):
        raise CrmTooMuch("The book has more contacts for a number than leadline reads.", read=contacts)
    return contacts


@lru_cache(maxsize=256)
def _find_statement(keys: int) -> str:
    # CROSS JOIN fixes the order of reading: keys, then numbers, then contacts, each by an index. The keys are a table:
    # for IN (...) SQLite would first build an index of them.
    return (
        f"SELECT c.pk, {CONTACT_COLUMNS} FROM (VALUES {', '.join(['(?)'] * keys)}) AS asked"  # noqa: S608 - constants
        " CROSS JOIN crm_contact_numbers AS n ON n.book = ? AND n.key = asked.column1"
        " CROSS JOIN crm_contacts AS c ON c.pk = n.contact"
        f" LIMIT {_most_rows(keys)}"
    )


def _most_rows(keys: int) -> int:
    return (MOST_RECORDS + 1) * keys


class _crm_errors:  # noqa: N801 - it is called like a function; a class costs a third of a generator
    """Raises CrmUnavailable for a failure of the storage in its body."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, LedgerUnavailable):
            message = "The contact book cannot be used at the moment."
            raise CrmUnavailable(message, retry_after=error.retry_after) from error
