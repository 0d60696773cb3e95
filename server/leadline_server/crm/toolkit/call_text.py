"""A call as text for people: a subject, and a body that leadline can update later.

The body stands between the lines BEGIN and END. Text that people write before or after them stays. If a person deletes
one of the two lines, leadline no longer changes the text. Example:

    === Call log, kept up to date automatically ===
    Inbound call from Ada Lovelace (+12025550147)
    Result: Answered
    === End of the call log ===
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

_BREAK: Final = re.compile(r"</?(?:br|p|div|li|ul|ol|h\d)\b[^>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")

_CUT: Final = " ... (shortened)"
_LONG_FIELDS: Final = ("Transcript", "Summary", "Note")
"""The fields to shorten if a body gets too long, in this order."""

_note: Final = re.compile(r"\nNote: (.*?)\n(?:(?:Summary|Transcript|Call id): |\Z)", re.DOTALL)
"""A body's note, and the beginning of the next line. All other lines before it have a fact each."""

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
    """How a CRM stores text.

    Attributes:
        is_html: whether it stores HTML. Text of callers and people is then escaped.
        limit: the most characters of a body, including markup.
    """

    is_html: bool = False
    limit: int = 32_000


def subject_of(entry: LogEntry, limit: int = 255) -> str:
    """The call's subject: the reported one, or one such as `Inbound call from Ada`. At most `limit` characters."""
    call = entry.call
    whole = call.subject or _headline(call, call.counterpart(entry.user_id), entry.number)
    return whole if len(whole) <= limit else whole[: limit - 3] + "..."


def body_of(entry: LogEntry, time_zone: str, style: Style) -> str:
    """The known facts of the call, a line for each, between BEGIN and END. Times are in an IANA time zone."""
    lines = list(_lines(entry, ZoneInfo(time_zone)))
    body = _joined(lines, style)
    for label in _LONG_FIELDS:
        if len(body) > style.limit:
            lines = [_shortened(line, label, len(body) - style.limit, style) for line in lines]
            body = _joined(lines, style)
    return body


def updated_body(existing: str, body: str) -> str:
    """The CRM's text with its body replaced. Without BEGIN or END it is unchanged."""
    begin = existing.find(BEGIN)
    end = existing.find(END, begin)
    if begin < 0 or end < 0:
        return existing
    return existing[:begin] + body + existing[end + len(END) :]


def note_in(text: str, style: Style) -> str:
    """The note in a text of the CRM that has a body; empty if there is no body, or no note in it.

    A note that imitates the labels of the texts below it, such as `Summary: `, is read up to there.
    """
    begin = text.find(BEGIN)
    end = text.find(END, begin)
    if begin < 0 or end < 0:
        return ""
    body = text[begin:end]
    found = _note.search(plain_text(body) if style.is_html else body)
    return found[1] if found else ""


def plain_text(markup: str) -> str:
    """HTML as lines of text, without its tags."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", markup)))


def duration_of(call: Call) -> timedelta | None:
    """The talk time; zero if the call ended unanswered, None if it is unknown."""
    if call.end_time is None:
        return None
    if call.answer_time is not None:
        return max(timedelta(0), call.end_time - call.answer_time)
    return None if call.result in (None, CallResult.ANSWERED, CallResult.VOICEMAIL) else timedelta(0)


def _headline(call: Call, other: Party, number: str) -> str:
    known, bare = _DIRECTIONS.get(call.direction or CallDirection.INBOUND, ("Call with", "Call"))
    party = _named(other.name, number or other.address)
    return f"{known} {party}" if party else bare


def _named(name: str | None, number: str) -> str:
    name = _on_one_line(name or "")
    if not name or name == number:
        return number
    return f"{name} ({number})" if number else name


def _lines(entry: LogEntry, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """Labels and texts of the known facts."""
    call = entry.call
    yield "", _headline(call, call.counterpart(entry.user_id), entry.number)
    known: list[tuple[str, str | None]] = [
        ("From", _named(call.caller.name, call.caller.address)),
        ("To", _named(call.callee.name, call.callee.address)),
        ("Start", _time(call.start_time or entry.fallback_time, zone)),
        ("End", _time(call.end_time, zone)),
        ("Duration", _duration(duration_of(call))),
        ("Result", _RESULTS.get(call.result) if call.result else None),
        ("Outcome", call.disposition),
        ("Caller verification", _ATTESTATIONS.get(call.attestation) if call.attestation else None),
        ("Recording", call.recording_url),
        ("Voicemail", call.voicemail_url),
        *((_on_one_line(_attribute(name)), value) for name, value in sorted(call.attributes.items())),
    ]
    long = [("Note", call.note), ("Summary", call.summary), ("Transcript", call.transcript)]
    yield from ((label, _on_one_line(text)) for label, text in known if text)
    yield from ((label, text) for label, text in long if text)
    yield "Call id", _on_one_line(call.id)


def _attribute(name: str) -> str:
    """The label of an attribute, which cannot be that of a text below it."""
    return f"Attribute {name}" if name.strip() in _LONG_FIELDS else name


def _on_one_line(text: str) -> str:
    """A text without line breaks, so that a caller's name cannot imitate a line of leadline."""
    return " ".join(text.split())


def _joined(lines: list[tuple[str, str]], style: Style) -> str:
    break_ = "<br>" if style.is_html else "\n"
    inner = "\n".join(f"{label}: {text}" if label else text for label, text in lines)
    return break_.join([BEGIN, _escaped(inner, style), END])


def _escaped(text: str, style: Style) -> str:
    """A text whose lines cannot imitate BEGIN or END, or markup."""
    text = _rule.sub("==", text) if "===" in text else text
    return html.escape(text).replace("\n", "<br>") if style.is_html else text


def _shortened(line: tuple[str, str], label: str, excess: int, style: Style) -> tuple[str, str]:
    if line[0] != label:
        return line
    text = line[1]
    measure: Callable[[str], int] = lambda part: len(_escaped(part, style))  # noqa: E731 - used here alone
    kept = max(0, measure(text) - excess - len(_CUT))
    while text and measure(text) > kept:
        text = text[: min(len(text) - 1, kept)]
    return label, text + _CUT


def _time(time: datetime | None, zone: ZoneInfo) -> str | None:
    return None if time is None else time.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _duration(duration: timedelta | None) -> str | None:
    if duration is None:
        return None
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes or hours else []
    return " ".join([*parts, f"{seconds} s"])
