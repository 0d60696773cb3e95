"""Deletes a contact of HubSpot that no one has used ("CRM API | Contacts", "CRM API | Associations")."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.contact_use import use_of
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.crm_errors import CrmAuthFailed
from leadline_server.ports.crm import ContactUse

_CALLS: Final = "calls"
_RECORDS: Final = (_CALLS, "communications", "companies", "deals", "emails", "meetings", "notes", "tasks", "tickets")
_UPDATED_BY: Final = "hs_updated_by_user_id"  # the user who changed the contact last; none for an app's changes
_GONE: Final = 404


class _Associated(WireRecord, frozen=True):
    id: str


class _Associations(WireRecord, frozen=True):
    results: tuple[_Associated, ...] = ()


class _Version(WireRecord, frozen=True):
    value: str | None = None


class _Contact(WireRecord, frozen=True, rename={"history": "propertiesWithHistory"}):
    id: str
    properties: Mapping[str, str | None] = {}
    history: Mapping[str, tuple[_Version, ...]] = {}
    associations: Mapping[str, _Associations] = {}
    archived: bool = False


_a_contact: Final = msgspec.json.Decoder(_Contact)


async def remove_unused(
    client: HttpClient, path: str, log_ids: Collection[str], properties: Sequence[str], *, only_check: bool
) -> ContactUse:
    """See ports.crm.ContactDeleter.

    `path` is that of the contact. It was edited if a user changed it last, or if one of `properties` has more than one
    value in its history. Without the scopes to read the records around it, HubSpot does not tell.
    """
    contact_id = path.rpartition("/")[2]
    params = {
        "properties": _UPDATED_BY,
        "propertiesWithHistory": ",".join(properties),
        "associations": ",".join(_RECORDS),
    }
    try:
        answer = await client.ask("GET", path, params=params, accept={_GONE})
    except CrmAuthFailed:
        return ContactUse.UNKNOWN  # get_contact, which leadline calls before, needs fewer scopes
    if answer.status == _GONE:
        return ContactUse.UNUSED
    contact = answer.decode(_a_contact)
    if contact.archived:
        return ContactUse.UNUSED
    if contact.id != contact_id:
        return ContactUse.USED  # it was merged into this one
    is_edited = bool(contact.properties.get(_UPDATED_BY)) or any(len(each) > 1 for each in contact.history.values())
    # Ids are unique within a kind of record only, so only calls can be leadline's logs.
    others = [f"{kind}/{each.id}" for kind, found in contact.associations.items() for each in found.results]
    use = use_of(is_edited=is_edited, other_records=others, log_ids=[f"{_CALLS}/{log_id}" for log_id in log_ids])
    if use is ContactUse.UNUSED and not only_check:
        await client.tell("DELETE", path, accept={_GONE})
    return use
