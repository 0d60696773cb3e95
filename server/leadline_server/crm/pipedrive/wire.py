"""Pipedrive's JSON, and the persons in it (API v2, "Persons", "Organizations", "Activities")."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from leadline_server.crm.pipedrive.settings import PipedriveSettings
from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.directory import CrmUser

T = TypeVar("T")

PLACEHOLDER: Final = "Placeholder"
"""The value of the field that marks placeholders. A person who clears it makes the placeholder a contact."""


class ListedValue(WireRecord, frozen=True):
    """A phone number or an e-mail address."""

    value: str = ""
    primary: bool = False


class Person(WireRecord, frozen=True):
    """A person."""

    id: int
    name: str
    phones: tuple[ListedValue, ...] = ()
    emails: tuple[ListedValue, ...] = ()
    org_id: int | None = None
    add_time: str | None = None
    job_title: str | None = None
    is_deleted: bool = False
    custom_fields: Mapping[str, Any] | None = None


class Organization(WireRecord, frozen=True):
    """An organization: the company of a person."""

    id: int
    name: str = ""


class Participant(WireRecord, frozen=True):
    """A person in an activity."""

    person_id: int
    primary: bool = False


class Activity(WireRecord, frozen=True):
    """An activity of any type."""

    id: int
    add_time: str | None = None
    subject: str | None = None
    note: str | None = None
    participants: tuple[Participant, ...] | None = None
    is_deleted: bool = False


class PipedriveUser(WireRecord, frozen=True):
    """A user ("Users", API v1)."""

    id: int
    name: str | None = None
    email: str | None = None
    active_flag: bool = False


class FoundItem(WireRecord, frozen=True):
    """A record in the result of a search."""

    id: int


class Hit(WireRecord, frozen=True):
    """A hit of a search."""

    item: FoundItem


class Hits(WireRecord, frozen=True):
    """The hits on a page of a search."""

    items: tuple[Hit, ...]


class _More(WireRecord, frozen=True):
    next_cursor: str | None = None


class Envelope(WireRecord, Generic[T], frozen=True):
    """The envelope of every answer: whether the request worked, its content, and the next page."""

    success: bool
    data: T
    additional_data: _More | None = None

    @property
    def cursor(self) -> str:
        """The cursor of the next page; empty after the last."""
        return (self.additional_data.next_cursor if self.additional_data else "") or ""


class _Requirement(WireRecord, frozen=True):
    enabled: bool = False


class PersonField(WireRecord, frozen=True):
    """A field of persons ("PersonFields", with `include_fields=required_fields`)."""

    field_code: str
    field_name: str = ""
    required_fields: _Requirement | None = None

    @property
    def is_required(self) -> bool:
        """Whether a new person needs a value."""
        return self.required_fields is not None and self.required_fields.enabled


a_person: Final = msgspec.json.Decoder(Envelope[Person])
persons: Final = msgspec.json.Decoder(Envelope[tuple[Person, ...]])
an_organization: Final = msgspec.json.Decoder(Envelope[Organization])
organizations: Final = msgspec.json.Decoder(Envelope[tuple[Organization, ...]])
an_activity: Final = msgspec.json.Decoder(Envelope[Activity])
activities: Final = msgspec.json.Decoder(Envelope[tuple[Activity, ...]])
person_fields: Final = msgspec.json.Decoder(Envelope[tuple[PersonField, ...]])
users: Final = msgspec.json.Decoder(Envelope[tuple[PipedriveUser, ...]])
hits: Final = msgspec.json.Decoder(Envelope[Hits])


def crm_user_of(user: PipedriveUser) -> CrmUser:
    """A user who can own persons and activities."""
    return CrmUser(id=str(user.id), name=user.name or "", email=user.email or "", is_active=user.active_flag)


def contact_of(person: Person, companies: Mapping[int, str], settings: PipedriveSettings) -> Contact:
    """A person as a contact. `companies` are the names of organizations by id."""
    marks = person.custom_fields or {}
    return Contact(
        id=str(person.id),
        name=person.name,
        phone_numbers=_values(person.phones),
        email=next(iter(_values(person.emails)), ""),
        company=companies.get(person.org_id or 0, ""),
        title=person.job_title or "",
        url=f"{settings.home}/person/{person.id}",
        create_time=time_of(person.add_time),
        is_placeholder=bool(settings.placeholder_field and marks.get(settings.placeholder_field)),
    )


def written(draft: ContactDraft, organization_id: int | None, settings: PipedriveSettings) -> dict[str, Any]:
    """The body of a new person."""
    number = draft.phone_number.e164 or draft.phone_number.text
    body: dict[str, Any] = {"name": draft.name, "phones": [{"value": number, "primary": True, "label": "work"}]}
    if draft.email:
        body["emails"] = [{"value": draft.email, "primary": True, "label": "work"}]
    if organization_id is not None:
        body["org_id"] = organization_id
    if draft.is_placeholder and settings.placeholder_field:
        body["custom_fields"] = {settings.placeholder_field: PLACEHOLDER}
    return body


def time_of(text: str | None) -> datetime | None:
    """A time as Pipedrive writes it: RFC 3339 in version 2."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def is_id(text: str) -> bool:
    """Whether a text can be an id of Pipedrive, which are decimal numbers."""
    return text.isascii() and text.isdecimal() and len(text) <= 18  # noqa: PLR2004 - they are 64-bit numbers


def _values(listed: tuple[ListedValue, ...]) -> tuple[str, ...]:
    """The values, the main one first. Pipedrive lists empty ones too, which are left out."""
    return tuple(each.value for each in sorted(listed, key=lambda each: not each.primary) if each.value)


def checked(answer: HttpAnswer, decoder: "msgspec.json.Decoder[Envelope[T]]") -> Envelope[T]:
    """An answer whose request worked. Some failures have status 200."""
    envelope = answer.decode(decoder)
    if not envelope.success:
        raise answer.unusable("says that the request failed")
    return envelope


def content(answer: HttpAnswer, decoder: "msgspec.json.Decoder[Envelope[T]]") -> T:
    """The content of an answer whose request worked."""
    return checked(answer, decoder).data
