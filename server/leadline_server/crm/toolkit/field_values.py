"""The values that templates see, made from objects of the domain.

They are texts, numbers, and mappings of these, never objects with methods. Example for a number:
`{"number": {"e164": "+12025550147", "digits": "12025550147", "national": "(202) 555-0147", ...}}`.
"""

from datetime import UTC, datetime
from typing import Any

from leadline_server.crm.toolkit.call_text import duration_of, subject_of
from leadline_server.domain.call import Call, Party
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import LogEntry

Values = dict[str, Any]


def of_number(number: PhoneNumber) -> Values:
    """A number in every form. `text` is the most complete one."""
    return {
        "text": number.e164 or number.extension or number.text,
        "e164": number.e164,
        "digits": number.e164[1:],
        "national": number.national,
        "significant": number.significant,
        "country_code": number.country_code if number.e164 else "",
        "extension": number.extension,
    }


def of_draft(draft: ContactDraft) -> Values:
    """A contact to create: `contact` and `number`."""
    contact = {
        "name": draft.name,
        "email": draft.email,
        "company": draft.company,
        "is_placeholder": draft.is_placeholder,
    }
    return {"contact": contact, "number": of_number(draft.phone_number)}


def of_call(entry: LogEntry) -> Values:
    """A call to log: its facts in leadline's own words, such as `INBOUND` and `ANSWERED`."""
    call, duration = entry.call, duration_of(entry.call)
    return {
        "subject": subject_of(entry),
        "direction": call.direction.name if call.direction else "UNKNOWN",
        "result": call.result.name if call.result else "UNKNOWN",
        "start_time": _iso(call.start_time or entry.fallback_time),
        "answer_time": _iso(call.answer_time),
        "end_time": _iso(call.end_time),
        "duration": None if duration is None else round(duration.total_seconds()),
        "number": entry.number,
        "owner": entry.crm_user_id,
        "user_id": entry.user_id,
        "call": _of_call(call),
    }


def _of_call(call: Call) -> Values:
    return {
        "id": call.id,
        "linked_id": call.linked_id or "",
        "caller": _of_party(call.caller),
        "callee": _of_party(call.callee),
        "disposition": call.disposition or "",
        "note": call.note or "",
        "recording_url": call.recording_url or "",
        "voicemail_url": call.voicemail_url or "",
        "summary": call.summary or "",
        "transcript": call.transcript or "",
        "attestation": call.attestation.name if call.attestation else "",
        "is_final": bool(call.is_final),
        "attributes": dict(call.attributes),
    }


def _of_party(party: Party) -> Values:
    return {
        "number": party.phone_number or "",
        "name": party.name or "",
        "extension": party.extension or "",
        "user_id": party.user_id or "",
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
