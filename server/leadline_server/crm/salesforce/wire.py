"""Salesforce's records as leadline's contacts, and leadline's calls as its tasks.

Field names are those of the Object Reference for the Salesforce Platform: Contact, Lead, Task.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from leadline_server.crm.toolkit.call_text import Style, body_of, duration_of, subject_of, updated_body
from leadline_server.domain.call import CallDirection
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.person_name import split_name
from leadline_server.ports.crm import LogEntry

MOST_DESCRIPTION: Final = 32_000
MOST_TEXT: Final = 255
"""Characters of a task's description, and of its subject, disposition and call object."""

_MOST_FIRST_NAME: Final = 40
_MOST_LAST_NAME: Final = 80
_ID: Final = re.compile(r"[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # no character of XML, which Salesforce goes by
_CALL_TYPES: Final = {
    CallDirection.INBOUND: "Inbound",
    CallDirection.OUTBOUND: "Outbound",
    CallDirection.INTERNAL: "Internal",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record that is a contact to leadline.

    Attributes:
        type: leadline's word.
        object: Salesforce's.
        prefix: what its ids begin with.
        fields: what is read of it, besides its numbers.
        condition: which of its records count, in SOQL; empty: all.
        phones: its fields with numbers; a new contact's goes into the first.
    """

    type: str
    object: str
    prefix: str
    fields: tuple[str, ...]
    condition: str
    phones: tuple[str, ...]

    @property
    def columns(self) -> str:
        """The fields to ask for, in SOQL and SOSL."""
        return ", ".join((*self.fields, *self.phones))

    def has(self, record_id: str) -> bool:
        """Whether an id is one of this kind."""
        return record_id.startswith(self.prefix) and is_id(record_id)


_FIELDS: Final = ("Id", "Name", "Email", "Title", "LeadSource", "CreatedDate", "LastActivityDate")


def lead_kind(phones: tuple[str, ...]) -> Kind:
    """Leads; those that were converted are contacts by now."""
    fields = (*_FIELDS, "Company", "IsConverted", "ConvertedContactId")
    return Kind("lead", "Lead", "00Q", fields, "IsConverted = false", phones)


def contact_kind(phones: tuple[str, ...]) -> Kind:
    """Contacts, persons' accounts among them."""
    return Kind("contact", "Contact", "003", (*_FIELDS, "Account.Name"), "", phones)


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceNames:
    """What the settings say of how things are called.

    Attributes:
        company: stands in for a lead's company, which Salesforce requires.
        placeholder_source: the lead source that marks placeholders; empty: they are not marked.
        task_status: the status of a call's task.
        key_field: the task's field that has the call's key.
        record_url: where records are shown to people: followed by an id.
    """

    company: str
    placeholder_source: str
    task_status: str
    key_field: str
    record_url: str


class _Account(msgspec.Struct, rename="pascal"):
    name: str | None = None


class _Person(msgspec.Struct, rename="pascal"):
    """What leads and contacts have in common, and either alone."""

    id: str
    name: str | None = None
    email: str | None = None
    title: str | None = None
    lead_source: str | None = None
    created_date: str | None = None
    last_activity_date: str | None = None
    company: str | None = None
    account: _Account | None = None


class QueryPage(msgspec.Struct, rename="camel"):
    """A page of a query's answer."""

    records: list[dict[str, Any]]
    done: bool
    next_records_url: str = ""


class SearchAnswer(msgspec.Struct, rename="camel"):
    """A search's answer."""

    search_records: list[dict[str, Any]]


class CreateAnswer(msgspec.Struct):
    """The answer to a new record."""

    id: str
    success: bool


QUERY_PAGE: Final = msgspec.json.Decoder(QueryPage)
SEARCH_ANSWER: Final = msgspec.json.Decoder(SearchAnswer)
CREATE_ANSWER: Final = msgspec.json.Decoder(CreateAnswer)


def is_id(text: str) -> bool:
    """Whether a text can be an id of Salesforce's: 15 characters, or 18 with their checksum."""
    return _ID.fullmatch(text) is not None


def contact_of(record: Mapping[str, Any], kind: Kind, words: SalesforceNames) -> Contact:
    """A record as a contact. Raises ValueError if it is not what its documentation says."""
    person = msgspec.convert(record, _Person)
    company = person.company or (person.account.name if person.account else "") or ""
    return Contact(
        id=person.id,
        name=person.name or "",
        phone_numbers=tuple(dict.fromkeys(str(record[field]) for field in kind.phones if record.get(field))),
        type=kind.type,
        email=person.email or "",
        company="" if kind.type == "lead" and company == words.company else company,
        title=person.title or "",
        url=words.record_url + person.id,
        create_time=_time(person.created_date),
        last_activity_time=_time(person.last_activity_date),
        is_placeholder=bool(words.placeholder_source) and person.lead_source == words.placeholder_source,
    )


def record_of(draft: ContactDraft, kind: Kind, words: SalesforceNames) -> dict[str, str]:
    """What a new record is given. A placeholder's name is cut where it is too long."""
    number = draft.phone_number
    name = _clean(draft.name)[: _MOST_LAST_NAME if draft.is_placeholder else None]
    first, last = split_name(name, _MOST_FIRST_NAME)
    record = {"FirstName": first, "LastName": last} if first else {"LastName": last}
    record[kind.phones[0]] = f"{number.e164} x{number.extension}" if number.extension else number.e164
    if draft.email:
        record["Email"] = draft.email
    if kind.type == "lead":
        record["Company"] = _clean(draft.company) or words.company
    if draft.is_placeholder and words.placeholder_source:
        record["LeadSource"] = words.placeholder_source
    return record


def stored_key(key: str) -> str:
    """A call's key as a task's field has it: itself if it fits, and is left as it is there; else a digest of it."""
    if len(key) <= MOST_TEXT and key == _clean(key):
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def task_of(entry: LogEntry, time_zone: str, description: str) -> dict[str, Any]:
    """The fields of a task that leadline owns. None clears one."""
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


def description_of(entry: LogEntry, time_zone: str, existing: str | None = None) -> str:
    """A task's description: new, or `existing` brought up to date with what people wrote around it kept."""
    theirs = "" if existing is None else updated_body(existing, "")
    body = _clean(body_of(entry, time_zone, Style(limit=max(0, MOST_DESCRIPTION - len(theirs)))))
    return body if existing is None else updated_body(existing, body)


def _clean(text: str) -> str:
    """A text without what Salesforce would take away by itself."""
    return _CONTROL.sub("", text).strip()


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
