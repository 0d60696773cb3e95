"""Call logs for people: the table, the sheet of one, and what a person may do next."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # what these bring along would slow the start of every command
    from leadline.v1.call_log_pb2 import CallLog
    from leadline.v1.call_pb2 import Party

    from leadline_server.cli.session import Session

_STYLES: Final = {"LOGGED": "green", "UNLOGGED": "yellow", "PENDING": "cyan", "FAILED": "bold red"}


def state_style(state: str) -> str:
    """The colour of a state."""
    return _STYLES.get(state, "")


def state_of(log: "CallLog") -> str:
    """A log's state in one word."""
    from leadline.v1.call_log_pb2 import CallLogState

    from leadline_server.cli.choices import word

    return word(CallLogState, log.state)


def reason_of(log: "CallLog") -> str:
    """A log's reason in one word; empty while it is not decided."""
    from leadline.v1.call_log_pb2 import CallLogReason

    from leadline_server.cli.choices import word

    return word(CallLogReason, log.reason)


def other_side(log: "CallLog") -> "Party":
    """Who is looked up: the caller of an inbound call, the callee of an outbound one, else whoever is not the user."""
    from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, CALL_DIRECTION_INTERNAL

    call = log.call
    if call.direction == CALL_DIRECTION_INBOUND:
        return call.caller
    is_called = call.callee.user_id == log.user_id if call.callee.user_id else call.caller.user_id != log.user_id
    return call.caller if call.direction == CALL_DIRECTION_INTERNAL and is_called else call.callee


def who(party: "Party") -> str:
    """A party's name and number."""
    number = party.phone_number or party.extension
    return " ".join(part for part in (party.name, number) if part) or party.user_id


def show_call_logs(session: "Session", logs: "Sequence[CallLog]") -> None:
    """Print call logs, a row each."""
    from leadline.v1.call_pb2 import CallDirection

    from leadline_server.cli.choices import word
    from leadline_server.cli.output import Column, duration, short_time, table

    columns = [
        Column("Time"),
        Column("Id"),
        Column("Who", can_shrink=True),
        Column("State", goes=2, style=state_style),
        Column("Reason", goes=1),
        Column("Direction", goes=5),
        Column("User", goes=4),
        Column("Talk", is_number=True, goes=6),
        Column("Contact", can_shrink=True, goes=3),
    ]
    rows = [
        (
            short_time(log.call.start_time if log.call.HasField("start_time") else log.create_time),
            log.call.id,
            who(other_side(log)) or "-",
            state_of(log),
            reason_of(log),
            word(CallDirection, log.call.direction).lower(),
            log.user_id,
            duration(log.call.answer_time, log.call.end_time),
            log.contact.name or log.contact.id,
        )
        for log in logs
    ]
    table(session.console, columns, rows)


def show_call_log(session: "Session", log: "CallLog") -> None:
    """Print all that people want to know of one call log, and what they may do next."""
    from leadline_server.cli.output import sheet

    state, reason = state_of(log), reason_of(log)
    session.say(f"{state} {reason}".rstrip(), state_style(state))
    sheet(session.console, _rows(log))
    if log.candidates:
        _show_candidates(session, log)
    _show_next_steps(session, log, state, reason)


def _rows(log: "CallLog") -> "Iterator[tuple[str, str]]":
    from leadline.v1.call_pb2 import Attestation, CallDirection, CallResult

    from leadline_server.cli.choices import word
    from leadline_server.cli.output import duration, long_time

    call = log.call
    yield "Id", call.id
    yield "Why", log.explanation
    yield "User", log.user_id
    yield "Direction", word(CallDirection, call.direction).lower()
    yield "Caller", who(call.caller)
    yield "Callee", who(call.callee)
    yield "Started", long_time(call.start_time)
    yield "Answered", long_time(call.answer_time)
    yield "Ended", long_time(call.end_time)
    yield "Talk time", duration(call.answer_time, call.end_time)
    yield "Result", word(CallResult, call.result).lower()
    yield "Attestation", word(Attestation, call.attestation)
    yield "Disposition", call.disposition
    yield "Subject", call.subject
    yield "Note", call.note
    yield "Summary", call.summary
    yield "Recording", call.recording_url
    yield "Voicemail", call.voicemail_url
    yield "Attributes", ", ".join(f"{key}={value}" for key, value in sorted(call.attributes.items()))
    yield "Contact", f"{log.contact.name} [{log.contact.id}]".strip() if log.HasField("contact") else ""
    yield "In the CRM", " ".join(part for part in (log.crm_log_id, log.crm_log_url) if part)
    yield "On its way", "a newer state of the call" if log.update_pending else ""
    yield "Tries", str(log.attempts) if log.attempts else ""
    yield "Next try", long_time(log.next_attempt_time)
    yield "Last error", log.last_error
    yield "Changed", long_time(log.update_time)


def _show_candidates(session: "Session", log: "CallLog") -> None:
    from leadline_server.cli.contacts import show_contacts

    session.say("\nWho it may be:", "bold")
    show_contacts(session, [match.contact for match in log.candidates])


def _show_next_steps(session: "Session", log: "CallLog", state: str, reason: str) -> None:
    if not log.revision:
        session.hint("Nothing was written: it was only asked what would become of it.")
    elif state == "UNLOGGED":
        _show_ways_to_log(session, log, reason)
    elif state == "PENDING":
        session.hint("leadline goes on by itself. To try it now", "calls", "retry", log.call.id)
    elif state == "FAILED":
        session.hint("Mend what the last error says, then", "calls", "retry", log.call.id)


def _show_ways_to_log(session: "Session", log: "CallLog", reason: str) -> None:
    """How a person logs a call that leadline left alone."""
    by_hand = ("calls", "log", "--id", log.call.id, "--contact")
    if log.candidates:
        session.hint("To log it, choose one of them", *by_hand, "ID")
        return
    if reason in {"AUTO_LOGGING_OFF", "INTERNAL_CALL", "EXCLUDED", "UNTRUSTED_CALLER"}:
        session.hint("To have it logged all the same", "calls", "log", "--id", log.call.id, "--manual")
    else:
        session.hint("If the contact exists, find it", "contacts", "search", "NAME")
        number = other_side(log).phone_number if reason == "NO_CONTACT" else "NUMBER"
        session.hint("If not, create it", "contacts", "create", "NAME", number or "NUMBER")
    session.hint("To log the call against a contact", *by_hand, "ID")
