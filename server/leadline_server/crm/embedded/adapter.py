"""The adapter to the embedded CRM, which is the default. It offers everything that an adapter can guarantee."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from leadline_server.crm.embedded.rows import asked_keys, new_id, number_keys, prepare
from leadline_server.crm.embedded.tables import CrmTables, new_log, new_wanted_contact
from leadline_server.crm.toolkit.bounds import within_bounds
from leadline_server.crm.toolkit.own_fields import OwnFields, as_texts
from leadline_server.domain.clean_text import cleaned
from leadline_server.domain.contact import Contact, ContactDraft, new_contact
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities, CrmMethod, LookupRecall
from leadline_server.ports.embedded_contents import EmbeddedCallLogPage
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


utc_now: Final = partial(datetime.now, UTC)
"""The time of day in UTC."""


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
        """Whether the tables are in the ledger's database."""
        return self._database.is_in_ledger

    def within(self, transaction: LedgerTransaction) -> "EmbeddedCrm":
        """The same book and journal in a transaction of the ledger."""
        tables = self._database.within(transaction)
        return EmbeddedCrm(tables, self._account_id, self._rules, now=self._now, own=self._own)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`."""
        keys = _keys_of(numbers)
        return _bounded(await self._database.find(self._account_id, keys) if keys else (), numbers)

    async def find_now(self, numbers: Sequence[PhoneNumber]) -> tuple[Sequence[Contact], int]:
        """As `find_contacts`, with the account's settings version of that moment."""
        keys = _keys_of(numbers)
        found, version = await self._database.find_now(self._account_id, keys) if keys else ((), 0)
        return _bounded(found, numbers), version

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id, or None."""
        return await self._database.get_contact(self._account_id, contact_id)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """A page of the contacts whose name contains `name` in upper or lower case."""
        return await self._database.search(self._account_id, name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Add a contact, unless one was added with `key`; empty: none was. Raises CrmRejected for an unknown type."""
        if draft.type and draft.type not in CONTACT_TYPES:
            raise CrmRejected(f"{draft.type!r} is not a type of contact here. Use one of: {', '.join(CONTACT_TYPES)}.")
        contact = new_contact(
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
        number = draft.phone_number
        is_parsed = number.kind is NumberKind.DIALABLE and not number.extension
        keys = (number.significant,) if is_parsed else number_keys(contact, self._rules())
        new = prepare(contact, f"create:{key}" if key else None, keys)
        return await self._database.create_contact(new_wanted_contact(self._account_id, contact, new))

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Delete a contact that no one has used, in one transaction with the check."""
        return await self._database.remove_unused(self._account_id, contact_id, log_ids, only_check=only_check)

    async def forget(self, limit: int) -> bool:
        """Delete at most `limit` contacts and as many logs of the account; false once nothing is left."""
        return await self._database.forget(self._account_id, limit)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call, unless one was logged with `key`."""
        own = as_texts(self._own.of_new_call(entry)) if self._own else {}
        return await self._database.log(new_log(self._account_id, _with_attributes(entry, own), key, self._now()))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change a log to what `entry` says, and its contact if it moves."""
        now = self._now()
        entry = _with_attributes(entry, as_texts(self._own.of_new_call(entry)) if self._own else {})
        return await self._database.update_log(self._account_id, log_id, entry, now)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with `key`, or None."""
        return await self._database.find_log(self._account_id, key)

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """The log with this id, or None."""
        return await self._database.read_log(self._account_id, log_id)

    async def list_call_logs(self, limit: int, cursor: str) -> EmbeddedCallLogPage:
        """A page of all logs of the account. An empty `cursor` is the first page."""
        return await self._database.list_logs(self._account_id, limit, cursor)

    async def check(self) -> None:
        """Return if the book can be read."""
        await self._database.check()


def _keys_of(numbers: Sequence[PhoneNumber]) -> tuple[str, ...]:
    if len(numbers) == 1:
        return asked_keys(numbers[0])
    return tuple({key: None for number in numbers for key in asked_keys(number)})


def _bounded(found: Sequence[Contact], numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
    """The contacts among them that leadline reads. A single one has the bounds of an imported row already."""
    return found if len(found) < 2 else within_bounds(found, len(numbers))  # noqa: PLR2004 - one is bounded as stored


def _with_attributes(entry: LogEntry, own: Mapping[str, str]) -> LogEntry:
    """The entry with further attributes of its call. A reported attribute of the same name is stronger."""
    if not own:
        return entry
    return replace(entry, call=replace(entry.call, attributes={**own, **entry.call.attributes}))


def _written(number: PhoneNumber) -> str:
    """The number as a new contact keeps it: with its country code if it has one."""
    return number.key if number.kind is NumberKind.DIALABLE else number.text
