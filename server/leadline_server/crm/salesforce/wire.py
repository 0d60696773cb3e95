"""Salesforce's records as leadline's contacts, and leadline's calls as Salesforce's tasks.

Field names are those of the Object Reference for the Salesforce Platform: Contact, Lead, Task.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.crm.toolkit.call_text import Style, duration_of, note_in, subject_of, updated_body
from leadline_server.crm.toolkit.lead_records import (
    MOST_TEXT,
    RecordKind,
    digest_of,
    name_parts,
    new_body,
    number_text,
    numbers_in,
)
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.call import CallDirection
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.directory import CrmUser
from leadline_server.ports.crm import LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog

_ID: Final = re.compile(r"[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # not in XML, so Salesforce removes them
_CALL_TYPES: Final = {
    CallDirection.INBOUND: "Inbound",
    CallDirection.OUTBOUND: "Outbound",
    CallDirection.INTERNAL: "Internal",
}


@dataclass(frozen=True, slots=True)
class SalesforceKind(RecordKind):
    """Leads or contacts in Salesforce.

    Attributes:
        prefix: the first characters of their ids, such as `00Q`.
        condition: which of the records count, in SOQL; empty: all.
    """

    prefix: str
    condition: str

    @property
    def columns(self) -> str:
        """The fields to ask for, in SOQL and SOSL."""
        return ", ".join((*self.fields, *self.phones))

    def has(self, record_id: str) -> bool:
        """Whether an id is one of this kind."""
        return record_id.startswith(self.prefix) and is_id(record_id)


_FIELDS: Final = ("Id", "Name", "Email", "Title", "LeadSource", "CreatedDate", "LastActivityDate")


def lead_kind(phones: tuple[str, ...]) -> SalesforceKind:
    """Leads, without those that were converted to contacts."""
    fields = (*_FIELDS, "Company", "IsConverted", "ConvertedContactId")
    return SalesforceKind("lead", "Lead", fields, phones, "00Q", "IsConverted = false")


def contact_kind(phones: tuple[str, ...]) -> SalesforceKind:
    """Contacts, including person accounts."""
    return SalesforceKind("contact", "Contact", (*_FIELDS, "Account.Name"), phones, "003", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceNames:
    """Names that the settings give.

    Attributes:
        company: replaces a lead's company if it is unknown; empty for person accounts, which have none.
        placeholder_source: the lead source that marks placeholders; empty: they are not marked.
        task_status: the status of a call's task.
        key_field: the task's field for the call's key.
        record_url: the address of a record's page without the id at its end.
    """

    company: str
    placeholder_source: str
    task_status: str
    key_field: str
    record_url: str


class _Account(WireRecord, rename="pascal", frozen=True):
    name: str | None = None


class _Person(WireRecord, rename="pascal", frozen=True):
    """The fields of leads and contacts."""

    id: str
    name: str | None = None
    email: str | None = None
    title: str | None = None
    lead_source: str | None = None
    created_date: str | None = None
    last_activity_date: str | None = None
    company: str | None = None
    account: _Account | None = None


class LoggedTask(WireRecord, rename="pascal", frozen=True):
    """The fields of a task that leadline reads."""

    subject: str | None = None
    description: str | None = None
    who_id: str | None = None


TASK_COLUMNS: Final = "Subject, Description, WhoId"
"""The fields of LoggedTask to ask for."""


class _User(WireRecord, rename="pascal", frozen=True):
    id: str
    name: str | None = None
    email: str | None = None
    is_active: bool = False


USER_COLUMNS: Final = "Id, Name, Email, IsActive"
"""The fields of User to ask for."""


class QueryPage(WireRecord, rename="camel", frozen=True):
    """A page of the answer to a query."""

    records: list[dict[str, Any]]
    done: bool
    next_records_url: str = ""


class SearchAnswer(WireRecord, rename="camel", frozen=True):
    """The answer to a search."""

    search_records: list[dict[str, Any]]


class CreateAnswer(WireRecord, frozen=True):
    """The answer to a new record."""

    id: str
    success: bool


class _DescribedField(WireRecord, rename="camel", frozen=True):
    name: str
    label: str = ""
    type: str = ""
    nillable: bool = True
    createable: bool = False
    defaulted_on_create: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a new record needs a value. A checkbox is never empty."""
        return self.createable and not self.nillable and not self.defaulted_on_create and self.type != "boolean"


