"""The values that templates see, made from objects of the domain.

They are texts, numbers, and mappings of these, never objects with methods. Example for a number:
`{"number": {"e164": "+12025550147", "digits": "12025550147", "national": "(202) 555-0147", ...}}`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from leadline_server.crm.declarative.definition import CallLogFields, CallWords, ContactType
from leadline_server.crm.declarative.operations import FindContactsOperation, Form
from leadline_server.crm.toolkit.call_text import BEGIN, END, Style, body_of, duration_of, subject_of, updated_body
from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.domain.call import Call, Party
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.numbers.phone_number import PhoneNumber, format_number
from leadline_server.ports.crm import LogEntry

Values = dict[str, Any]

PAGING: Final[Values] = {"cursor": "", "offset": 0, "page": 1, "size": 0}
"""The values of the first page."""


def of_type(name: str, kind: ContactType | None) -> Values:
    """A kind of contact."""
    return {"name": name, **(kind.values if kind else {})}


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


def forms_of(number: PhoneNumber, asked: FindContactsOperation, number_formats: Sequence[str]) -> tuple[str, ...]:
    """The forms of a number that an operation sends, each once."""
    if not number.e164:
        return number_forms(number)
    plain: Mapping[Form, str] = {
        "e164": number.e164,
        "digits": number.e164[1:],
        "national": number.national,
        "significant": number.significant,
    }
    forms = list[str]()
    for form in asked.forms:
        patterns = {"patterns": asked.patterns, "number_formats": number_formats}.get(form)
        forms += [plain[form]] if patterns is None else [format_number(number, pattern) for pattern in patterns]
    by_end = {_end(form, asked.last_digits): form for form in reversed(forms) if form}
    return tuple(dict.fromkeys(form for form in forms if form in by_end.values()))


def _end(form: str, last_digits: int) -> str:
    """What the CRM compares of a form."""
    return re.sub(r"[^0-9]", "", form)[-last_digits:] if last_digits else form


def of_draft(draft: ContactDraft, key: str) -> Values:
    """A contact to create."""
    contact = {
        "name": draft.name,
        "email": draft.email,
        "company": draft.company,
        "is_placeholder": draft.is_placeholder,
    }
    return {"contact": contact, "number": of_number(draft.phone_number), "key": key}


def of_entry(entry: LogEntry, time_zone: str, fields: CallLogFields, words: CallWords, existing: str | None) -> Values:
    """A call to log. `existing` is the current text in the CRM, which limits the length of the new body."""
    call = entry.call
    style = Style(is_html=fields.html, limit=fields.body_limit)
    direction = call.direction.name if call.direction else "UNKNOWN"
    result = call.result.name if call.result else "UNKNOWN"
    duration = duration_of(call)
    start = call.start_time or entry.fallback_time
    return {
        "subject": subject_of(entry, fields.subject_limit),
        "body": body_of(entry, time_zone, style) if existing is None else _updated(entry, time_zone, style, existing),
        "direction": _word(words.direction, direction),
        "result": _word(words.result, result),
        "start_time": _iso(start),
        "answer_time": _iso(call.answer_time),
        "end_time": _iso(call.end_time),
        "duration": None if duration is None else round(duration.total_seconds()),
        "number": entry.number,
        "owner": entry.crm_user_id,
        "user_id": entry.user_id,
        "call": _of_call(call),
    }


def _word(words: Mapping[Any, Any], name: str) -> Any:
    return words.get(name, name.lower())


def _updated(entry: LogEntry, time_zone: str, style: Style, existing: str) -> str:
    begin, end = existing.find(BEGIN), existing.find(END)
    others = len(existing) - (end + len(END) - begin) if 0 <= begin < end else 0
    room = Style(is_html=style.is_html, limit=max(200, style.limit - others))
    return updated_body(existing, body_of(entry, time_zone, room))


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
