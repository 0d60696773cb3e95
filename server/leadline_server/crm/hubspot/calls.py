"""Calls as HubSpot keeps them ("CRM API | Calls"): engagements with properties of their own, shown on a timeline."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from leadline_server.crm.hubspot.wire import Object, Properties
from leadline_server.crm.toolkit.call_text import Style, body_of, duration_of, note_in, subject_of, updated_body
from leadline_server.domain.call import Call, CallResult
from leadline_server.ports.crm import LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog

KEY: Final = "hs_call_external_id"
CONTACT: Final = "hs_call_callee_object_id"
BODY: Final = "hs_call_body"
DISPOSITION: Final = "hs_call_disposition"
SUBJECT: Final = "hs_call_title"
READ: Final = (BODY, CONTACT, DISPOSITION, SUBJECT)
"""The properties to read of a call."""

CALL_TO_CONTACT: Final = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 194}

_CONTACT_TYPE: Final = "hs_call_callee_object_type_id"
_CONTACT_OBJECT_TYPE: Final = "0-1"
_STYLE: Final = Style(is_html=True, limit=65_000)  # a property has at most 65,536 characters

_STATUSES: Final = {
    CallResult.ANSWERED: "COMPLETED",
    CallResult.NO_ANSWER: "NO_ANSWER",
    CallResult.BUSY: "BUSY",
    CallResult.REJECTED: "NO_ANSWER",
    CallResult.CANCELED: "CANCELED",
    CallResult.FAILED: "FAILED",
    CallResult.VOICEMAIL: "COMPLETED",
}
_CONNECTED: Final = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
_NO_ANSWER: Final = "73a0d17f-1163-4015-bdd5-ec830791da20"
_BUSY: Final = "9d9162e7-6cf3-4944-bf63-4dff82258764"
_LEFT_VOICEMAIL: Final = "b2cf5968-551e-4856-9783-52b3da59a7d0"
_BY_RESULT: Final = {
    CallResult.ANSWERED: _CONNECTED,
    CallResult.NO_ANSWER: _NO_ANSWER,
    CallResult.BUSY: _BUSY,
    CallResult.VOICEMAIL: _LEFT_VOICEMAIL,
}
_BY_WORD: Final = {
    "busy": _BUSY,
    "connected": _CONNECTED,
    "left live message": "a4c4c377-d246-4b32-a13b-75a56a4cd0ff",
    "left voicemail": _LEFT_VOICEMAIL,
    "no answer": _NO_ANSWER,
    "wrong number": "17b47fee-58de-441e-a44c-c6300d46f273",
}
"""The outcomes of a new account."""


class CallProperties:
    """Log entries as properties of a call.

    Args:
        dispositions: HubSpot's ids of outcomes, by reported disposition. With an empty id the outcome is not set.
    """

    def __init__(self, dispositions: Mapping[str, str]) -> None:
        named = {word.casefold().strip(): guid for word, guid in dispositions.items()}
        self._by_word = {**_BY_WORD, **named}
        self._by_result = {
            result: named.get(result.name.replace("_", " ").casefold(), guid) for result, guid in _BY_RESULT.items()
        }

    def created(self, entry: LogEntry, time_zone: str) -> Mapping[str, str]:
        """The properties of a new call."""
        values = self._owned(entry) | {
            BODY: body_of(entry, time_zone, _STYLE),
            DISPOSITION: self._reported(entry.call) or self._implied(entry.call),
        }
        return {name: value for name, value in values.items() if value}

    def updated(self, entry: LogEntry, time_zone: str, existing: Properties) -> Mapping[str, str]:
        """The properties to set on an existing call: all that leadline owns, and the contact if the call moves.

        People may choose the outcome. An outcome that only follows from the call's result is set if there is none yet.
        """
        body = body_of(entry, time_zone, _STYLE)
        values = self._owned(entry) | {BODY: updated_body(existing.get(BODY) or "", body)}
        if not entry.moves:
            del values[CONTACT], values[_CONTACT_TYPE]
        disposition = self._reported(entry.call)
        if not disposition and not existing.get(DISPOSITION):
            disposition = self._implied(entry.call)
        return values | ({DISPOSITION: disposition} if disposition else {})

    def _owned(self, entry: LogEntry) -> dict[str, str]:
        call, duration = entry.call, duration_of(entry.call)
        is_inbound = call.counterpart(entry.user_id) is call.caller
        caller = entry.number if is_inbound else call.caller.address
        callee = call.callee.address if is_inbound else entry.number
        values = {
            "hs_timestamp": _time(call.start_time or entry.fallback_time),
            SUBJECT: subject_of(entry),
            "hs_call_direction": "INBOUND" if is_inbound else "OUTBOUND",
            "hs_call_duration": "" if duration is None else str(round(duration.total_seconds() * 1000)),
            "hs_call_from_number": caller,
            "hs_call_to_number": callee,
            "hs_call_status": _status(call),
            "hs_call_recording_url": _secure(call.recording_url) or _secure(call.voicemail_url),
            "hs_call_source": "INTEGRATIONS_PLATFORM",
            CONTACT: entry.contact_id,
            _CONTACT_TYPE: _CONTACT_OBJECT_TYPE,
        }
        return values | ({"hubspot_owner_id": entry.crm_user_id} if entry.crm_user_id else {})

    def _reported(self, call: Call) -> str:
        """The id of the reported outcome; empty if HubSpot does not have it."""
        return self._by_word.get((call.disposition or "").casefold().strip(), "")

    def _implied(self, call: Call) -> str:
        return self._by_result.get(call.result, "") if call.result else ""


def stored_call(record: Object, contact_id: str) -> StoredCallLog:
    """A call with the properties READ, which is at the contact with this id."""
    body = record.properties.get(BODY) or ""
    return StoredCallLog(
        id=record.id,
        contact_id=contact_id,
        subject=record.properties.get(SUBJECT) or "",
        note=note_in(body, _STYLE),
        text=body,
    )


def _status(call: Call) -> str:
    """HubSpot's status of the call; empty if it is unknown."""
    if call.result is not None:
        return _STATUSES[call.result]
    if call.end_time is not None or call.is_final:
        return "COMPLETED" if call.answer_time else ""
    return "IN_PROGRESS" if call.answer_time else "RINGING"


def _secure(url: str | None) -> str:
    """The address if HubSpot accepts it: only https."""
    return url if url and url.startswith("https://") else ""


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
