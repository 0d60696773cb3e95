"""HubSpot's JSON, and the contacts in it ("CRM API | Contacts")."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.person_name import split_name

Properties = Mapping[str, str | None]

STAGE: Final = "lifecyclestage"
_NUMBERS: Final = ("phone", "mobilephone")
_ACTIVITY: Final = "notes_last_updated"
_WRITTEN: Final = ("firstname", "lastname", "email", "company", "jobtitle", STAGE)
_KEPT: Final = ("firstname", "lastname", "email", "company", "jobtitle", STAGE, "createdate", _ACTIVITY)


class _Association(WireRecord, frozen=True):
    id: str


class _Associations(WireRecord, frozen=True):
    results: tuple[_Association, ...] = ()


class Object(WireRecord, frozen=True):
    """A record of any kind. Values are strings, whatever the property's type, or None."""

    id: str
    properties: Properties
    archived: bool = False
    associations: Mapping[str, _Associations] = {}

    @property
    def contacts(self) -> tuple[str, ...]:
        """The ids of the contacts that it is associated with, if they were asked for."""
        found = self.associations.get("contacts")
        return tuple(dict.fromkeys(each.id for each in found.results)) if found else ()


class NextPage(WireRecord, frozen=True):
    """HubSpot's position of a page."""

    after: str


class Continuation(WireRecord, frozen=True):
    """Where the next page begins; None after the last."""

    next: NextPage | None = None


class Page(WireRecord, frozen=True):
    """A page of a search, and the number of all records that it finds."""

    total: int
    results: tuple[Object, ...]
    paging: Continuation | None = None

    @property
    def after(self) -> str:
        """The position of the next page; empty after the last."""
        return self.paging.next.after if self.paging and self.paging.next else ""


class _Missing(WireRecord, frozen=True):
    category: str = ""


class ContactBatch(WireRecord, frozen=True):
    """Records by id. `errors` has an entry for each record that does not exist, and for other failures."""

    results: tuple[Object, ...]
    errors: tuple[_Missing, ...] = ()

    @property
    def is_conclusive(self) -> bool:
        """Whether a record that is missing in the results certainly does not exist."""
        return all(error.category == "OBJECT_NOT_FOUND" for error in self.errors)


an_object: Final = msgspec.json.Decoder(Object)
a_page: Final = msgspec.json.Decoder(Page)
a_batch: Final = msgspec.json.Decoder(ContactBatch)


class ContactProperties:
    """Contacts to and from HubSpot, in an account with these settings."""

    def __init__(self, settings: HubSpotSettings) -> None:
        self._settings = settings
        self.number_properties = tuple(dict.fromkeys((*_NUMBERS, *settings.more_phone_properties)))
        placeholder = (settings.placeholder_property,) if settings.placeholder_property else ()
        self.properties = (*_KEPT, *self.number_properties, *placeholder)
        self.written_names = (*_WRITTEN, *self.number_properties, *placeholder)

    def read(self, record: Object) -> Contact:
        """A record as a contact."""
        values = record.properties
        placeholder = self._settings.placeholder_property
        return Contact(
            id=record.id,
            name=joined_name(values.get("firstname"), values.get("lastname")),
            phone_numbers=tuple(filled(values.get(name) for name in self.number_properties)),
            type=values.get(STAGE) or "",
            email=values.get("email") or "",
            company=values.get("company") or "",
            title=values.get("jobtitle") or "",
            url=record_url(self._settings, "0-1", record.id),
            create_time=_time(values.get("createdate")),
            last_activity_time=_time(values.get(_ACTIVITY)),
            is_placeholder=bool(placeholder) and values.get(placeholder) == "true",
        )

    def written(self, draft: ContactDraft) -> Mapping[str, str]:
        """The properties of a new contact."""
        first, last = split_name(draft.name)
        placeholder = self._settings.placeholder_property
        stages = self._settings.lifecycle_stages
        values = {
            "firstname": first or last,  # a name of one word is a first name to HubSpot's users
            "lastname": last if first else "",
            "phone": draft.phone_number.e164 or draft.phone_number.text,
            "email": draft.email,
            "company": draft.company,
            STAGE: draft.type or (stages[0] if stages else ""),
        }
        if placeholder and draft.is_placeholder:
            values[placeholder] = "true"
        return {name: value for name, value in values.items() if value}


def joined_name(first: str | None, last: str | None) -> str:
    """The whole name."""
    return " ".join(filled((first, last)))


def filled(values: Iterable[str | None]) -> list[str]:
    """The values that are not empty."""
    return [value for value in values if value]


def record_url(settings: HubSpotSettings, object_type: str, record_id: str) -> str:
    """The address of a record's page. The object type of contacts is `0-1`, that of calls `0-48`."""
    if not settings.portal_id:
        return ""
    return f"{settings.app_url}/contacts/{settings.portal_id}/record/{object_type}/{record_id}"


def is_id(text: str) -> bool:
    """Whether a text can be an id of HubSpot, which are decimal numbers."""
    return text.isascii() and text.isdecimal() and len(text) <= 20  # noqa: PLR2004 - digits of the largest 64-bit number


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
