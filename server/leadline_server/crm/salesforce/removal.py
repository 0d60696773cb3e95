"""Deletes a lead or contact of Salesforce that no one has used.

Sources: the Object Reference for `Task`, `Event`, `ContentDocumentLink`, `CampaignMember`, `Case` and
`OpportunityContactRole`, and "Delete a Record" in the REST API Developer Guide.
"""

from collections.abc import Collection, Iterator
from typing import Final

from leadline_server.concurrency.fan_out import together
from leadline_server.crm.salesforce.records import SalesforceRecords
from leadline_server.crm.salesforce.soql import quoted
from leadline_server.crm.salesforce.wire import SalesforceKind
from leadline_server.crm.toolkit import HttpClient, segment
from leadline_server.crm.toolkit.contact_use import use_of
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import ContactUse

_GONE: Final = 404


async def remove_unused(
    client: HttpClient,
    records: SalesforceRecords,
    kind: SalesforceKind,
    contact_id: str,
    log_ids: Collection[str],
    *,
    only_check: bool,
) -> ContactUse:
    """See ports.crm.ContactDeleter. A task of a person does not change the time of their last change, an edit does.

    If leadline's user may not read one of the records around it, Salesforce does not tell.
    """
    query = f"SELECT CreatedDate, LastModifiedDate FROM {kind.object} WHERE Id = {quoted(contact_id)}"  # noqa: S608 - quoted
    rows = await records.rows(query)
    if not rows:
        return ContactUse.UNUSED
    try:
        answers = await together(records.rows(query) for query in _queries(kind, contact_id))
    except CrmRejected:  # INVALID_TYPE: the object is not there, or is hidden from this user
        return ContactUse.UNKNOWN
    is_edited = rows[0].get("CreatedDate") != rows[0].get("LastModifiedDate")
    others = [str(row.get("Id")) for answer in answers for row in answer]
    use = use_of(is_edited=is_edited, other_records=others, log_ids=log_ids)
    if use is ContactUse.UNUSED and not only_check:
        await client.tell("DELETE", f"/sobjects/{kind.object}/{segment(contact_id)}", accept={_GONE})
    return use


def _queries(kind: SalesforceKind, contact_id: str) -> Iterator[str]:
    """Queries for the records that belong to a person."""
    fields = {
        "Task": "WhoId",
        "Event": "WhoId",
        "ContentDocumentLink": "LinkedEntityId",
        "CampaignMember": "LeadId" if kind.is_lead else "ContactId",
    }
    if not kind.is_lead:
        fields |= {"Case": "ContactId", "OpportunityContactRole": "ContactId"}
    for table, field in fields.items():
        yield f"SELECT Id FROM {table} WHERE {field} = {quoted(contact_id)}"  # noqa: S608 - constants, and quoted