class RecordDescription(WireRecord, frozen=True):
    """The description of a kind of record (REST API Developer Guide, "sObject Describe")."""

    fields: list[_DescribedField]


DESCRIPTION: Final = msgspec.json.Decoder(RecordDescription)
QUERY_PAGE: Final = msgspec.json.Decoder(QueryPage)
SEARCH_ANSWER: Final = msgspec.json.Decoder(SearchAnswer)
CREATE_ANSWER: Final = msgspec.json.Decoder(CreateAnswer)


def is_id(text: str) -> bool:
    """Whether a text can be an id of Salesforce: 15 characters, or 18 with a checksum."""
    return _ID.fullmatch(text) is not None


def created_id(answer: HttpAnswer) -> str:
    """The id of a new record. Raises the answer's `unusable` without one."""
    created = answer.decode(CREATE_ANSWER)
    if not created.success or not is_id(created.id):
        raise answer.unusable("does not say which record was created")
    return created.id


def contact_of(record: Mapping[str, Any], kind: SalesforceKind, names: SalesforceNames) -> Contact:
    """A record as a contact. Raises ValueError if it differs from its documentation."""
    person = msgspec.convert(record, _Person)
    company = person.company or (person.account.name if person.account else "") or ""
    return Contact(
        id=person.id,
        name=person.name or "",
        phone_numbers=numbers_in(record, kind),
        type=kind.type,
        email=person.email or "",
        company="" if kind.is_lead and company == names.company else company,
        title=person.title or "",
        url=names.record_url + person.id,
        create_time=_time(person.created_date),
        last_activity_time=_time(person.last_activity_date),
        is_placeholder=bool(names.placeholder_source) and person.lead_source == names.placeholder_source,
    )


def user_of(record: Mapping[str, Any]) -> CrmUser:
    """A user who can own records. Raises msgspec.ValidationError if the record differs from its documentation."""
    user = msgspec.convert(record, _User)
    return CrmUser(id=user.id, name=user.name or "", email=user.email or "", is_active=user.is_active)


def record_of(draft: ContactDraft, kind: SalesforceKind, names: SalesforceNames) -> dict[str, str]:
    """The fields of a new record."""
    first, last = name_parts(draft, _clean(draft.name))
    record = {"FirstName": first, "LastName": last} if first else {"LastName": last}
    record[kind.phones[0]] = number_text(draft.phone_number)
    if draft.email:
        record["Email"] = draft.email
    if kind.is_lead and (company := _clean(draft.company) or names.company):
        record["Company"] = company[:MOST_TEXT]
    if draft.is_placeholder and names.placeholder_source:
        record["LeadSource"] = names.placeholder_source
    return record


def stored_key(key: str) -> str:
    """A call's key as the task's field has it: a digest if it is too long, or if Salesforce would change it."""
    return key if len(key) <= MOST_TEXT and key == _clean(key) else digest_of(key)


def task_of(entry: LogEntry, time_zone: str, description: str) -> dict[str, Any]:
    """The fields of a task that leadline owns. None clears a field."""
    call, duration = entry.call, duration_of(entry.call)
    start = call.start_time or entry.fallback_time
    result = call.result.name.replace("_", " ").capitalize() if call.result else None
    task = {
        "WhoId": entry.contact_id,
        "Subject": _clean(subject_of(entry, MOST_TEXT)),
        "Description": description,
        "ActivityDate": start.astimezone(ZoneInfo(time_zone)).date().isoformat(),
        "CallType": _CALL_TYPES.get(call.direction) if call.direction else None,
        "CallDisposition": _clean(call.disposition or "")[:MOST_TEXT] or result,
        "CallDurationInSeconds": None if duration is None else round(duration.total_seconds()),
    }
    return task | ({"OwnerId": entry.crm_user_id} if entry.crm_user_id else {})


def stored_log_of(task: LoggedTask, log_id: str) -> StoredCallLog:
    """A task as the log of a call."""
    text = task.description or ""
    note = note_in(text, Style())
    return StoredCallLog(id=log_id, contact_id=task.who_id or "", subject=task.subject or "", note=note, text=text)


def description_of(entry: LogEntry, time_zone: str, existing: str | None = None) -> str:
    """A task's description: new, or `existing` with leadline's part replaced."""
    body = _clean(new_body(entry, time_zone, existing))
    return body if existing is None else updated_body(existing, body)


def _clean(text: str) -> str:
    """A text without the characters that Salesforce removes by itself."""
    return _CONTROL.sub("", text).strip()


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
