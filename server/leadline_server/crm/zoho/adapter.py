"""The adapter to Zoho CRM."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec

from leadline_server.concurrency.fan_out import together
from leadline_server.crm.toolkit import AccountView, page_of, read_cursor, write_cursor
from leadline_server.crm.toolkit.lead_records import CONTACT_TYPES, kind_of, owner_of
from leadline_server.crm.toolkit.own_fields import (
    CALL_FIELDS,
    PLACEHOLDER_FIELDS,
    OwnFields,
    sample_draft,
    sample_entry,
    with_own,
)
from leadline_server.crm.toolkit.required_fields import FieldReport, missing_of
from leadline_server.crm.zoho.calls import READ, LoggedCall, call_of, changes_of, description_of, stored_log_of
from leadline_server.crm.zoho.coql import PAGE, any_of, longest_word, number_conditions
from leadline_server.crm.zoho.errors import DuplicateData
from leadline_server.crm.zoho.facts import FACTS, try_fact
from leadline_server.crm.zoho.records import ZohoRecords
from leadline_server.crm.zoho.removal import remove_unused
from leadline_server.crm.zoho.wire import ZohoKind, ZohoNames, contact_of, record_of, stored_key
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmOutcomeUnknown, CrmRejected, CrmTooMuch, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, CrmUserPage, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities, CrmMethod, most_read

CALLS: Final = "Calls"

CAPABILITIES: Final = Capabilities(
    finds_log_by_key=False,
    enforces_unique_key=False,
    moves_log=True,
    search_lag=timedelta(0),
    settle_time=timedelta(seconds=60),
    contact_types=CONTACT_TYPES,
    follows_moved_contacts=True,
    deletes_contacts=True,
    methods=ALL_METHODS | {CrmMethod.LIST_USERS, CrmMethod.GET_CALL_LOG},
    has_fixed_fields=True,  # Call_Type, Owner
)
"""The guarantees without a field for the call's key. docs/crms.md says why no lookup lags."""

WITH_KEY: Final = replace(CAPABILITIES, finds_log_by_key=True)
"""The guarantees with one."""


_PageNumber = Annotated[int, msgspec.Meta(ge=2, le=1_000)]


