"""Call logs for people: a table of several, a sheet of one, and what a person can do next."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.call_log_pb2 import CallLog
    from leadline.v1.call_pb2 import Call, Party
    from rich.console import Console

    from leadline_server.cli.session import Session

_STYLES: Final = {"LOGGED": "green", "UNLOGGED": "yellow", "PENDING": "cyan", "FAILED": "bold red"}


def state_style(state: str) -> str:
    """The colour of a state."""
    return _STYLES.get(state, "")


def state_of(log: "CallLog") -> str:
    """A log's state, such as `LOGGED`."""
    from leadline.v1.call_log_pb2 import CallLogState

    from leadline_server.cli.choices import word

    return word(CallLogState, log.state)


def reason_of(log: "CallLog") -> str:
    """A log's reason, such as `NO_CONTACT`; empty before the decision."""
    from leadline.v1.call_log_pb2 import CallLogReason

    from leadline_server.cli.choices import word

    return word(CallLogReason, log.reason)


def other_party(log: "CallLog") -> "Party":
    """The party that is looked up: the caller of an inbound call, the callee of an outbound one.

    For an internal call it is the party that is not the log's user.
    """
    from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, CALL_DIRECTION_INTERNAL

    call = log.call
    if call.direction == CALL_DIRECTION_INBOUND:
        return call.caller
    is_called = call.callee.user_id == log.user_id if call.callee.user_id else call.caller.user_id != log.user_id
    return call.caller if call.direction == CALL_DIRECTION_INTERNAL and is_called else call.callee


def party_text(party: "Party") -> str:
    """A party's name and number, such as `Ada +12025550101`."""
    number = party.phone_number or party.extension
    return " ".join(part for part in (party.name, number) if part) or party.user_id


def show_call_logs(console: "Console", logs: "Sequence[CallLog]") -> None:
    """Print a table with a row for each call log."""
    from leadline_server.cli.output import Column, table

    columns = [
        Column("Time"),
        Column("Id"),
        Column("Who", can_shrink=True),
        Column("State", drop_order=2, style=state_style),
        Column("Reason", drop_order=1),
        Column("Direction", drop_order=5),
        Column("User", drop_order=4),
        Column("Talk", is_number=True, drop_order=6),
        Column("Contact", can_shrink=True, drop_order=3),
    ]
    table(console, columns, [_cells(log) for log in logs])


def _cells(log: "CallLog") -> Sequence[str]:
    from leadline.v1.call_pb2 import CallDirection

    from leadline_server.cli.choices import word
    from leadline_server.cli.output import duration, short_time

    return (
        short_time(log.call.start_time if log.call.HasField("start_time") else log.create_time),
        log.call.id,
        party_text(other_party(log)) or "-",
        state_of(log),
        reason_of(log),
        word(CallDirection, log.call.direction).lower(),
        log.user_id,
        duration(log.call.answer_time, log.call.end_time),
        log.contact.name or log.contact.id,
    )


def show_call_log(session: "Session", log: "CallLog") -> None:
    """Print one call log and what a person can do next, or its JSON for programs.

    A log without a revision was not stored: `--validate-only` asked what would happen.
    """
    from leadline_server.cli.output import print_json, sheet

    if session.as_json:
        print_json(log)
        return
    state, reason, is_preview = state_of(log), reason_of(log), not log.revision
    would_be = "It would be " if is_preview else ""
    session.say(f"{would_be}{state} {reason}".rstrip(), state_style(state))
    rows = _preview_rows(log) if is_preview else _log_rows(log)
    sheet(session.console, [("Id", log.call.id), ("Why", log.explanation), *_call_rows(log.call, log.user_id), *rows])
    if log.candidates:
        _show_candidates(session, log)
    _show_next_steps(session, log, state, reason)


def _call_rows(call: "Call", user_id: str) -> Iterator[tuple[str, str]]:
    from leadline.v1.call_pb2 import Attestation, CallDirection, CallResult

    from leadline_server.cli.choices import word
    from leadline_server.cli.output import duration, long_time

    yield "User", user_id
    yield "Direction", word(CallDirection, call.direction).lower()
    yield "Caller", party_text(call.caller)
    yield "Callee", party_text(call.callee)
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


def _log_rows(log: "CallLog") -> Iterator[tuple[str, str]]:
    from leadline_server.cli.output import long_time

    yield "Contact", f"{log.contact.name} [{log.contact.id}]".strip() if log.HasField("contact") else ""
    yield "In the CRM", " ".join(part for part in (log.crm_log_id, log.crm_log_url) if part)
    yield "Pending", "a newer state of the call is being sent to the CRM" if log.update_pending else ""
    yield "Attempts", str(log.attempts) if log.attempts else ""
    yield "Next attempt", long_time(log.next_attempt_time)
    yield "Last error", log.last_error
    yield "Changed", long_time(log.update_time)


def _preview_rows(log: "CallLog") -> Iterator[tuple[str, str]]:
    """Rows of a preview, which has no times and no attempts."""
    if log.HasField("contact"):
        contact_id = f" [{log.contact.id}]" if log.contact.id else ", which would be created"
        yield "Contact", f"{log.contact.name}{contact_id}"


def _show_candidates(session: "Session", log: "CallLog") -> None:
    from leadline_server.cli.contact_tables import show_contacts

    session.say("\nContacts that have the number:", "bold")
    show_contacts(session.console, [match.contact for match in log.candidates])


def _show_next_steps(session: "Session", log: "CallLog", state: str, reason: str) -> None:
    if not log.revision:
        session.hint("Nothing was written.")
    elif state == "UNLOGGED":
        _show_ways_to_log(session, log, reason)
    elif state == "PENDING":
        session.hint("leadline tries again by itself. To try now", "calls", "retry", log.call.id)
    elif state == "FAILED":
        session.hint("Fix the last error, then try again", "calls", "retry", log.call.id)


def _show_ways_to_log(session: "Session", log: "CallLog", reason: str) -> None:
    """Suggest how a person can log an unlogged call."""
    by_hand = ("calls", "log", "--id", log.call.id, "--contact")
    if log.candidates:
        session.hint("To log it, choose one of them", *by_hand, "ID")
        return
    if reason in {"AUTO_LOGGING_OFF", "INTERNAL_CALL", "EXCLUDED", "UNTRUSTED_CALLER"}:
        session.hint("To log it anyway", "calls", "log", "--id", log.call.id, "--manual")
    else:
        session.hint("If the contact exists, find it", "contacts", "search", "NAME")
        if reason == "PLACEHOLDER_LIMIT":
            session.hint("To decide it again, when there is room", "calls", "retry", log.call.id)
        number = other_party(log).phone_number if reason in {"NO_CONTACT", "PLACEHOLDER_LIMIT"} else "NUMBER"
        session.hint("If not, create it", "contacts", "create", "NAME", number or "NUMBER")
    session.hint("To log the call against a contact", *by_hand, "ID")
