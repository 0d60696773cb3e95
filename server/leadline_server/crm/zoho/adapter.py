"""The adapter to Zoho CRM."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import msgspec

from leadline_server.crm.connections import AccountView
from leadline_server.crm.web import together
from leadline_server.crm.zoho.coql import any_of, longest_word, number_conditions
from leadline_server.crm.zoho.errors import DuplicateData
from leadline_server.crm.zoho.records import Records
from leadline_server.crm.zoho.wire import (
    LEADS,
    Kind,
    LoggedCall,
    Words,
    call_of,
    contact_of,
    description_of,
    record_of,
    stored_key,
)
from leadline_server.domain.contact import Contact, ContactDraft, MatchKind
from leadline_server.domain.errors import CrmOutcomeUnknown, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import Capabilities, ContactPage, CrmLog, LogEntry

CALLS: Final = "Calls"

CAPABILITIES: Final = Capabilities(
    finds_log_by_key=False,
    enforces_unique_key=False,
    moves_log=True,
    search_lag=timedelta(0),
    settle_time=timedelta(seconds=60),
    contact_types=("lead", "contact"),
)
"""What is promised without a field for the call's key. docs/crms.md says why nothing lags."""

WITH_KEY: Final = replace(CAPABILITIES, finds_log_by_key=True)
"""What is promised with one."""


