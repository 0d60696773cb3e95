"""Deletes a lead or contact of Zoho that no one has used ("Get Related Records" and "Delete Records", API v8)."""

from collections.abc import Collection
from typing import Final

from leadline_server.concurrency.fan_out import together
from leadline_server.crm.toolkit.contact_use import use_of
from leadline_server.crm.zoho.records import ZohoRecords
from leadline_server.crm.zoho.wire import ZohoKind
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmRejected
from leadline_server.ports.crm import ContactUse

_TIMES: Final = ("Created_Time", "Modified_Time")
_LISTS: Final = (
    "Attachments",
    "Calls",
    "Calls_History",
    "Campaigns",
    "Events",
    "Events_History",
    "Notes",
    "Tasks",
    "Tasks_History",
)
"""The related lists that leadline reads. Closed activities are history. Without an e-mail address, which leadline looks
at itself, a person has no e-mails in Zoho."""

_OF_CONTACTS: Final = ("Deals",)


async def remove_unused(
    records: ZohoRecords, kind: ZohoKind, record_id: str, log_ids: Collection[str], *, only_check: bool
) -> ContactUse:
    """See ports.crm.ContactDeleter. A new call changes the time of the last activity, an edit that of the last change.

    If leadline's user may not read one of the lists, Zoho does not tell.
    """
    rows = await records.rows(kind.object, [record_id], _TIMES)
    if not rows:
        return ContactUse.UNUSED
    lists = _LISTS if kind.is_lead else _LISTS + _OF_CONTACTS
    try:
        found = await together(records.related(kind.object, record_id, name) for name in lists)
    except (CrmAuthFailed, CrmRejected):
        return ContactUse.UNKNOWN
    others = [each for ids in found for each in ids]
    use = use_of(is_edited=rows[0].get(_TIMES[0]) != rows[0].get(_TIMES[1]), other_records=others, log_ids=log_ids)
    if use is ContactUse.UNUSED and not only_check:
        await records.delete(kind.object, record_id)
    return use
