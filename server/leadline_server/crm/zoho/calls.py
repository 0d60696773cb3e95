"""Calls as Zoho keeps them, and back. Field names are the API names of the module Calls."""

from datetime import datetime, timedelta
from typing import Any, Final

from leadline_server.crm.toolkit.call_text import Style, duration_of, note_in, subject_of, updated_body
from leadline_server.crm.toolkit.lead_records import MOST_TEXT, new_body
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.crm.zoho.wire import RelatedRecord, kept_text
from leadline_server.domain.call import Call, CallDirection, CallResult
from leadline_server.ports.crm import LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog

_MISSED: Final = frozenset({CallResult.NO_ANSWER, CallResult.CANCELED, CallResult.BUSY, CallResult.REJECTED})

READ: Final = ("Subject", "Description", "What_Id", "Who_Id", "$se_module", "Call_Start_Time", "Call_Duration")
"""The fields of a call that leadline reads."""


class LoggedCall(
    WireRecord,
    frozen=True,
    rename={
        "what": "What_Id",
        "who": "Who_Id",
        "module": "$se_module",
        "subject": "Subject",
        "description": "Description",
        "start": "Call_Start_Time",
        "duration": "Call_Duration",
    },
):
    """A call as Zoho has it."""

    id: str
    what: RelatedRecord | None = None
    who: RelatedRecord | None = None
    module: str | None = None
    subject: str | None = None
    description: str | None = None
    start: datetime | None = None
    duration: str | None = None

    @property
    def contact_id(self) -> str:
        """Leadline's id of the contact or lead that the call is at; empty: of neither."""
        if self.who is not None and self.who.id:
            return f"contact:{self.who.id}"
        return f"lead:{self.what.id}" if self.module == "Leads" and self.what is not None and self.what.id else ""


def call_of(entry: LogEntry, description: str) -> dict[str, Any]:
    """The fields of a call that leadline owns, without the contact."""
    call = entry.call
    kind = call_type(call, entry.user_id)
    fields: dict[str, Any] = {
        "Subject": kept_text(subject_of(entry, MOST_TEXT)),
        "Description": description,
        "Call_Type": kind,
        "Call_Start_Time": (call.start_time or entry.fallback_time).isoformat(timespec="seconds"),
        "Call_Duration": duration_text(duration_of(call) or timedelta(0)),
    }
    if kind == "Outbound":
        fields["Outgoing_Call_Status"] = "Completed"
    return fields | ({"Owner": {"id": entry.crm_user_id}} if entry.crm_user_id else {})


def changes_of(entry: LogEntry, description: str, existing: LoggedCall) -> dict[str, Any]:
    """The fields of an existing call to set: those that Zoho lets change, if they differ.

    Zoho refuses another `Call_Type`, and another owner of a completed call, with INVALID_DATA ("Kaizen #38 - Calls
    API"). The description says what these fields can no longer say.
    """
    fields = call_of(entry, description)
    for name in ("Call_Type", "Outgoing_Call_Status", "Owner"):
        fields.pop(name, None)
    start = entry.call.start_time or entry.fallback_time
    if existing.start is not None and existing.start == start.replace(microsecond=0):
        del fields["Call_Start_Time"]
    if existing.duration == fields["Call_Duration"]:
        del fields["Call_Duration"]
    return fields


def call_type(call: Call, user_id: str) -> str:
    """Inbound, Outbound or Missed. Zoho has no internal calls, so the direction is that of the log's user."""
    is_outbound = call.direction is CallDirection.OUTBOUND or (
        call.direction is CallDirection.INTERNAL and call.counterpart(user_id) is call.callee
    )
    if is_outbound:
        return "Outbound"
    return "Missed" if call.result in _MISSED else "Inbound"


def duration_text(duration: timedelta) -> str:
    """`mm:ss`, or `hh:mm:ss` from an hour on, as Zoho itself shows durations."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def stored_log_of(call: LoggedCall) -> StoredCallLog:
    """A call as the log that it is."""
    text = call.description or ""
    note = note_in(text, Style())
    return StoredCallLog(id=call.id, contact_id=call.contact_id, subject=call.subject or "", note=note, text=text)


def description_of(entry: LogEntry, time_zone: str, existing: str | None = None) -> str:
    """A call's description: new, or `existing` with leadline's part replaced."""
    body = kept_text(new_body(entry, time_zone, existing))
    return body if existing is None else updated_body(existing, body)