class ZohoCrm:
    """See `ports.crm.CrmAdapter` for what each method promises.

    Args:
        records: reads and writes.
        words: how things are called.
        account: whose time zone, region and number formats count.
    """

    def __init__(self, records: Records, words: Words, account: AccountView) -> None:
        self.capabilities = WITH_KEY if words.key_field else CAPABILITIES
        self._records = records
        self._words = words
        self._account = account

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Ask the database of both modules for all numbers, and read those found."""
        formats = self._account.settings().number_formats
        found = await together(self._with_numbers(kind, numbers, formats) for kind in self._records.kinds)
        return [contact for contacts in found for contact in contacts]

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The record with this id, which is of one module; an id as Zoho has it is looked for in both."""
        asked = [(kind, record_id) for kind in self._records.kinds if (record_id := kind.record_id(contact_id))]
        found = await together(self._records.contacts(kind, [record_id]) for kind, record_id in asked)
        return next((contact for contacts in found for contact in contacts), None)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Ask for all names with the longest word, keep those with the whole text, and read the page's records."""
        word, start = longest_word(name), int(cursor or 0)
        if not word:
            raise CrmRejected("Zoho is searched by a word of the name: letters or digits.")
        hits = await together(self._named(kind, word) for kind in self._records.kinds)
        whole = [hit for hit in sorted(hit for part in hits for hit in part) if name.casefold() in hit[0].casefold()]
        page = whole[start : start + limit]
        read = await together(
            self._records.contacts(kind, [hit[2] for hit in page if hit[1] == kind.own_id(hit[2])])
            for kind in self._records.kinds
        )
        by_id = {contact.id: contact for contacts in read for contact in contacts}
        contacts = tuple(by_id[hit[1]] for hit in page if hit[1] in by_id)
        return ContactPage(contacts, str(start + limit) if start + limit < len(whole) else "")

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:  # noqa: ARG002 - no place for it is unique
        """Create a record, unless a unique field says that one with this very number is there; then that one."""
        kind = next((kind for kind in self._records.kinds if draft.type in ("", kind.type)), None)
        if kind is None:
            types = ", ".join(self.capabilities.contact_types)
            raise CrmRejected(f"Zoho has no contacts of this type. There are: {types}.")
        record = record_of(draft, kind, self._words)
        try:
            record_id = await self._records.write("POST", f"/{kind.module}", record)
        except DuplicateData as refusal:
            existing = await self._duplicate(refusal, kind, draft.phone_number)
            if existing is None:
                raise
            return existing
        return contact_of({**record, "id": record_id}, kind, self._words)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. Where the key's field is unique, a call that is there already is the one."""
        field, zone = self._words.key_field, self._account.settings().time_zone
        call = call_of(entry, description_of(entry, zone)) | self._whose(entry)
        try:
            return self._log(await self._records.write("POST", f"/{CALLS}", call | self._keyed(key)))
        except DuplicateData as refusal:
            if not field or refusal.field != field:
                raise
            if not refusal.id:
                raise CrmOutcomeUnknown("The call is in Zoho already, which does not say where.") from refusal
            return self._log(refusal.id)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change the fields that leadline owns, and within the description its own part alone."""
        existing = await self._call(log_id)
        description = description_of(entry, self._account.settings().time_zone, existing.description or "")
        call = call_of(entry, description) | self._whose(entry) | await self._no_longer(entry, existing)
        return self._log(await self._records.write("PUT", f"/{CALLS}/{log_id}", call))

    async def find_call_log(self, key: str) -> CrmLog | None:
        """Ask the database, which shows a call as soon as it is there."""
        field, wanted = self._words.key_field, stored_key(key)
        rows = await self._records.query(f"id, {field}", CALLS, f"({field} = '{wanted}')")
        ids = sorted(str(row["id"]) for row in rows if row.get(field) == wanted)
        return self._log(ids[0]) if ids else None

    async def check(self) -> None:
        """Ask for a number that nobody has, and read a record that is not there, with all fields."""
        nobody = "(id = '1')"
        looks = [
            self._records.query(", ".join(("id", *kind.phones)), kind.module, nobody) for kind in self._records.kinds
        ]
        await together([*looks, self._records.query(f"id, {self._words.key_field or 'Subject'}", CALLS, nobody)])

    async def _with_numbers(self, kind: Kind, numbers: Sequence[PhoneNumber], formats: Sequence[str]) -> list[Contact]:
        ids = await self._records.ids(kind.module, number_conditions(numbers, formats, kind.phones))
        return await self._records.contacts(kind, ids)

    async def _named(self, kind: Kind, word: str) -> list[tuple[str, str, str]]:
        """Names with ids, leadline's and Zoho's, of a module's records with a word in their name."""
        condition = any_of([f"{field} LIKE '%{word}%'" for field in ("Last_Name", "First_Name")])
        rows = await self._records.query("id, First_Name, Last_Name", kind.module, condition)
        hits = [self._records.contact(row, kind) for row in rows]
        return [(contact.name, contact.id, kind.record_id(contact.id)) for contact in hits]

    async def _duplicate(self, refusal: DuplicateData, kind: Kind, number: PhoneNumber) -> Contact | None:
        """The record that a unique field named, if it has the number."""
        module = refusal.module or kind.module
        kinds = [each for each in self._records.kinds if each.module == module and refusal.id]
        found = await together(self._records.contacts(each, [refusal.id]) for each in kinds)
        rules = self._account.settings().numbering
        for contact in (contact for contacts in found for contact in contacts):
            if any(match_kind(number, stored, rules) is MatchKind.EXACT for stored in contact.phone_numbers):
                return contact
        return None

    async def _call(self, log_id: str) -> LoggedCall:
        """A call as it is now. Raises CrmRejected if it is gone."""
        is_id = log_id.isascii() and log_id.isdecimal()
        rows = await self._records.rows(CALLS, [log_id], ("Description", "What_Id", "Subject")) if is_id else []
        if not rows:
            raise CrmRejected("The call is not in Zoho any more.")
        try:
            return msgspec.convert(rows[0], LoggedCall)
        except msgspec.ValidationError as error:
            raise CrmUnavailable("A record of Zoho's is not what its documentation says.") from error

    def _whose(self, entry: LogEntry) -> dict[str, Any]:
        """Whose call it is: a contact is who it was with, a lead is what it is about."""
        kind, record_id = self._place_of(entry.contact_id)
        lead = {"What_Id": {"id": record_id}, "$se_module": LEADS}
        return lead if kind.module == LEADS else {"Who_Id": {"id": record_id}}

    async def _no_longer(self, entry: LogEntry, existing: LoggedCall) -> dict[str, Any]:
        """What is cleared where a call is moved. What people related a contact's call to, such as a deal, stays."""
        kind, _ = self._place_of(entry.contact_id)
        if kind.module == LEADS:
            return {"Who_Id": None}
        [leads] = [each for each in self._records.kinds if each.module == LEADS]
        related = existing.what.id if existing.what else ""
        return {"What_Id": None} if related and await self._records.contacts(leads, [related]) else {}

    def _place_of(self, contact_id: str) -> tuple[Kind, str]:
        for kind in self._records.kinds:
            if contact_id.startswith(f"{kind.type}:") and (record_id := kind.record_id(contact_id)):
                return kind, record_id
        raise CrmRejected("Zoho logs calls of leads and contacts alone, and this is the id of neither.")

    def _keyed(self, key: str) -> dict[str, str]:
        return {self._words.key_field: stored_key(key)} if self._words.key_field else {}

    def _log(self, log_id: str) -> CrmLog:
        return CrmLog(log_id, f"{self._words.web_url}/crm/tab/{CALLS}/{log_id}")