class ZohoCrm:
    """See `ports.crm.CrmAdapter` for what each method guarantees.

    Args:
        records: reads and writes.
        names: the names that the settings give.
        account: gives the time zone, the region and the number formats.
        own: fields of the administrator's own.
    """

    documented_facts = FACTS

    def __init__(self, records: ZohoRecords, names: ZohoNames, account: AccountView, own: OwnFields) -> None:
        self.capabilities = WITH_KEY if names.key_field else CAPABILITIES
        self._records = records
        self._names = names
        self._account = account
        self._own = own

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Ask the database for the ids in both modules that have one of the numbers, then read these records."""
        formats = self._account.settings().number_formats
        found = await together(self._with_numbers(kind, numbers, formats) for kind in self._records.kinds)
        return [contact for contacts in found for contact in contacts]

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The record with this id, or the contact that a lead was converted to.

        An id without leadline's prefix is looked for in both modules.
        """
        wanted = [(kind, record_id) for kind in self._records.kinds if (record_id := kind.record_id(contact_id))]
        found = await together(self._records.contacts(kind, [record_id]) for kind, record_id in wanted)
        for contact in (contact for contacts in found for contact in contacts):
            return contact
        for kind, record_id in wanted:
            if kind.is_lead and (converted := await self._records.converted_to(kind, record_id)):
                return await self.get_contact(f"contact:{converted}")
        return None

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Find names with the longest word of `name`, make the page of those with all of it, and read its records."""
        word = longest_word(name)
        if not word:
            raise CrmRejected("Zoho searches for a word of the name: letters or digits.")
        hits = await together(self._named(kind, word) for kind in self._records.kinds)
        page = page_of((hit for part in hits for hit in part), name, limit, cursor)
        found = await together(
            self._records.contacts(kind, [kind.record_id(hit.id) for hit in page.contacts if hit.type == kind.type])
            for kind in self._records.kinds
        )
        by_id = {contact.id: contact for contacts in found for contact in contacts}
        return ContactPage(tuple(by_id[hit.id] for hit in page.contacts if hit.id in by_id), page.next_cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:  # noqa: ARG002 - no field for it is unique
        """Create a record. If a unique field names a record with this very number, that record is the answer."""
        kind = kind_of(draft, self._records.kinds, "Zoho")
        record = with_own(self._own.of_contact(draft), record_of(draft, kind, self._names))
        try:
            record_id = await self._records.write("POST", f"/{kind.object}", record)
        except DuplicateData as refusal:
            existing = await self._duplicate(refusal, kind, draft.phone_number)
            if existing is None:
                raise
            return existing
        return contact_of({**record, "id": record_id}, kind, self._names)

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Delete a record that no one has used."""
        kind, record_id = self._record_of(contact_id)
        return await remove_unused(self._records, kind, record_id, log_ids, only_check=only_check)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. If the key's field is unique and Zoho has a call with this key, that call is the answer."""
        field, zone = self._names.key_field, self._account.settings().zone
        call = call_of(entry, description_of(entry, zone)) | self._contact_fields(entry)
        call = with_own(self._own.of_new_call(entry), call)
        try:
            return self._log(await self._records.write("POST", f"/{CALLS}", call | self._key_fields(key)))
        except DuplicateData as refusal:
            if not field or refusal.field != field:
                raise
            if not refusal.id:
                raise CrmOutcomeUnknown("Zoho has the call already, and does not say its id.") from refusal
            return self._log(refusal.id)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change the fields that leadline owns and Zoho lets change, and leadline's part of the description."""
        existing = await self._call(log_id)
        if existing is None:
            raise CrmRejected("The call is no longer in Zoho.")
        description = description_of(entry, self._account.settings().zone, existing.description or "")
        call = changes_of(entry, description, existing)
        if entry.moves:
            call |= self._contact_fields(entry) | await self._cleared(entry, existing)
        call = with_own(self._own.of_changed_call(entry), call)
        written = await self._records.write("PUT", f"/{CALLS}/{log_id}", call)
        return self._log(written, entry.contact_id if entry.moves else existing.contact_id)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """Ask the database, which has a call at once."""
        field, wanted = self._names.key_field, stored_key(key)
        rows = await self._records.query(f"id, {field}", CALLS, f"({field} = '{wanted}')")
        ids = sorted(str(row["id"]) for row in rows if row.get(field) == wanted)
        return self._log(ids[0]) if ids else None

    async def delete_call_log(self, log_id: str) -> None:
        """Delete a call. One that is gone is refused by Zoho, and deleted already."""
        with suppress(CrmRejected):
            await self._records.delete(CALLS, log_id)

    async def try_fact(self, name: str, log_id: str) -> bool | None:
        """See `toolkit.assumptions.TriesFacts`."""
        return await try_fact(self._records, name, log_id)

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """The call as it is now."""
        call = await self._call(log_id)
        return None if call is None else stored_log_of(call)

    async def check(self) -> None:
        """Ask each module for a record that does not exist, with every field that leadline needs later."""
        nobody = "(id = '1')"
        queries = [
            self._records.query(", ".join(("id", *kind.phones)), kind.object, nobody) for kind in self._records.kinds
        ]
        await together([*queries, self._records.query(f"id, {self._names.key_field or 'Subject'}", CALLS, nobody)])

    async def required_fields(self) -> FieldReport:
        """Ask for the layouts of both modules and of calls, and compare them with the least record of each."""
        report, draft = FieldReport(), sample_draft()
        for kind in self._records.kinds:
            record = with_own(self._own.of_contact(draft), record_of(draft, kind, self._names))
            report += await self._missing(kind.object, PLACEHOLDER_FIELDS, record)
        entry = sample_entry(self._records.kinds[0].own_id("1"))
        call = {**call_of(entry, "-"), **self._contact_fields(entry)}
        return report + await self._missing(CALLS, CALL_FIELDS, with_own(self._own.of_new_call(entry), call))

    async def _missing(self, module: str, setting: str, values: Mapping[str, Any]) -> FieldReport:
        """A grant without the scope for layouts leaves the fields of a module untold."""
        try:
            required = await self._records.required(module)
        except CrmAuthFailed:
            return FieldReport(untold=(module,))
        return missing_of(module, setting, required, values)

    async def list_users(self, cursor: str) -> CrmUserPage:
        """Users of every status. A cursor is the number of a page."""
        page = read_cursor(cursor, _PageNumber) if cursor else 1
        users, has_more = await self._records.users(page)
        return CrmUserPage(users, write_cursor(page + 1) if has_more else "")

    async def _with_numbers(
        self, kind: ZohoKind, numbers: Sequence[PhoneNumber], formats: Sequence[str]
    ) -> list[Contact]:
        most = min(most_read(numbers), PAGE)
        conditions = number_conditions(numbers, formats, kind.phones)
        ids, may_be_more = await self._records.ids(kind.object, conditions, most)
        contacts = await self._records.contacts(kind, ids)
        if may_be_more:
            raise CrmTooMuch("Zoho has more records for a number than leadline reads.", read=contacts)
        return contacts

    async def _named(self, kind: ZohoKind, word: str) -> list[Contact]:
        """The contacts of a module with a word in their name. They have an id and a name only."""
        condition = any_of([f"{field} LIKE '%{word}%'" for field in ("Last_Name", "First_Name")])
        rows = await self._records.query("id, First_Name, Last_Name", kind.object, condition)
        return [self._records.contact(row, kind) for row in rows]

    async def _duplicate(self, refusal: DuplicateData, kind: ZohoKind, number: PhoneNumber) -> Contact | None:
        """The record that a unique field named, if it has the number."""
        module = refusal.module or kind.object
        kinds = [each for each in self._records.kinds if each.object == module and refusal.id]
        found = await together(self._records.contacts(each, [refusal.id]) for each in kinds)
        return owner_of(number, found, self._account.settings().default_region)

    async def _call(self, log_id: str) -> LoggedCall | None:
        """The current call; None if it is gone."""
        is_id = log_id.isascii() and log_id.isdecimal()
        rows = await self._records.rows(CALLS, [log_id], READ) if is_id else []
        if not rows:
            return None
        try:
            return msgspec.convert(rows[0], LoggedCall)
        except msgspec.ValidationError as error:
            raise CrmUnavailable("A record of Zoho differs from its documentation.") from error

    def _contact_fields(self, entry: LogEntry) -> dict[str, Any]:
        """The fields of a call that name its contact. Zoho has one for contacts, another for leads."""
        kind, record_id = self._record_of(entry.contact_id)
        if kind.is_lead:
            return {"What_Id": {"id": record_id}, "$se_module": kind.object}
        return {"Who_Id": {"id": record_id}}

    async def _cleared(self, entry: LogEntry, existing: LoggedCall) -> dict[str, Any]:
        """The field to clear when a call moves. A deal that people related to a contact's call stays."""
        kind, _ = self._record_of(entry.contact_id)
        if kind.is_lead:
            return {"Who_Id": None}
        [leads] = [each for each in self._records.kinds if each.is_lead]
        related = existing.what.id if existing.what else ""
        return {"What_Id": None} if related and await self._records.contacts(leads, [related]) else {}

    def _record_of(self, contact_id: str) -> tuple[ZohoKind, str]:
        for kind in self._records.kinds:
            if contact_id.startswith(f"{kind.type}:") and (record_id := kind.record_id(contact_id)):
                return kind, record_id
        raise CrmRejected("Zoho logs calls of leads and contacts only, and this id belongs to neither.")

    def _key_fields(self, key: str) -> dict[str, str]:
        return {self._names.key_field: stored_key(key)} if self._names.key_field else {}

    def _log(self, log_id: str, contact_id: str = "") -> CrmLog:
        return CrmLog(log_id, f"{self._names.web_url}/crm/tab/{CALLS}/{log_id}", contact_id)
