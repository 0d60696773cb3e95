"""Methods of the embedded CRM's tables that are the same at any time and in a transaction of SQLite."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar

from leadline_server.crm.embedded.journal import find_log, read_log, update_log
from leadline_server.crm.embedded.journal_pages import list_logs
from leadline_server.crm.embedded.removal import forget_book, remove_unused
from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, contact_from
from leadline_server.crm.embedded.search import search
from leadline_server.domain.contact import Contact
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.embedded_contents import EmbeddedCallLogPage

T = TypeVar("T")

_ANY: Final = "SELECT pk FROM crm_contacts LIMIT 1"


class EndOfCommit(Protocol):
    """Keeps work and numbers for the transactions of SQLite that have one commit.

    Attributes:
        books: the numbers of books, by account.
    """

    books: dict[str, int]

    def at_end(self, work: Callable[[sqlite3.Connection, Sequence[T]], None], item: T) -> None:
        """Call `work` at the end, once with all items that were left for it. Use it after a row was changed."""
        ...

    def store_last(self) -> None:
        """Do now what was left."""
        ...


class SqliteTables(ABC):
    """Methods of the tables in SQLite, at any time and in a transaction; see `CrmTables`."""

    @abstractmethod
    async def read_inline(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, which reads a few rows."""

    @abstractmethod
    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, which may read many rows."""

    @abstractmethod
    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, which writes."""

    async def get_contact(self, account_id: str, contact_id: str) -> Contact | None:
        """The contact with this id."""
        return await self.read_inline(partial(_get_contact, account_id=account_id, contact_id=contact_id))

    async def search(self, account_id: str, name: str, limit: int, cursor: str) -> ContactPage:
        """A page of contacts by name."""
        return await search(self, account_id, name, limit, cursor)

    async def remove_unused(
        self, account_id: str, contact_id: str, log_ids: Collection[str], *, only_check: bool
    ) -> ContactUse:
        """Delete a contact in one transaction with the check."""
        work = partial(
            remove_unused, account_id=account_id, contact_id=contact_id, log_ids=log_ids, only_check=only_check
        )
        return await (self.read if only_check else self.write)(work)

    async def forget(self, account_id: str, limit: int) -> bool:
        """Delete contacts and logs."""
        return await self.write(partial(forget_book, account_id=account_id, limit=limit))

    async def update_log(self, account_id: str, log_id: str, entry: LogEntry, now: datetime) -> CrmLog:
        """Change a log."""
        return await self.write(partial(update_log, account_id=account_id, log_id=log_id, entry=entry, now=now))

    async def find_log(self, account_id: str, key: str) -> CrmLog | None:
        """The log with this key."""
        return await self.read_inline(partial(find_log, account_id=account_id, key=key))

    async def read_log(self, account_id: str, log_id: str) -> StoredCallLog | None:
        """The log with this id."""
        return await self.read_inline(partial(read_log, account_id=account_id, log_id=log_id))

    async def list_logs(self, account_id: str, limit: int, cursor: str) -> EmbeddedCallLogPage:
        """A page of logs."""
        return await self.read(partial(list_logs, account_id=account_id, limit=limit, cursor=cursor))

    async def check(self) -> None:
        """Read a contact."""
        await self.read(lambda connection: connection.execute(_ANY).fetchone())


def _get_contact(connection: sqlite3.Connection, account_id: str, contact_id: str) -> Contact | None:
    row = connection.execute(
        f"SELECT {CONTACT_COLUMNS} FROM crm_contacts AS c"  # noqa: S608 - a constant
        " WHERE c.id = ? AND c.book = (SELECT book FROM crm_books WHERE account_id = ?)",
        (contact_id, account_id),
    ).fetchone()
    return contact_from(row) if row else None
