"""A CRM without unique keys, whose writes may take effect late and whose search index lags; it keeps all in memory."""

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmRejected
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmAdapter, CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities

from support.apps import SettableClock


@dataclass(frozen=True, slots=True)
class _Record:
    contact: Contact
    effective: datetime
    shown: datetime


@dataclass
class LaggingCrm:
    """A CrmAdapter that declares just what it does.

    Attributes:
        clock: its time.
        search_lag: how long a new contact is invisible to `find_contacts`.
        settle_time: how late a write takes effect whose answer gets lost.
        enforces_unique_key: whether creating a contact twice with one key makes one.
        loses_answers: creations are sent, and no answer comes.
        loses_creations: such creations do not take effect at all.
        spell: how it writes the names that it is given.
    """

    clock: SettableClock
    search_lag: timedelta = timedelta(seconds=5)
    settle_time: timedelta = timedelta(seconds=2)
    enforces_unique_key: bool = False
    loses_answers: bool = False
    loses_creations: bool = False
    spell: Callable[[str], str] = str
    keys: list[str] = field(default_factory=list)
    _records: dict[str, _Record] = field(default_factory=dict)
    _by_key: dict[str, Contact] = field(default_factory=dict)
    _logs: dict[str, LogEntry] = field(default_factory=dict)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def wrap(self, _: CrmAdapter) -> CrmAdapter:
        """This CRM instead of another."""
        return self

    @property
    def contacts(self) -> list[Contact]:
        """All contacts in it, including those of writes that have not settled yet."""
        return [record.contact for record in self._records.values()]

    @property
    def logs(self) -> dict[str, LogEntry]:
        """The call logs by key."""
        return self._logs

    def remove(self, contact_id: str) -> None:
        """A person deletes a contact."""
        del self._records[contact_id]

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            finds_log_by_key=True,
            enforces_unique_key=self.enforces_unique_key,
            moves_log=True,
            search_lag=self.search_lag,
            settle_time=self.settle_time,
            deletes_contacts=True,
        )

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        now, asked = self.clock.now(), {number.key for number in numbers}
        shown = [record.contact for record in self._records.values() if record.shown <= now]
        return [contact for contact in shown if asked.intersection(contact.phone_numbers)]

    async def get_contact(self, contact_id: str) -> Contact | None:
        record = self._records.get(contact_id)
        return record.contact if record is not None and record.effective <= self.clock.now() else None

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        raise CrmRejected(f"Searching is not offered here: {name}, {limit}, {cursor}.")

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        self.keys.append(key)
        if self.loses_creations:
            raise CrmOutcomeUnknown("The connection broke.")
        contact = self._created(draft, key)
        if self.loses_answers:
            raise CrmOutcomeUnknown("The connection broke.")
        return contact

    def _created(self, draft: ContactDraft, key: str) -> Contact:
        if self.enforces_unique_key and key in self._by_key:
            return self._by_key[key]
        now = self.clock.now()
        effective = now + self.settle_time if self.loses_answers else now
        contact = Contact(
            id=f"c{next(self._ids)}",
            name=self.spell(draft.name),
            phone_numbers=(draft.phone_number.key,),
            create_time=now,
            is_placeholder=draft.is_placeholder,
        )
        self._records[contact.id] = _Record(contact, effective, effective + self.search_lag)
        self._by_key[key] = contact
        return contact

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        if any(entry.contact_id == contact_id and key not in log_ids for key, entry in self._logs.items()):
            return ContactUse.USED
        if not only_check:
            self._records.pop(contact_id, None)
        return ContactUse.UNUSED

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        if entry.contact_id not in self._records:
            raise CrmRejected("No such contact.")
        assert key not in self._logs, "a call was logged twice"
        self._logs[key] = entry
        return CrmLog(key)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        self._logs[log_id] = (
            entry if entry.moves else replace(entry, contact_id=self._logs.get(log_id, entry).contact_id)
        )
        return CrmLog(log_id, contact_id=self._logs[log_id].contact_id)

    async def find_call_log(self, key: str) -> CrmLog | None:
        return CrmLog(key) if key in self._logs else None

    async def check(self) -> None:
        return
