"""HubSpot's JSON, and contacts in it ("CRM API | Contacts")."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.person_name import split_name

Properties = Mapping[str, str | None]

STAGE: Final = "lifecyclestage"
_NUMBERS: Final = ("phone", "mobilephone")
_ACTIVITY: Final = "notes_last_updated"
_KEPT: Final = ("firstname", "lastname", "email", "company", "jobtitle", STAGE, "createdate", _ACTIVITY)


class Object(msgspec.Struct, frozen=True):
    """A record of any kind: strings, whatever the property's type, and None where it is empty."""

    id: str
    properties: Properties
    archived: bool = False


class _Next(msgspec.Struct, frozen=True):
    after: str


class _Paging(msgspec.Struct, frozen=True):
    next: _Next | None = None


class Page(msgspec.Struct, frozen=True):
    """A page of a search, and how many records it has in all."""

    total: int
    results: tuple[Object, ...]
    paging: _Paging | None = None

    @property
    def after(self) -> str:
        """Where the next page begins; empty after the last."""
        return self.paging.next.after if self.paging and self.paging.next else ""


class _Missing(msgspec.Struct, frozen=True):
    category: str = ""


class ContactBatch(msgspec.Struct, frozen=True):
    """Records that were asked for by their ids; `errors` tells of those that are not there, and of other trouble."""

    results: tuple[Object, ...]
    errors: tuple[_Missing, ...] = ()

    @property
    def is_conclusive(self) -> bool:
        """Whether what is not among the results is not there."""
        return all(error.category == "OBJECT_NOT_FOUND" for error in self.errors)


an_object: Final = msgspec.json.Decoder(Object)
a_page: Final = msgspec.json.Decoder(Page)
a_batch: Final = msgspec.json.Decoder(ContactBatch)


class ContactProperties:
    """Contacts to and from HubSpot, in an account that is set up as `settings` say."""

    def __init__(self, settings: HubSpotSettings) -> None:
        self._settings = settings
        self.number_properties = tuple(dict.fromkeys((*_NUMBERS, *settings.more_phone_properties)))
        placeholder = (settings.placeholder_property,) if settings.placeholder_property else ()
        self.properties = (*_KEPT, *self.number_properties, *placeholder)

    def read(self, record: Object) -> Contact:
        """The contact that a record is."""
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
        """The properties of a contact to be created."""
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
    """Those that say something."""
    return [value for value in values if value]


def record_url(settings: HubSpotSettings, object_type: str, record_id: str) -> str:
    """The page that shows a record: contacts are `0-1`, calls `0-48`."""
    if not settings.portal_id:
        return ""
    return f"{settings.app_url}/contacts/{settings.portal_id}/record/{object_type}/{record_id}"


def is_id(text: str) -> bool:
    """Whether HubSpot could have given this id: it gives decimal numbers."""
    return text.isascii() and text.isdecimal() and len(text) <= 20  # noqa: PLR2004 - digits of the largest 64-bit number


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
