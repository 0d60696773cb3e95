"""Zoho's records as leadline's contacts, and leadline's calls as Zoho's.

Field names are the API names of the modules Contacts, Leads and Calls.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from leadline_server.crm.toolkit.call_text import Style, body_of, duration_of, subject_of, updated_body
from leadline_server.crm.zoho.coql import is_plain
from leadline_server.domain.call import Call, CallDirection, CallResult
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.person_name import split_name
from leadline_server.ports.crm import LogEntry

LEADS: Final = "Leads"
CONTACTS: Final = "Contacts"
MOST_DESCRIPTION: Final = 32_000
MOST_TEXT: Final = 255

_MOST_FIRST_NAME: Final = 40
_MOST_LAST_NAME: Final = 80
_MOST_ID: Final = 25
_MISSED: Final = frozenset({CallResult.NO_ANSWER, CallResult.CANCELED, CallResult.BUSY, CallResult.REJECTED})


@dataclass(frozen=True, slots=True)
class Kind:
    """A module whose records are contacts to leadline.

    Attributes:
        type: what leadline calls it, and its ids begin with: Zoho's own do not say which module they are of.
        module: Zoho's.
        fields: what is read of it, besides its numbers.
        phones: its fields with numbers; a new contact's goes into the first.
    """

    type: str
    module: str
    fields: tuple[str, ...]
    phones: tuple[str, ...]

    def own_id(self, record_id: str) -> str:
        """The id of a record as leadline has it."""
        return f"{self.type}:{record_id}"

    def record_id(self, contact_id: str) -> str:
        """Zoho's id in leadline's, or one as Zoho has it; empty if it is of another module, or none at all."""
        bare = contact_id.removeprefix(f"{self.type}:")
        return bare if bare.isascii() and bare.isdecimal() and len(bare) <= _MOST_ID else ""


_FIELDS: Final = ("First_Name", "Last_Name", "Email", "Created_Time", "Last_Activity_Time")


def lead_kind(phones: tuple[str, ...]) -> Kind:
    """Leads."""
    return Kind("lead", LEADS, (*_FIELDS, "Company", "Designation"), phones)


def contact_kind(phones: tuple[str, ...]) -> Kind:
    """Contacts."""
    return Kind("contact", CONTACTS, (*_FIELDS, "Account_Name", "Title"), phones)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZohoNames:
    """What the settings say of how things are called.

    Attributes:
        company: stands in for a lead's company, which Zoho requires.
        placeholder_field: the checkbox of leads and contacts that marks placeholders; empty: they are not marked.
        key_field: the field of calls that has the call's key; empty: there is none.
        web_url: where people see records.
    """

    company: str
    placeholder_field: str
    key_field: str
    web_url: str


class _Lookup(msgspec.Struct):
    id: str = ""
    name: str | None = None


class _Person(
    msgspec.Struct,
    rename={
        "first_name": "First_Name",
        "last_name": "Last_Name",
        "email": "Email",
        "created_time": "Created_Time",
        "last_activity_time": "Last_Activity_Time",
        "company": "Company",
        "account": "Account_Name",
        "title": "Title",
        "designation": "Designation",
    },
):
    """What leads and contacts have in common, and either alone."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    created_time: datetime | None = None
    last_activity_time: datetime | None = None
    company: str | None = None
    account: _Lookup | None = None
    title: str | None = None
    designation: str | None = None


class LoggedCall(msgspec.Struct, rename={"what": "What_Id", "description": "Description"}):
    """What is read of a call before it is updated."""

    id: str
    what: _Lookup | None = None
    description: str | None = None


class PageInfo(msgspec.Struct, frozen=True):
    """Whether there is more."""

    more_records: bool = False


class RowsAnswer(msgspec.Struct):
    """An answer with records."""

    data: list[dict[str, Any]]
    info: PageInfo = PageInfo()


class _WrittenDetails(msgspec.Struct):
    id: str


class _WrittenRecord(msgspec.Struct):
    code: str
    details: _WrittenDetails


class WriteAnswer(msgspec.Struct):
    """The answer to a write of one record."""

    data: list[_WrittenRecord]


