"""The adapter to Salesforce."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from heapq import merge
from itertools import islice
from typing import Annotated, Any, Final

import msgspec

from leadline_server.clock import Clock
from leadline_server.concurrency.fan_out import together
from leadline_server.crm.salesforce.errors import DuplicatesDetected
from leadline_server.crm.salesforce.facts import FACTS
from leadline_server.crm.salesforce.records import SalesforceRecords
from leadline_server.crm.salesforce.removal import remove_unused
from leadline_server.crm.salesforce.soql import conditions, containing, moment, quoted, searches
from leadline_server.crm.salesforce.wire import (
    DESCRIPTION,
    TASK_COLUMNS,
    USER_COLUMNS,
    LoggedTask,
    SalesforceKind,
    SalesforceNames,
    contact_of,
    created_id,
    description_of,
    is_id,
    record_of,
    stored_key,
    stored_log_of,
    task_of,
)
from leadline_server.crm.toolkit import AccountView, HttpClient, read_cursor, segment, write_cursor
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
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmInvalidCursor, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, CrmUserPage, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import (
    ALL_METHODS,
    MOST_NUMBERS,
    Capabilities,
    CrmMethod,
    LookupRecall,
    most_read,
)

CAPABILITIES: Final = Capabilities(
    finds_log_by_key=True,
    enforces_unique_key=False,
    moves_log=True,
    search_lag=timedelta(0),
    settle_time=timedelta(seconds=60),
    contact_types=CONTACT_TYPES,
    numbers_per_lookup=MOST_NUMBERS,
    follows_moved_contacts=True,
    deletes_contacts=True,
    methods=ALL_METHODS | {CrmMethod.LIST_USERS, CrmMethod.GET_CALL_LOG},
)
"""The guarantees with the search index. docs/crms.md says why no lookup lags, and why a write may take a minute."""

BY_DATABASE: Final = replace(CAPABILITIES, lookup_recall=LookupRecall.COMPLETE)
"""The guarantees without it: the database finds the digits in their order, whatever stands between them."""

USERS_A_PAGE: Final = 500
"""The most users of one query."""

_SAVE_ANYWAY: Final = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
_GONE: Final = 404
_MOST_OFFSET: Final = 2_000  # records; SOQL skips no more
_CLOCK_SKEW: Final = timedelta(minutes=5)
_MOST_MOVES: Final = 5  # conversions and merges one after the other

_Offset = Annotated[int, msgspec.Meta(ge=0)]


class SalesforceCrm:
    """See `ports.crm.CrmAdapter` for what each method guarantees.

    Args:
        client: sends requests to `instance_url/services/data/VERSION`.
        records: reads by the same client.
        names: the names that the settings give.
        index_lag: how long the search index may lag; None: leadline does not use the index.
        account: gives the time zone, the region and the number formats.
        clock: the time of day.
        own: fields of the administrator's own.
    """

    documented_facts = FACTS

    def __init__(
        self,
        client: HttpClient,
        records: SalesforceRecords,
        names: SalesforceNames,
        index_lag: timedelta | None,
        account: AccountView,
        clock: Clock,
        own: OwnFields,
    ) -> None:
        self.capabilities = BY_DATABASE if index_lag is None else CAPABILITIES
        self._client = client
        self._records = records
        self._names = names
        self._index_lag = index_lag
        self._account = account
        self._clock = clock
        self._own = own

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Ask the index for all numbers, and the database for records that the index may not have yet."""
        since, queries, most = "", list[str](), most_read(numbers)
        if self._index_lag is not None:
            since = f" AND SystemModstamp >= {moment(self._clock.now() - self._index_lag - _CLOCK_SKEW)}"
            queries = list(searches(numbers, self._account.settings().number_formats))
        lookups = [self._records.search(query, most) for query in queries]
        for kind in self._records.kinds:
            wanted = conditions(numbers, kind.phones)
            lookups += [self._records.first(kind, f"({condition}){since}", most) for condition in wanted]
        return list({contact.id: contact for found in await together(lookups) for contact in found}.values())

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The record with this id, or the one that it was converted to or merged into, with its own id."""
        seen = {contact_id}
        while (kind := self._records.kind_with(contact_id)) is not None:
            query = f"SELECT {kind.columns} FROM {kind.object} WHERE Id = {quoted(contact_id)}"  # noqa: S608 - quoted
            rows = await self._records.rows(query)
            if rows and not rows[0].get("IsConverted"):
                return self._records.contact(rows[0], kind)
            contact_id = (
                str(rows[0].get("ConvertedContactId") or "")
                if rows
                else await self._records.master_of(contact_id, kind)
            )
            if contact_id in seen or len(seen) > _MOST_MOVES:
                return None
            seen.add(contact_id)
        return None

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Salesforce orders each kind by name; a page merges both. A cursor counts those before it: `[20,5]`."""
        kinds = self._records.kinds
        offsets = read_cursor(cursor, tuple[_Offset, _Offset]) if cursor else (0, 0)
        if max(offsets) > _MOST_OFFSET:
            raise CrmUnavailable("Salesforce does not list so many contacts. Search for more of the name.")
        hits = await together(
            self._named(kind, name, limit + 1, offset) for kind, offset in zip(kinds, offsets, strict=True)
        )
        page = list(islice(merge(*hits, key=lambda contact: (contact.name, contact.id)), limit))
        counts = (sum(contact.type == kind.type for contact in page) for kind in kinds)
        following = write_cursor([offset + count for offset, count in zip(offsets, counts, strict=True)])
        return ContactPage(tuple(page), following if sum(map(len, hits)) > len(page) else "")

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:  # noqa: ARG002 - no field for it is unique
        """Create a record. If a duplicate rule names a record with this very number, that record is the answer."""
        kind = kind_of(draft, self._records.kinds, "Salesforce")
        record = with_own(self._own.of_contact(draft), record_of(draft, kind, self._names))
        try:
            return await self._create(kind, record, {})
        except DuplicatesDetected as refusal:
            if (existing := await self._duplicate(refusal, draft.phone_number)) is not None:
                return existing
            if not refusal.may_save:
                raise
            return await self._create(kind, record, _SAVE_ANYWAY)

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Move a lead or contact that no one has used to Salesforce's recycle bin."""
        kind = self._records.kind_with(contact_id)
        if kind is None:
            return ContactUse.UNUSED
        records = self._records
        return await remove_unused(self._client, records, kind, contact_id, log_ids, only_check=only_check)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Create a completed task of subtype Call. Its key stands in a field that SOQL can find."""
        zone = self._account.settings().zone
        task = self._task(entry, description_of(entry, zone)) | {
            self._names.key_field: stored_key(key),
            "Status": self._names.task_status,
            "TaskSubtype": "Call",
        }
        known = with_own(self._own.of_new_call(entry), _known(task))
        return self._log(created_id(await self._client.tell("POST", "/sobjects/Task", json=known)))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change the fields that leadline owns, and leadline's part of the description."""
        existing = await self._existing(log_id)
        if existing is None:
            raise CrmRejected("The call's task is no longer in Salesforce.")
        task = self._task(entry, description_of(entry, self._account.settings().zone, existing.description or ""))
        if not entry.moves:
            del task["WhoId"]  # the people's: it may refer to a converted lead, which Salesforce refuses
        task = with_own(self._own.of_changed_call(entry), task)
        answer = await self._client.tell("PATCH", f"/sobjects/Task/{segment(log_id)}", json=task)
        if answer.body:  # perhaps a proxy's page: Salesforce answers with nothing
            raise answer.unusable("is not empty, as its documentation says")
        return self._log(log_id, entry.contact_id if entry.moves else existing.who_id or "")

    async def find_call_log(self, key: str) -> CrmLog | None:
        """Ask the database, which has a task at once. SOQL ignores case, so the keys are compared here too."""
        field, wanted = self._names.key_field, stored_key(key)
        query = f"SELECT Id, {field} FROM Task WHERE {field} = {quoted(wanted)} ORDER BY CreatedDate"  # noqa: S608 - quoted
        ids = [str(row["Id"]) for row in await self._records.rows(query) if row.get(field) == wanted]
        return self._log(ids[0]) if ids else None

    async def delete_call_log(self, log_id: str) -> None:
        """Move a task to Salesforce's recycle bin."""
        await self._client.tell("DELETE", f"/sobjects/Task/{segment(log_id)}", accept={_GONE})

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """The task as it is now."""
        task = await self._existing(log_id)
        return None if task is None else stored_log_of(task, log_id)

    async def check(self) -> None:
        """Read one record of each kind, with every field that leadline needs later."""
        tasks = f"SELECT Id, Description, {self._names.key_field} FROM Task LIMIT 1"  # noqa: S608 - names of the settings
        people = (f"SELECT {kind.columns} FROM {kind.object} LIMIT 1" for kind in self._records.kinds)  # noqa: S608 - likewise
        await together(self._records.rows(query) for query in (*people, tasks))

    async def required_fields(self) -> FieldReport:
        """Ask for the descriptions of leads, contacts and tasks, and compare them with the least record of each."""
        report, draft, contact = FieldReport(), sample_draft(), self._records.kinds[0].prefix + "0" * 12
        for kind in self._records.kinds:
            record = with_own(self._own.of_contact(draft), record_of(draft, kind, self._names))
            report += await self._missing(kind.object, PLACEHOLDER_FIELDS, record)
        entry = sample_entry(contact)
        task = {**_known(self._task(entry, "-")), "Status": self._names.task_status}
        return report + await self._missing("Task", CALL_FIELDS, with_own(self._own.of_new_call(entry), task))

    async def _missing(self, record: str, setting: str, values: Mapping[str, Any]) -> FieldReport:
        answer = await self._client.ask("GET", f"/sobjects/{record}/describe")
        described = answer.decode(DESCRIPTION)
        required = {field.name: field.label for field in described.fields if field.is_required}
        return missing_of(record, setting, required, values)

    async def list_users(self, cursor: str) -> CrmUserPage:
        """Users by id, without those of portals, and without Salesforce's own. A cursor is the last user's id."""
        if cursor and not is_id(cursor):
            raise CrmInvalidCursor("This is not a position in Salesforce's users.")
        after = f" AND Id > {quoted(cursor)}" if cursor else ""
        query = f"SELECT {USER_COLUMNS} FROM User WHERE UserType = 'Standard'{after} ORDER BY Id LIMIT {USERS_A_PAGE}"  # noqa: S608 - quoted
        users = tuple(self._records.user(row) for row in await self._records.rows(query))
        return CrmUserPage(users, users[-1].id if len(users) == USERS_A_PAGE else "")

    async def _named(self, kind: SalesforceKind, name: str, limit: int, offset: int) -> list[Contact]:
        condition = f"Name LIKE {containing(name)}"
        return await self._records.contacts(kind, condition, f" ORDER BY Name, Id LIMIT {limit} OFFSET {offset}")

    async def _create(self, kind: SalesforceKind, record: Mapping[str, Any], headers: Mapping[str, str]) -> Contact:
        answer = await self._client.tell("POST", f"/sobjects/{kind.object}", json=record, headers=headers)
        name = " ".join(filter(None, (record.get("FirstName"), record["LastName"])))
        return contact_of({**record, "Id": created_id(answer), "Name": name}, kind, self._names)

    async def _duplicate(self, refusal: DuplicatesDetected, number: PhoneNumber) -> Contact | None:
        """The oldest record that a duplicate rule named and that has the number; None if none of them has it."""
        ids = [record_id for record_id in refusal.ids if is_id(record_id)]
        lookups = [
            self._records.contacts(kind, f"Id IN ({', '.join(map(quoted, mine))})")
            for kind in self._records.kinds
            if (mine := [record_id for record_id in ids if kind.has(record_id)])
        ]
        return owner_of(number, await together(lookups), self._account.settings().default_region)

    async def _existing(self, log_id: str) -> LoggedTask | None:
        """The current task; None if it is gone."""
        query = f"SELECT {TASK_COLUMNS} FROM Task WHERE Id = {quoted(log_id)}"  # noqa: S608 - quoted
        rows = await self._records.rows(query) if is_id(log_id) else []
        return self._records.task(rows[0]) if rows else None

    def _task(self, entry: LogEntry, description: str) -> dict[str, Any]:
        if self._records.kind_with(entry.contact_id) is None:
            raise CrmRejected("Salesforce logs calls of leads and contacts only, and this id belongs to neither.")
        return task_of(entry, self._account.settings().zone, description)

    def _log(self, log_id: str, contact_id: str = "") -> CrmLog:
        return CrmLog(log_id, self._names.record_url + log_id, contact_id)


def _known(task: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in task.items() if value is not None}
