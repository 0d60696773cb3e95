"""The adapter to the embedded CRM, which is the default. It offers everything that an adapter can guarantee."""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from leadline_server.crm.embedded.contact_inserts import WantedContact
from leadline_server.crm.embedded.database import CrmDatabase, CrmTables
from leadline_server.crm.embedded.journal import NewLog, find_log, read_log, update_log
from leadline_server.crm.embedded.removal import forget_book, remove_unused
from leadline_server.crm.embedded.rows import (
    CONTACT_COLUMNS,
    asked_keys,
    contact_from,
    new_id,
    number_keys,
    prepare,
)
from leadline_server.crm.embedded.search import search
from leadline_server.crm.toolkit.bounds import within_bounds
from leadline_server.crm.toolkit.own_fields import OwnFields, as_texts
from leadline_server.domain.clean_text import cleaned
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities, CrmMethod, LookupRecall
from leadline_server.ports.ledger import LedgerTransaction

CONTACT_TYPES: Final = ("contact", "lead")

CAPABILITIES: Final = Capabilities(
    finds_log_by_key=True,
    enforces_unique_key=True,
    moves_log=True,
    contact_types=CONTACT_TYPES,
    lookup_recall=LookupRecall.COMPLETE,
    deletes_contacts=True,
    methods=ALL_METHODS | {CrmMethod.GET_CALL_LOG},
    in_ledger=True,
)


_ANY: Final = "SELECT pk FROM crm_contacts LIMIT 1"


def utc_now() -> datetime:
    """The time of day in UTC."""
    return datetime.now(UTC)


class EmbeddedCrm:
    """One account's book and journal; see `ports.crm.CrmAdapter` for what each method guarantees.

    Args:
        database: shared by all accounts of a process.
        account_id: the book's account. The first write creates the book.
        rules: returns how the account's numbers are read now.
        now: the time of day, with its zone.
        own: fields of the administrator's own.
    """

    def __init__(
        self,
        database: CrmTables,
        account_id: str,
        rules: Callable[[], RulesOrRegion],
        *,
        now: Callable[[], datetime] = utc_now,
        own: OwnFields | None = None,
    ) -> None:
        self.capabilities: Capabilities = CAPABILITIES
        """Every guarantee holds: writes are transactions, and every key has a unique index."""
        self._database = database
        self._account_id = account_id
        self._rules = rules
        self._now = now
        self._own = own

    @property
    def is_in_ledger(self) -> bool:
        """Whether the tables are in the ledger's file."""
        return isinstance(self._database, CrmDatabase) and self._database.is_in_ledger

    def within(self, transaction: LedgerTransaction) -> "EmbeddedCrm":
        """The same book and journal in a transaction of the SQLite ledger."""
        connection = getattr(transaction, "connection", None)  # isinstance() of a protocol takes 10 us
        if connection is None or not isinstance(self._database, CrmDatabase):
            raise TypeError("the embedded CRM is not in this ledger")
        tables = self._database.within(connection)
        return EmbeddedCrm(tables, self._account_id, self._rules, now=self._now, own=self._own)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`."""
        keys = tuple({key: None for number in numbers for key in asked_keys(number)})
        found = await self._database.find(self._account_id, keys) if keys else ()
        # One contact is bounded already, by what a row or card of an imported file may have.
        return found if len(found) < 2 else within_bounds(found, len(numbers))  # noqa: PLR2004 - one is bounded as stored

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id, or None."""
        return await self._database.read_inline(
            lambda connection: _get_contact(connection, self._account_id, contact_id)
        )

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """A page of the contacts whose name contains `name` in upper or lower case."""
        return await search(self._database, self._account_id, name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Add a contact, unless one was added with `key`. Raises CrmRejected for a type outside CONTACT_TYPES."""
        if draft.type and draft.type not in CONTACT_TYPES:
            raise CrmRejected(f"{draft.type!r} is not a type of contact here. Use one of: {', '.join(CONTACT_TYPES)}.")
        contact = Contact(
            id=new_id("c_"),
            name=cleaned(draft.name),
            phone_numbers=(_written(draft.phone_number),),
            type=draft.type or CONTACT_TYPES[0],
            email=draft.email,
            company=cleaned(draft.company),
            create_time=self._now(),
            is_placeholder=draft.is_placeholder,
            attributes=as_texts(self._own.of_contact(draft)) if self._own else {},
        )
        new = prepare(contact, f"create:{key}", number_keys(contact, self._rules()))
        return await self._database.create_contact(WantedContact(self._account_id, contact, new))

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Delete a contact that no one has used, in one transaction with the check."""
        work = partial(remove_unused, account_id=self._account_id, contact_id=contact_id, log_ids=log_ids)
        if only_check:
            return await self._database.read(partial(work, only_check=True))
        return await self._database.write(partial(work, only_check=False))

    async def forget(self, limit: int) -> bool:
        """Delete at most `limit` contacts and as many logs of the account; false once nothing is left."""
        account_id = self._account_id
        return await self._database.write(lambda connection: forget_book(connection, account_id, limit))

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call, unless one was logged with `key`."""
        own = as_texts(self._own.of_new_call(entry)) if self._own else {}
        return await self._database.log(NewLog(self._account_id, _with_attributes(entry, own), key, self._now()))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change a log to what `entry` says, and its contact if it moves."""
        now = self._now()
        entry = _with_attributes(entry, as_texts(self._own.of_new_call(entry)) if self._own else {})
        return await self._database.write(
            lambda connection: update_log(connection, self._account_id, log_id, entry, now)
        )

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with `key`, or None."""
        return await self._database.read_inline(lambda connection: find_log(connection, self._account_id, key))

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """The log with this id, or None."""
        return await self._database.read_inline(lambda connection: read_log(connection, self._account_id, log_id))

    async def check(self) -> None:
        """Return if the book can be read."""
        await self._database.read(lambda connection: connection.execute(_ANY).fetchone())


def _with_attributes(entry: LogEntry, own: Mapping[str, str]) -> LogEntry:
    """The entry with further attributes of its call. A reported attribute of the same name is stronger."""
    if not own:
        return entry
    return replace(entry, call=replace(entry.call, attributes={**own, **entry.call.attributes}))


def _written(number: PhoneNumber) -> str:
    """The number as a new contact keeps it: with its country code if it has one."""
    return number.key if number.kind is NumberKind.DIALABLE else number.text


def _get_contact(connection: sqlite3.Connection, account_id: str, contact_id: str) -> Contact | None:
    row = connection.execute(
        f"SELECT {CONTACT_COLUMNS} FROM crm_contacts AS c"  # noqa: S608 - a constant
        " WHERE c.id = ? AND c.book = (SELECT book FROM crm_books WHERE account_id = ?)",
        (contact_id, account_id),
    ).fetchone()
    return contact_from(row) if row else None
