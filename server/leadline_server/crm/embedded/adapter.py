"""The embedded CRM as an adapter: the default one, and the measure of what an adapter can promise."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from leadline_server.crm.embedded.creating import WantedContact
from leadline_server.crm.embedded.database import CrmDatabase
from leadline_server.crm.embedded.journal import NewLog, find_log, update_log
from leadline_server.crm.embedded.keys import asked_keys, new_id
from leadline_server.crm.embedded.rows import CONTACT_COLUMNS, contact_from, number_keys, prepare
from leadline_server.crm.embedded.search import search
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import CrmRejected
from leadline_server.domain.phone import NumberKind, PhoneNumber
from leadline_server.ports.crm import Capabilities, ContactPage, CrmLog, LogEntry

CONTACT_TYPES: Final = ("contact", "lead")

CAPABILITIES: Final = Capabilities(
    finds_log_by_key=True, enforces_unique_key=True, moves_log=True, contact_types=CONTACT_TYPES
)


def utc_now() -> datetime:
    """The time of day, as the journal keeps it."""
    return datetime.now(UTC)


class EmbeddedCrm:
    """One account's book and journal; see `ports.crm.CrmAdapter` for what each method promises.

    Args:
        database: shared by all accounts of a process.
        account_id: whose book; one that is not there yet begins with the first write.
        region: asked for the account's current region, which new contacts' numbers without a country code are read in.
        now: the clock, aware of its time zone.
    """

    def __init__(
        self,
        database: CrmDatabase,
        account_id: str,
        region: Callable[[], str],
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._account_id = account_id
        self._region = region
        self._now = now

    @property
    def capabilities(self) -> Capabilities:
        """Everything: writes are transactions, and every key has a unique index."""
        return CAPABILITIES

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`."""
        keys = tuple({key: None for number in numbers for key in asked_keys(number)})
        return await self._database.find(self._account_id, keys) if keys else ()

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id, or None."""
        return await self._database.probe(lambda connection: _get_contact(connection, self._account_id, contact_id))

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """A page of the contacts with `name` in their name, upper and lower case being the same."""
        return await search(self._database, self._account_id, name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Add a contact, unless one was added with `key`; CrmRejected for a type that is not in CONTACT_TYPES."""
        if draft.type and draft.type not in CONTACT_TYPES:
            raise CrmRejected(f"{draft.type!r} is no type of contact here. Use one of: {', '.join(CONTACT_TYPES)}.")
        contact = Contact(
            id=new_id("c_"),
            name=draft.name,
            phone_numbers=(_written(draft.phone_number),),
            type=draft.type or CONTACT_TYPES[0],
            email=draft.email,
            company=draft.company,
            create_time=self._now(),
            is_placeholder=draft.is_placeholder,
        )
        new = prepare(contact, f"create:{key}", number_keys(contact, self._region()))
        return await self._database.create_contact(WantedContact(self._account_id, contact, new))

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call, unless one was logged with `key`."""
        return await self._database.log(NewLog(self._account_id, entry, key, self._now()))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Make a log, and whose it is, say what `entry` says."""
        now = self._now()
        return await self._database.write(
            lambda connection: update_log(connection, self._account_id, log_id, entry, now)
        )

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with `key`, or None."""
        return await self._database.probe(lambda connection: find_log(connection, self._account_id, key))

    async def check(self) -> None:
        """Return if the book can be read."""
        await self._database.read(lambda connection: connection.execute("SELECT pk FROM contacts LIMIT 1").fetchone())


def _written(number: PhoneNumber) -> str:
    """The number as a new contact keeps it: readable in every region where it can be."""
    return number.key if number.kind is NumberKind.DIALABLE else number.text


def _get_contact(connection: sqlite3.Connection, account_id: str, contact_id: str) -> Contact | None:
    row = connection.execute(
        f"SELECT {CONTACT_COLUMNS} FROM contacts AS c"  # noqa: S608 - a constant
        " WHERE c.id = ? AND c.book = (SELECT book FROM books WHERE account_id = ?)",
        (contact_id, account_id),
    ).fetchone()
    return contact_from(row) if row else None
