"""The adapter to Salesforce."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from heapq import merge
from itertools import islice
from typing import Any, Final

from leadline_server.clock import Clock
from leadline_server.crm.connections import AccountView
from leadline_server.crm.salesforce.errors import DuplicatesDetected
from leadline_server.crm.salesforce.records import Records
from leadline_server.crm.salesforce.soql import conditions, containing, moment, quoted, searches
from leadline_server.crm.salesforce.wire import (
    CREATED,
    Kind,
    Words,
    contact_of,
    description_of,
    is_id,
    record_of,
    stored_key,
    task_of,
)
from leadline_server.crm.web import Answer, WebClient, segment, together
from leadline_server.domain.contact import Contact, ContactDraft, MatchKind
from leadline_server.domain.errors import CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import MOST_NUMBERS, Capabilities, ContactPage, CrmLog, LogEntry

CAPABILITIES: Final = Capabilities(
    finds_log_by_key=True,
    enforces_unique_key=False,
    moves_log=True,
    search_lag=timedelta(0),
    settle_time=timedelta(seconds=60),
    contact_types=("lead", "contact"),
    numbers_per_lookup=MOST_NUMBERS,
)
"""What is promised. docs/crms.md says why nothing lags, and why a write may take a minute to settle."""

_INSISTING: Final = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
_MOST_OFFSET: Final = 2_000  # records; SOQL skips no more
_CLOCKS_DIFFER: Final = timedelta(minutes=5)


class SalesforceCrm:
    """See `ports.crm.CrmAdapter` for what each method promises.

    Args:
        client: the way to `instance_url/services/data/VERSION`.
        records: reads by the same way.
        words: how things are called.
        index_lag: how long the search index may lag; None: it is not asked at all.
        account: whose time zone, region and number formats count.
        clock: the time of day.
    """

    capabilities = CAPABILITIES

    def __init__(
        self,
        client: WebClient,
        records: Records,
        words: Words,
        index_lag: timedelta | None,
        account: AccountView,
        clock: Clock,
    ) -> None:
        self._client = client
        self._records = records
        self._words = words
        self._index_lag = index_lag
        self._account = account
        self._clock = clock

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Ask the index for all numbers, and the database for what the index may not show yet."""
        since, queries = "", list[str]()
        if self._index_lag is not None:
            since = f" AND SystemModstamp >= {moment(self._clock.now() - self._index_lag - _CLOCKS_DIFFER)}"
            queries = list(searches(numbers, self._account.settings().number_formats))
        looks = [self._records.search(query) for query in queries]
        for kind in self._records.kinds:
            asked = conditions(numbers, kind.phones)
            looks += [self._records.contacts(kind, f"({condition}){since}") for condition in asked]
        return list({contact.id: contact for found in await together(looks) for contact in found}.values())

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The record with this id. A lead that was converted is the contact that it became, under that one's id."""
        kind = self._kind_of(contact_id)
        if kind is None:
            return None
        question = f"SELECT {kind.columns} FROM {kind.object} WHERE Id = {quoted(contact_id)}"  # noqa: S608 - quoted
        rows = await self._records.rows(question)
        if rows and rows[0].get("IsConverted"):
            became = str(rows[0].get("ConvertedContactId") or "")
            return None if became == contact_id else await self.get_contact(became)
        return self._records.contact(rows[0], kind) if rows else None

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """A page is what comes first of both kinds; the cursor says how many of each came before it."""
        kinds = self._records.kinds
        offsets = [int(part) for part in cursor.split(",")] if cursor else [0] * len(kinds)
        if max(offsets) > _MOST_OFFSET:
            raise CrmUnavailable("Salesforce does not list so many contacts. Search for more of the name.")
        hits = await together(
            self._named(kind, name, limit + 1, offset) for kind, offset in zip(kinds, offsets, strict=True)
        )
        page = list(islice(merge(*hits, key=lambda contact: (contact.name, contact.id)), limit))
        taken = (sum(contact.type == kind.type for contact in page) for kind in kinds)
        following = ",".join(str(offset + count) for offset, count in zip(offsets, taken, strict=True))
        return ContactPage(tuple(page), following if sum(map(len, hits)) > len(page) else "")

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:  # noqa: ARG002 - no place for it is unique
        """Create a record, unless a duplicate rule says that one with this very number is there; then that one."""
        kind = next((kind for kind in self._records.kinds if draft.type in ("", kind.type)), None)
        if kind is None:
            raise CrmRejected(
                f"Salesforce has no contacts of this type. There are: {', '.join(self.capabilities.contact_types)}."
            )
        record = record_of(draft, kind, self._words)
        try:
            return await self._create(kind, record, {})
        except DuplicatesDetected as refusal:
            if (existing := await self._duplicate(refusal, draft.phone_number)) is not None:
                return existing
            if not refusal.may_save:
                raise
            return await self._create(kind, record, _INSISTING)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Create a completed task of subtype Call, which has the key in a field that SOQL finds it by."""
        zone = self._account.settings().time_zone
        task = self._task(entry, description_of(entry, zone)) | {
            self._words.key_field: stored_key(key),
            "Status": self._words.task_status,
            "TaskSubtype": "Call",
        }
        known = {name: value for name, value in task.items() if value is not None}
        return self._log(_id_of(await self._client.tell("POST", "/sobjects/Task", json=known)))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change the fields that leadline owns, and within the description its own part alone."""
        existing = await self._description(log_id)
        task = self._task(entry, description_of(entry, self._account.settings().time_zone, existing))
        answer = await self._client.tell("PATCH", f"/sobjects/Task/{segment(log_id)}", json=task)
        if answer.body:  # a page of a proxy's, say: Salesforce has nothing to add
            raise answer.unusable("is not the empty one that its documentation promises")
        return self._log(log_id)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """Ask the database, which shows a task as soon as it is there. SOQL takes small letters for capital ones."""
        field, wanted = self._words.key_field, stored_key(key)
        question = f"SELECT Id, {field} FROM Task WHERE {field} = {quoted(wanted)} ORDER BY CreatedDate"  # noqa: S608 - quoted
        ids = [str(row["Id"]) for row in await self._records.rows(question) if row.get(field) == wanted]
        return self._log(ids[0]) if ids else None

    async def check(self) -> None:
        """Read one record of each kind, with all the fields that are needed later."""
        tasks = f"SELECT Id, Description, {self._words.key_field} FROM Task LIMIT 1"  # noqa: S608 - names of the settings
        people = (f"SELECT {kind.columns} FROM {kind.object} LIMIT 1" for kind in self._records.kinds)  # noqa: S608 - so too
        await together(self._records.rows(question) for question in (*people, tasks))

    async def _named(self, kind: Kind, name: str, limit: int, offset: int) -> list[Contact]:
        condition = f"Name LIKE {containing(name)}"
        return await self._records.contacts(kind, condition, f" ORDER BY Name, Id LIMIT {limit} OFFSET {offset}")

    async def _create(self, kind: Kind, record: Mapping[str, str], headers: Mapping[str, str]) -> Contact:
        answer = await self._client.tell("POST", f"/sobjects/{kind.object}", json=record, headers=headers)
        name = " ".join(filter(None, (record.get("FirstName"), record["LastName"])))
        return contact_of({**record, "Id": _id_of(answer), "Name": name}, kind, self._words)

    async def _duplicate(self, refusal: DuplicatesDetected, number: PhoneNumber) -> Contact | None:
        """The oldest record that a duplicate rule named and that has the number; None if none of them has it."""
        ids = [record_id for record_id in refusal.ids if is_id(record_id)]
        looks = [
            self._records.contacts(kind, f"Id IN ({', '.join(map(quoted, mine))})")
            for kind in self._records.kinds
            if (mine := [record_id for record_id in ids if kind.has(record_id)])
        ]
        rules = self._account.settings().numbering
        owners = [
            contact
            for found in await together(looks)
            for contact in found
            if any(match_kind(number, stored, rules) is MatchKind.EXACT for stored in contact.phone_numbers)
        ]
        return min(owners, key=lambda contact: (str(contact.create_time), contact.id), default=None)

    async def _description(self, log_id: str) -> str:
        """A task's description as it is now. Raises CrmRejected if the task is gone."""
        question = f"SELECT Description FROM Task WHERE Id = {quoted(log_id)}"  # noqa: S608 - quoted
        rows = await self._records.rows(question) if is_id(log_id) else []
        if not rows:
            raise CrmRejected("The call's task is not in Salesforce any more.")
        return str(rows[0].get("Description") or "")

    def _task(self, entry: LogEntry, description: str) -> dict[str, Any]:
        if self._kind_of(entry.contact_id) is None:
            raise CrmRejected("Salesforce logs calls of leads and contacts alone, and this is the id of neither.")
        return task_of(entry, self._account.settings().time_zone, description)

    def _kind_of(self, contact_id: str) -> Kind | None:
        return next((kind for kind in self._records.kinds if kind.has(contact_id)), None)

    def _log(self, log_id: str) -> CrmLog:
        return CrmLog(log_id, self._words.record_url + log_id)


def _id_of(answer: Answer) -> str:
    """The id of what was created."""
    created = answer.decode(CREATED)
    if not created.success or not is_id(created.id):
        raise answer.unusable("does not say what was created")
    return created.id
