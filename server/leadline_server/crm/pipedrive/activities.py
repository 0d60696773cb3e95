"""Calls as Pipedrive keeps them: done activities of type `call`.

Pipedrive also has call logs (`/v1/callLogs`). They cannot be changed, and a user can list only their own. A record in
docs/decisions says why leadline does not write them.
"""

import html
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, Final

from leadline_server.crm.pipedrive.wire import Activity, Participant
from leadline_server.crm.toolkit.call_text import (
    END,
    Style,
    body_of,
    duration_of,
    note_in,
    plain_text,
    subject_of,
    updated_body,
)
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog

_STYLE: Final = Style(is_html=True, limit=60_000)
_KEY_LABEL: Final = "leadline key:"
_CUSTOM: Final = re.compile(r"[0-9a-f]{40}")
_MINUTE: Final = timedelta(minutes=1)


def created(entry: LogEntry, key: str, time_zone: str) -> dict[str, Any]:
    """The body of a new activity. The last line of its note has the key: `leadline key: demo/call-1`."""
    note = f"{body_of(entry, time_zone, _STYLE)}<br>{html.escape(f'{_KEY_LABEL} {key}')}"
    participants = [{"person_id": int(entry.contact_id), "primary": True}]
    return {**_owned(entry), "type": "call", "done": True, "note": note, "participants": participants}


def updated(entry: LogEntry, time_zone: str, existing: Activity) -> dict[str, Any]:
    """The fields to set on an existing activity. One that moves gets the contact as its main participant."""
    values = _owned(entry) | {"note": updated_body(existing.note or "", body_of(entry, time_zone, _STYLE))}
    before = existing.participants or ()
    if entry.moves and all(each.person_id != int(entry.contact_id) for each in before):
        values["participants"] = _moved(before, int(entry.contact_id))
    return values


def present_contact(activity: Activity, expected: str) -> str:
    """The person that an activity is of: the expected one if it participates, else the main one; empty: none."""
    people = sorted(activity.participants or (), key=lambda each: not each.primary)
    ids = [str(each.person_id) for each in people]
    return expected if expected in ids else next(iter(ids), "")


def stored_call(activity: Activity) -> StoredCallLog:
    """An activity as the log of a call."""
    text = activity.note or ""
    return StoredCallLog(
        id=str(activity.id),
        contact_id=present_contact(activity, ""),
        subject=activity.subject or "",
        note=note_in(text, _STYLE),
        text=text,
    )


def nested(own: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the administrator's own. Pipedrive's custom fields have keys of 40 digits, and a table of their own."""
    custom = {name: value for name, value in own.items() if _CUSTOM.fullmatch(name)}
    others = {name: value for name, value in own.items() if name not in custom}
    return {**others, "custom_fields": {**others.get("custom_fields", {}), **custom}} if custom else others


def has_key(activity: Activity, key: str) -> bool:
    """Whether an activity is the log that was written with `key`.

    Only the text below leadline's part counts. Within that part a caller's words could imitate a key.
    """
    _, end, below = (activity.note or "").rpartition(END)
    lines = plain_text(below if end else activity.note or "").split("\n")
    return any(line.strip() == f"{_KEY_LABEL} {key}".strip() for line in lines)


def _owned(entry: LogEntry) -> dict[str, Any]:
    start = (entry.call.start_time or entry.fallback_time).astimezone(UTC)
    owner = {"owner_id": _owner(entry.crm_user_id)} if entry.crm_user_id else {}
    return {
        "subject": subject_of(entry),
        "due_date": start.strftime("%Y-%m-%d"),
        "due_time": start.strftime("%H:%M"),
        "duration": _duration(duration_of(entry.call)),
        **owner,
    }


def _owner(crm_user_id: str) -> int:
    """Raises CrmRejected if it cannot be a user of Pipedrive."""
    if not crm_user_id.isascii() or not crm_user_id.isdecimal():
        raise CrmRejected("crm_user_id is not a user of Pipedrive: ids of users are numbers.")
    return int(crm_user_id)


def _duration(duration: timedelta | None) -> str:
    """`hh:mm`, as an activity has it. A call with talk time has at least one minute."""
    if not duration:
        return "00:00"
    hours, minutes = divmod(max(1, round(duration / _MINUTE)), 60)
    return f"{hours:02}:{minutes:02}"


def _moved(before: Sequence[Participant], person_id: int) -> list[dict[str, Any]]:
    """The participants with the new contact instead of the main one. Those that people added stay."""
    others = [{"person_id": each.person_id, "primary": False} for each in before if not each.primary]
    return [{"person_id": person_id, "primary": True}, *others]
