"""Facts about Zoho CRM that are from its documents alone, and how leadline tries some of them."""

from typing import Final

from leadline_server.crm.toolkit.assumptions import DocumentedFact, Topic
from leadline_server.crm.zoho.records import ZohoRecords
from leadline_server.domain.crm_errors import CrmRejected

FACTS: Final = (
    DocumentedFact(
        name="queries_are_current",
        says="COQL shows a new record at once.",
        source='"Query API", API v8, November 2026',
        ask="Does COQL read the database, or an index that lags?",
        topic=Topic.LOOKUP,
    ),
    DocumentedFact(
        name="queries_are_literal",
        says="COQL's LIKE finds a number as it is written.",
        source='"Query API - Limitations", API v8, November 2026',
        topic=Topic.FORMS,
    ),
    DocumentedFact(
        name="call_type_is_fixed",
        says="The type of a logged call cannot be changed.",
        source='"Kaizen #38 - Calls API", November 2026',
    ),
    DocumentedFact(
        name="owner_is_fixed",
        says="The owner of a completed call cannot be changed.",
        source='"Kaizen #38 - Calls API", November 2026',
        ask="Can the owner of a completed call be changed by the API?",
    ),
    DocumentedFact(
        name="durations_are_minutes_and_seconds",
        says="Call_Duration is mm:ss, or hh:mm:ss.",
        source='the examples of "Insert Records", API v8, against "Kaizen #38 - Calls API" (hh:mm), November 2026',
        ask="Is Call_Duration mm:ss or hh:mm?",
    ),
    DocumentedFact(
        name="converted_lead",
        says="A converted lead names its contact ($converted_detail).",
        source='"Get Records", API v8, November 2026',
        ask="Does a converted lead keep $converted_detail for as long as it can be read?",
    ),
    DocumentedFact(
        name="merged_record",
        says="Nothing tells what a merged record became; its calls are with the record that is kept.",
        source="no document",
        ask="How does the API tell which record a merged one became?",
    ),
)
"""The facts."""

_CALLS: Final = "Calls"
_SECONDS: Final = "Call_Duration_in_seconds"
_TALKED: Final = 30
"""The seconds that a test call lasts (`crm.assumptions.trial.answered`)."""


async def try_fact(records: ZohoRecords, name: str, log_id: str) -> bool | None:
    """See `toolkit.assumptions.TriesFacts`."""
    if name == "call_type_is_fixed":
        return await _refuses(records, log_id, {"Call_Type": "Missed"})
    if name == "durations_are_minutes_and_seconds":
        rows = await records.rows(_CALLS, [log_id], (_SECONDS,))
        seconds = rows[0].get(_SECONDS) if rows else None
        return None if seconds is None else str(seconds) == str(_TALKED)
    return None


async def _refuses(records: ZohoRecords, log_id: str, change: dict[str, str]) -> bool:
    try:
        await records.write("PUT", f"/{_CALLS}/{log_id}", change)
    except CrmRejected:
        return True
    return False
