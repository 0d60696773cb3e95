"""The embedded CRM's tables in the ledger's PostgreSQL database, at any time and in a transaction of the ledger."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from leadline_server.concurrency.batcher import Batcher
from leadline_server.crm.embedded.postgres import contacts, journal
from leadline_server.crm.embedded.tables import NewLog, WantedContact
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.embedded_contents import EmbeddedCallLogPage
from leadline_server.ports.ledger import LedgerTransaction
from leadline_server.storage.postgres.database import Connection, PostgresDatabase, Row
from leadline_server.storage.postgres.sql_transaction import SqlTransaction

T = TypeVar("T")

_MOST_LOOKUPS: Final = 128
_AT_ONCE: Final = 4
"""Groups of lookups that are read at the same time."""

Lookups: TypeAlias = Batcher[contacts.Lookup, contacts.Found]

_ANY: Final = "SELECT pk FROM crm_contacts LIMIT 1"
_OLD_BOOK: Final = "SELECT account_id FROM crm_books WHERE key_version <> $1 LIMIT 1"


async def open_tables(database: PostgresDatabase) -> "PostgresCrmTables":
    """The tables of a database, which the ledger has made.

    Raises:
        CrmUnavailable: the database cannot be used, or the keys of numbers were made by other rules.
    """
    tables = PostgresCrmTables(database)
    old = await tables.fetch(_OLD_BOOK, KEY_VERSION)
    if old:
        raise CrmUnavailable(
            f"The keys of the numbers of account {old[0][0]} were made by the rules of another version. This version"
            " of leadline cannot recompute them in PostgreSQL."
        )
    return tables


class _Tables(ABC):
    """Methods of the tables, at any time and in a transaction; see `CrmTables`."""

    is_in_ledger = True

    @abstractmethod
    async def fetch(self, query: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that reads."""

    @abstractmethod
    async def write(self, account_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `work`, which writes rows of the account in a transaction."""

    async def find(self, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """The contacts with one of the keys."""
        return await contacts.find(self.fetch, account_id, keys)

    async def get_contact(self, account_id: str, contact_id: str) -> Contact | None:
        """The contact with this id."""
        return await contacts.get_contact(self.fetch, account_id, contact_id)

    async def search(self, account_id: str, name: str, limit: int, cursor: str) -> ContactPage:
        """A page of contacts by name."""
        return await contacts.search(self.fetch, account_id, name, limit, cursor)

    async def create_contact(self, wanted: WantedContact) -> Contact:
        """Add a contact."""
        return await self.write(wanted.account_id, partial(contacts.insert, wanted=wanted))

    async def remove_unused(
        self, account_id: str, contact_id: str, log_ids: Collection[str], *, only_check: bool
    ) -> ContactUse:
        """Delete a contact in one transaction with the check."""
        work = partial(
            contacts.remove_unused,
            account_id=account_id,
            contact_id=contact_id,
            log_ids=log_ids,
            only_check=only_check,
        )
        return await self.write(account_id, work)

    async def forget(self, account_id: str, limit: int) -> bool:
        """Delete contacts and logs."""
        return await self.write(account_id, partial(contacts.forget, account_id=account_id, limit=limit))

    async def log(self, new: NewLog) -> CrmLog:
        """Log a call."""
        return await self.write(new.account_id, partial(journal.insert_log, new=new))

    async def update_log(self, account_id: str, log_id: str, entry: LogEntry, now: datetime) -> CrmLog:
        """Change a log."""
        work = partial(journal.update_log, account_id=account_id, log_id=log_id, entry=entry, now=now)
        return await self.write(account_id, work)

    async def find_log(self, account_id: str, key: str) -> CrmLog | None:
        """The log with this key."""
        return await journal.find_log(self.fetch, account_id, key)

    async def read_log(self, account_id: str, log_id: str) -> StoredCallLog | None:
        """The log with this id."""
        return await journal.read_log(self.fetch, account_id, log_id)

    async def list_logs(self, account_id: str, limit: int, cursor: str) -> EmbeddedCallLogPage:
        """A page of logs."""
        return await journal.list_logs(self.fetch, account_id, limit, cursor)

    async def check(self) -> None:
        """Read a contact."""
        await self.fetch(_ANY)


class PostgresCrmTables(_Tables):
    """The tables at any time. It raises CrmUnavailable for failures of the database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        find = partial(contacts.find_many, database.fetch)
        self._lookups: Lookups = Batcher(find, _MOST_LOOKUPS, at_once=_AT_ONCE)

    async def find(self, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """The contacts with one of the keys. Lookups that come together are one statement."""
        with crm_errors():
            return (await self.find_now(account_id, keys))[0]

    async def find_now(self, account_id: str, keys: tuple[str, ...]) -> tuple[Sequence[Contact], int]:
        """As `find`, with the account's settings version of that moment. No error is translated."""
        return await _found(self._lookups, account_id, keys)

    def within(self, transaction: LedgerTransaction) -> "PostgresCrmInTransaction":
        """The tables in a transaction of the ledger in the same database."""
        sql: Any = getattr(transaction, "sql", None)
        if sql is None:
            raise TypeError("the embedded CRM is not in this ledger")
        return PostgresCrmInTransaction(sql, self._lookups)

    async def fetch(self, query: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that reads."""
        with crm_errors():
            return await self._database.fetch(query, *values)

    async def write(self, account_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `work`, once it is durable."""
        del account_id  # each of these writes is of one contact, so they need not wait for others of the account
        with crm_errors():
            return await self._database.write(work)


class PostgresCrmInTransaction(_Tables):
    """The tables in a transaction of the ledger. No error is translated."""

    def __init__(self, transaction: SqlTransaction, lookups: Lookups) -> None:
        self._transaction = transaction
        self._lookups = lookups

    async def find(self, account_id: str, keys: tuple[str, ...]) -> Sequence[Contact]:
        """The contacts with one of the keys. Without a snapshot, lookups that come together are one statement."""
        if self._transaction.reads_committed:
            return (await _found(self._lookups, account_id, keys))[0]
        return await super().find(account_id, keys)

    async def find_now(self, account_id: str, keys: tuple[str, ...]) -> tuple[Sequence[Contact], int]:
        """As `find`; a transaction knows its settings itself."""
        return await self.find(account_id, keys), 0

    def within(self, transaction: LedgerTransaction) -> "PostgresCrmInTransaction":
        """It is in a transaction."""
        del transaction
        raise TypeError("these tables are in a transaction already")

    async def fetch(self, query: str, *values: object) -> Sequence[Row]:
        """The rows of a statement that reads."""
        return await self._transaction.fetch(query, *values)

    async def write(self, account_id: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `work`."""
        return await work(await self._transaction.writing(account_id))

    async def log(self, new: NewLog) -> CrmLog:
        """Log a call, at the end of the transaction if that can wait."""
        log, row = journal.deferred(new)
        return log if self._transaction.defer(new.account_id, row) else await super().log(new)

    async def update_log(self, account_id: str, log_id: str, entry: LogEntry, now: datetime) -> CrmLog:
        """Change a log, at the end of the transaction if that can wait."""
        log, row = journal.deferred_update(log_id, entry, now)
        if not entry.moves and self._transaction.defer(account_id, row):
            return log
        return await super().update_log(account_id, log_id, entry, now)


async def _found(lookups: Lookups, account_id: str, keys: tuple[str, ...]) -> tuple[Sequence[Contact], int]:
    found = await lookups.submit((account_id, keys))
    return contacts.contacts_of(found.rows, keys), found.settings_version


@contextmanager
def crm_errors() -> Iterator[None]:
    """Raise CrmUnavailable for a failure of the storage in the body."""
    try:
        yield
    except LedgerUnavailable as error:
        message = "The contact book cannot be used at the moment."
        raise CrmUnavailable(message, retry_after=error.retry_after) from error
