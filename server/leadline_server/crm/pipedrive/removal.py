"""Deletes a person of Pipedrive that no one has used.

Sources: "Get details of a person" and "Delete a person" (API v2), "List updates about person field values" (API v1,
`/persons/{id}/changelog`), "Get all activities" (API v2, `person_id`).
"""

from collections.abc import Collection
from typing import Final

import msgspec

from leadline_server.crm.pipedrive import wire
from leadline_server.crm.pipedrive.records import PERSONS
from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.contact_use import use_of
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.crm_errors import CrmAuthFailed
from leadline_server.ports.crm import ContactUse

_COUNTS: Final = (
    "closed_deals_count",
    "email_messages_count",
    "files_count",
    "notes_count",
    "open_deals_count",
    "participant_closed_deals_count",
    "participant_open_deals_count",
)
_ACTIVITIES_A_PAGE: Final = 500
_GONE: Final = frozenset({404, 410})


class _Counted(WireRecord, frozen=True):
    """A person with the numbers of the records around it."""

    is_deleted: bool = False
    closed_deals_count: int = 0
    email_messages_count: int = 0
    files_count: int = 0
    notes_count: int = 0
    open_deals_count: int = 0
    participant_closed_deals_count: int = 0
    participant_open_deals_count: int = 0

    @property
    def has_records(self) -> bool:
        """Whether it has a deal, an e-mail, a file or a note."""
        return any(getattr(self, name) for name in _COUNTS)


class _FieldChange(WireRecord, frozen=True):
    """A change of a field. The values of a new person have no old value."""

    field_key: str = ""
    old_value: object = None


_a_person: Final = msgspec.json.Decoder(wire.Envelope[_Counted])
_changes: Final = msgspec.json.Decoder(wire.Envelope[tuple[_FieldChange, ...] | None])


async def remove_unused(
    client: HttpClient, contact_id: str, log_ids: Collection[str], *, only_check: bool
) -> ContactUse:
    """See ports.crm.ContactDeleter. Without the scope `recents:read`, Pipedrive does not show edits."""
    if not wire.is_id(contact_id):
        return ContactUse.UNUSED
    path = f"{PERSONS}/{contact_id}"
    answer = await client.ask("GET", path, params={"include_fields": ",".join(_COUNTS)}, accept=_GONE)
    if answer.status in _GONE or (person := wire.content(answer, _a_person)).is_deleted:
        return ContactUse.UNUSED
    try:
        changes = wire.content(await client.ask("GET", f"/v1/persons/{contact_id}/changelog"), _changes) or ()
    except CrmAuthFailed:
        return ContactUse.UNKNOWN
    is_edited = person.has_records or any(change.old_value not in (None, "") for change in changes)
    params = {"person_id": contact_id, "limit": str(_ACTIVITIES_A_PAGE)}
    activities = wire.content(await client.ask("GET", "/api/v2/activities", params=params), wire.activities)
    others = [str(activity.id) for activity in activities if not activity.is_deleted]
    use = use_of(is_edited=is_edited, other_records=others, log_ids=log_ids)
    if use is ContactUse.UNUSED and not only_check:
        await client.tell("DELETE", path, accept=_GONE)
    return use
