"""A call in words, for CRMs whose logs are read by people: a subject, and a body that can be brought up to date.

The body stands between two lines of its own. What people write before and after them stays theirs, and whoever deletes
one of them has made the whole text theirs.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from leadline_server.domain.call import Attestation, Call, CallDirection, CallResult, Party
from leadline_server.ports.crm import LogEntry

BEGIN: Final = "=== Call log, kept up to date automatically ==="
END: Final = "=== End of the call log ==="

_rule: Final = re.compile("={3,}")

_CUT: Final = " ... (shortened)"
_LONG_FIELDS: Final = ("Transcript", "Summary", "Note")
"""What is shortened where a body gets too long, in this order."""

_DIRECTIONS: Final = {
    CallDirection.INBOUND: ("Inbound call from", "Inbound call"),
    CallDirection.OUTBOUND: ("Outbound call to", "Outbound call"),
    CallDirection.INTERNAL: ("Internal call with", "Internal call"),
}
_RESULTS: Final = {
    CallResult.ANSWERED: "Answered",
    CallResult.NO_ANSWER: "No answer",
    CallResult.BUSY: "Busy",
    CallResult.REJECTED: "Rejected",
    CallResult.CANCELED: "Canceled",
    CallResult.FAILED: "Failed",
    CallResult.VOICEMAIL: "Voicemail",
}
_ATTESTATIONS: Final = {
    Attestation.A: "A (full)",
    Attestation.B: "B (partial)",
    Attestation.C: "C (gateway)",
    Attestation.FAILED: "failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a CRM keeps text.

    Attributes:
        is_html: whether it is HTML; then what callers and people wrote is escaped.
        limit: the characters that a body may have, markup included.
    """

    is_html: bool = False
    limit: int = 32_000


def subject_of(entry: LogEntry, limit: int = 255) -> str:
    """What the call is called: as the phone system said, else who called whom. At most `limit` characters."""
    call = entry.call
    whole = call.subject or _headline(call, call.counterpart(entry.user_id), entry.number)
    return whole if len(whole) <= limit else whole[: limit - 3] + "..."


def body_of(entry: LogEntry, time_zone: str, style: Style) -> str:
    """What is known of the call, a line each, between BEGIN and END, with times in an IANA time zone."""
    lines = list(_lines(entry, ZoneInfo(time_zone)))
    body = _joined(lines, style)
    for label in _LONG_FIELDS:
        if len(body) > style.limit:
            lines = [_shortened(line, label, len(body) - style.limit, style) for line in lines]
            body = _joined(lines, style)
    return body


def updated_body(existing: str, body: str) -> str:
    """The CRM's text with a new body in the place of the old one; as it is where people took that away."""
    begin = existing.find(BEGIN)
    end = existing.find(END, begin)
    if begin < 0 or end < 0:
        return existing
    return existing[:begin] + body + existing[end + len(END) :]


def duration_of(call: Call) -> timedelta | None:
    """How long the call was talked on; nothing, if it ended unanswered; None if it is not known."""
    if call.end_time is None:
        return None
    if call.answer_time is not None:
        return max(timedelta(0), call.end_time - call.answer_time)
    return None if call.result in (None, CallResult.ANSWERED, CallResult.VOICEMAIL) else timedelta(0)


def _headline(call: Call, other: Party, number: str) -> str:
    known, bare = _DIRECTIONS.get(call.direction or CallDirection.INBOUND, ("Call with", "Call"))
    who = _named(other.name, number or other.address)
    return f"{known} {who}" if who else bare


def _named(name: str | None, number: str) -> str:
    name = _on_one_line(name or "")
    if not name or name == number:
        return number
    return f"{name} ({number})" if number else name


def _lines(entry: LogEntry, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """Labels and texts; of what is not known, nothing."""
    call = entry.call
    yield "", _headline(call, call.counterpart(entry.user_id), entry.number)
    known: list[tuple[str, str | None]] = [
        ("From", _named(call.caller.name, call.caller.address)),
        ("To", _named(call.callee.name, call.callee.address)),
        ("Start", _time(call.start_time or entry.fallback_time, zone)),
        ("End", _time(call.end_time, zone)),
        ("Duration", _words(duration_of(call))),
        ("Result", _RESULTS.get(call.result) if call.result else None),
        ("Outcome", call.disposition),
        ("Caller verification", _ATTESTATIONS.get(call.attestation) if call.attestation else None),
        ("Recording", call.recording_url),
        ("Voicemail", call.voicemail_url),
        ("Note", call.note),
        ("Summary", call.summary),
        ("Transcript", call.transcript),
    ]
    for label, text in known:
        if text:
            yield label, text if label in _LONG_FIELDS else _on_one_line(text)
    for name, value in sorted(call.attributes.items()):
        yield _on_one_line(name), _on_one_line(value)
    yield "Call id", _on_one_line(call.id)


def _on_one_line(text: str) -> str:
    """Without line breaks: what a caller is named must not pass for a line of leadline's."""
    return " ".join(text.split())


def _joined(lines: list[tuple[str, str]], style: Style) -> str:
    break_ = "<br>" if style.is_html else "\n"
    inner = [_written(f"{label}: {text}" if label else text, style) for label, text in lines]
    return break_.join([BEGIN, *inner, END])


def _written(line: str, style: Style) -> str:
    """A line that cannot end the body, nor be markup."""
    line = _rule.sub("==", line)
    return html.escape(line).replace("\n", "<br>") if style.is_html else line


def _shortened(line: tuple[str, str], label: str, excess: int, style: Style) -> tuple[str, str]:
    if line[0] != label:
        return line
    text = line[1]
    measure: Callable[[str], int] = lambda part: len(_written(part, style))  # noqa: E731 - used here alone
    kept = max(0, measure(text) - excess - len(_CUT))
    while text and measure(text) > kept:
        text = text[: min(len(text) - 1, kept)]
    return label, text + _CUT


def _time(time: datetime | None, zone: ZoneInfo) -> str | None:
    return None if time is None else time.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _words(duration: timedelta | None) -> str | None:
    if duration is None:
        return None
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes or hours else []
    return " ".join([*parts, f"{seconds} s"])
