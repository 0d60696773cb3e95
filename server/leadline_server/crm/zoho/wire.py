"""Zoho's records as leadline's contacts. Field names are the API names of the modules Contacts and Leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from leadline_server.crm.toolkit.lead_records import (
    MOST_TEXT,
    RecordKind,
    digest_of,
    name_parts,
    number_text,
    numbers_in,
)
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.crm.zoho.coql import is_plain
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.directory import CrmUser

_MOST_ID: Final = 25


@dataclass(frozen=True, slots=True)
class ZohoKind(RecordKind):
    """Leads or contacts in Zoho. leadline's ids begin with the type, since Zoho's do not tell the module."""

    def own_id(self, record_id: str) -> str:
        """The id of a record in leadline, such as `lead:4876`."""
        return f"{self.type}:{record_id}"

    def record_id(self, contact_id: str) -> str:
        """Zoho's id in leadline's, or an id as Zoho has it; empty if it is of the other module, or not an id."""
        bare = contact_id.removeprefix(f"{self.type}:")
        return bare if bare.isascii() and bare.isdecimal() and len(bare) <= _MOST_ID else ""


_FIELDS: Final = ("First_Name", "Last_Name", "Email", "Created_Time", "Last_Activity_Time")


def lead_kind(phones: tuple[str, ...]) -> ZohoKind:
    """Leads."""
    return ZohoKind("lead", "Leads", (*_FIELDS, "Company", "Designation"), phones)


def contact_kind(phones: tuple[str, ...]) -> ZohoKind:
    """Contacts."""
    return ZohoKind("contact", "Contacts", (*_FIELDS, "Account_Name", "Title"), phones)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZohoNames:
    """Names that the settings give.

    Attributes:
        company: replaces a lead's company if it is unknown, since Zoho requires one.
        placeholder_field: the checkbox of leads and contacts that marks placeholders; empty: they are not marked.
        key_field: the field of calls for the call's key; empty: there is none.
        web_url: the address that people use.
    """

    company: str
    placeholder_field: str
    key_field: str
    web_url: str


class RelatedRecord(WireRecord, frozen=True):
    """A record in a field of another one."""

    id: str = ""
    name: str | None = None


class _Person(
    WireRecord,
    frozen=True,
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
    """The fields of leads and contacts."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    created_time: datetime | None = None
    last_activity_time: datetime | None = None
    company: str | None = None
    account: RelatedRecord | None = None
    title: str | None = None
    designation: str | None = None


class PageInfo(WireRecord, frozen=True):
    """Whether there are more records."""

    more_records: bool = False


class RowsAnswer(WireRecord, frozen=True):
    """An answer with records."""

    data: list[dict[str, Any]]
    info: PageInfo = PageInfo()


class ZohoUser(WireRecord, frozen=True):
    """A user ("Get Users"). `status` is `active`, `disabled`, `deleted` or another word."""

    id: str
    full_name: str | None = None
    email: str | None = None
    status: str = ""


class UsersAnswer(WireRecord, frozen=True):
    """An answer with users. Zoho says in `info` whether there are more."""

    users: list[ZohoUser]
    info: PageInfo


class _WrittenDetails(WireRecord, frozen=True):
    id: str


class _WrittenRecord(WireRecord, frozen=True):
    code: str
    details: _WrittenDetails


class WriteAnswer(WireRecord, frozen=True):
    """The answer to a write of one record."""

    data: list[_WrittenRecord]


class _LayoutField(WireRecord, frozen=True):
    api_name: str
    field_label: str = ""
    required: bool = False
    system_mandatory: bool = False
    data_type: str = ""

    @property
    def is_required(self) -> bool:
        """Whether a new record needs a value. A checkbox is never empty, and Zoho fills the owner."""
        return (self.required or self.system_mandatory) and self.data_type not in {"boolean", "ownerlookup"}


class _LayoutSection(WireRecord, frozen=True):
    fields: list[_LayoutField] = msgspec.field(default_factory=list)


class _Layout(WireRecord, frozen=True):
    sections: list[_LayoutSection] = msgspec.field(default_factory=list)


class LayoutsAnswer(WireRecord, frozen=True):
    """The layouts of a module (Zoho's "Layouts Metadata"). They tell which fields are required; the fields do not."""

    layouts: list[_Layout]


LAYOUTS: Final = msgspec.json.Decoder(LayoutsAnswer)
ROWS: Final = msgspec.json.Decoder(RowsAnswer)
USERS: Final = msgspec.json.Decoder(UsersAnswer)
WRITE_ANSWER: Final = msgspec.json.Decoder(WriteAnswer)


def contact_of(record: Mapping[str, Any], kind: ZohoKind, names: ZohoNames) -> Contact:
    """A record as a contact. Raises msgspec.ValidationError if it differs from its documentation."""
    person = msgspec.convert(record, _Person)
    company = person.company or (person.account.name if person.account else "") or ""
    return Contact(
        id=kind.own_id(person.id),
        name=" ".join(filter(None, (person.first_name, person.last_name))),
        phone_numbers=numbers_in(record, kind),
        type=kind.type,
        email=person.email or "",
        company="" if kind.is_lead and company == names.company else company,
        title=person.title or person.designation or "",
        url=f"{names.web_url}/crm/tab/{kind.object}/{person.id}",
        create_time=person.created_time,
        last_activity_time=person.last_activity_time,
        is_placeholder=bool(names.placeholder_field) and record.get(names.placeholder_field) is True,
    )


def user_of(user: ZohoUser) -> CrmUser:
    """A user who can own records."""
    is_active = user.status == "active"
    return CrmUser(id=user.id, name=user.full_name or "", email=user.email or "", is_active=is_active)


def record_of(draft: ContactDraft, kind: ZohoKind, names: ZohoNames) -> dict[str, Any]:
    """The fields of a new record."""
    first, last = name_parts(draft, kept_text(draft.name))
    record: dict[str, Any] = {"First_Name": first, "Last_Name": last} if first else {"Last_Name": last}
    record[kind.phones[0]] = number_text(draft.phone_number)
    if draft.email:
        record["Email"] = draft.email
    if kind.is_lead:
        record["Company"] = kept_text(draft.company) or names.company
    if draft.is_placeholder and names.placeholder_field:
        record[names.placeholder_field] = True
    return record


def stored_key(key: str) -> str:
    """A call's key as the call's field has it: a digest if it is too long, or cannot be asked for as it is."""
    return key if len(key) <= MOST_TEXT and is_plain(key) and key == key.strip() else digest_of(key)


def kept_text(text: str) -> str:
    """A text without NUL and outer spaces, which Zoho removes by itself."""
    return text.replace("\0", "").strip()
