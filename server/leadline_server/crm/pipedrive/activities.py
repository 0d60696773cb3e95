"""Calls as Pipedrive keeps them: done activities of type `call`.

Pipedrive has call logs besides (`/v1/callLogs`). They cannot be changed, and only a user's own can be listed; see
docs/decisions on why leadline does not write them.
"""

import html
import re
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any, Final

from leadline_server.crm.pipedrive.wire import Activity, Participant
from leadline_server.crm.toolkit.call_text import END, Style, body_of, duration_of, subject_of, updated_body
from leadline_server.domain.errors import CrmRejected
from leadline_server.ports.crm import LogEntry

_STYLE: Final = Style(is_html=True, limit=60_000)
_KEY_LABEL: Final = "leadline key:"
_BREAK: Final = re.compile(r"</?(?:br|p|div|li|ul|ol|h\d)\b[^>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")
_MINUTE: Final = timedelta(minutes=1)


def created(entry: LogEntry, key: str, time_zone: str) -> dict[str, Any]:
    """The body of a new activity. A line of its note, below leadline's part, has the key that it is found again by."""
    note = f"{body_of(entry, time_zone, _STYLE)}<br>{html.escape(f'{_KEY_LABEL} {key}')}"
    participants = [{"person_id": int(entry.contact_id), "primary": True}]
    return {**_owned(entry), "type": "call", "done": True, "note": note, "participants": participants}


def updated(entry: LogEntry, time_zone: str, existing: Activity) -> dict[str, Any]:
    """What to set of an activity that is there; it moves if the contact takes no part in it."""
    values = _owned(entry) | {"note": updated_body(existing.note or "", body_of(entry, time_zone, _STYLE))}
    before = existing.participants or ()
    person_id = int(entry.contact_id)
    if all(each.person_id != person_id for each in before):
        values["participants"] = _moved(before, person_id)
    return values


def has_key(activity: Activity, key: str) -> bool:
    """Whether an activity is the log that was written with `key`.

    Only what stands below leadline's part counts: inside it are other people's words, which may look like a key.
    """
    _, end, below = (activity.note or "").rpartition(END)
    lines = html.unescape(_TAG.sub("", _BREAK.sub("\n", below if end else activity.note or ""))).split("\n")
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
    """Raises CrmRejected if it cannot be a user of Pipedrive's."""
    if not crm_user_id.isascii() or not crm_user_id.isdecimal():
        raise CrmRejected("crm_user_id is no user of Pipedrive: these have numbers.")
    return int(crm_user_id)


def _duration(duration: timedelta | None) -> str:
    """Hours and minutes, which is all that an activity has: a call that was talked on has a minute at least."""
    if not duration:
        return "00:00"
    hours, minutes = divmod(max(1, round(duration / _MINUTE)), 60)
    return f"{hours:02}:{minutes:02}"


def _moved(before: Sequence[Participant], person_id: int) -> list[dict[str, Any]]:
    """The new contact in the place of the main one; others, whom people added, stay."""
    others = [{"person_id": each.person_id, "primary": False} for each in before if not each.primary]
    return [{"person_id": person_id, "primary": True}, *others]