ROWS: Final = msgspec.json.Decoder(RowsAnswer)
WRITE_ANSWER: Final = msgspec.json.Decoder(WriteAnswer)


def contact_of(record: Mapping[str, Any], kind: Kind, words: ZohoNames) -> Contact:
    """A record as a contact. Raises msgspec.ValidationError if it is not what its documentation says."""
    person = msgspec.convert(record, _Person)
    company = person.company or (person.account.name if person.account else "") or ""
    return Contact(
        id=kind.own_id(person.id),
        name=" ".join(filter(None, (person.first_name, person.last_name))),
        phone_numbers=tuple(dict.fromkeys(str(record[field]) for field in kind.phones if record.get(field))),
        type=kind.type,
        email=person.email or "",
        company="" if kind.module == LEADS and company == words.company else company,
        title=person.title or person.designation or "",
        url=f"{words.web_url}/crm/tab/{kind.module}/{person.id}",
        create_time=person.created_time,
        last_activity_time=person.last_activity_time,
        is_placeholder=bool(words.placeholder_field) and record.get(words.placeholder_field) is True,
    )


def record_of(draft: ContactDraft, kind: Kind, words: ZohoNames) -> dict[str, Any]:
    """What a new record is given. A placeholder's name is cut where it is too long."""
    number, name = draft.phone_number, _clean(draft.name)[: _MOST_LAST_NAME if draft.is_placeholder else None]
    first, last = split_name(name, _MOST_FIRST_NAME)
    record: dict[str, Any] = {"First_Name": first, "Last_Name": last} if first else {"Last_Name": last}
    record[kind.phones[0]] = f"{number.e164} x{number.extension}" if number.extension else number.e164
    if draft.email:
        record["Email"] = draft.email
    if kind.module == LEADS:
        record["Company"] = _clean(draft.company) or words.company
    if draft.is_placeholder and words.placeholder_field:
        record[words.placeholder_field] = True
    return record


def stored_key(key: str) -> str:
    """A call's key as a call's field has it: itself if it can be asked for as it is, else a digest of it."""
    if len(key) <= MOST_TEXT and is_plain(key) and key == key.strip():
        return key
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def call_of(entry: LogEntry, description: str) -> dict[str, Any]:
    """The fields of a call that leadline owns, but for whose it is."""
    call = entry.call
    kind = call_type(call, entry.user_id)
    fields: dict[str, Any] = {
        "Subject": _clean(subject_of(entry, MOST_TEXT)),
        "Description": description,
        "Call_Type": kind,
        "Call_Start_Time": (call.start_time or entry.fallback_time).isoformat(timespec="seconds"),
        "Call_Duration": duration_text(duration_of(call) or timedelta(0)),
    }
    if kind == "Outbound":
        fields["Outgoing_Call_Status"] = "Completed"
    return fields | ({"Owner": {"id": entry.crm_user_id}} if entry.crm_user_id else {})


def call_type(call: Call, user_id: str) -> str:
    """Inbound, Outbound or Missed. Zoho has no internal calls: they are whatever they are to the log's user."""
    is_outbound = call.direction is CallDirection.OUTBOUND or (
        call.direction is CallDirection.INTERNAL and call.counterpart(user_id) is call.callee
    )
    if is_outbound:
        return "Outbound"
    return "Missed" if call.result in _MISSED else "Inbound"


def duration_text(duration: timedelta) -> str:
    """`mm:ss`, and `hh:mm:ss` from an hour on, as Zoho shows durations itself."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def description_of(entry: LogEntry, time_zone: str, existing: str | None = None) -> str:
    """A call's description: new, or `existing` brought up to date with what people wrote around it kept."""
    theirs = "" if existing is None else updated_body(existing, "")
    body = _clean(body_of(entry, time_zone, Style(limit=max(0, MOST_DESCRIPTION - len(theirs)))))
    return body if existing is None else updated_body(existing, body)


def _clean(text: str) -> str:
    """A text without NUL and without spaces around it, which Zoho takes away by itself."""
    return text.replace("\0", "").strip()
