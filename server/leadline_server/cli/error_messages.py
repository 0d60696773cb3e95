"""What a request that failed says to people and programs, and the exit code that it ends with."""

import json
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # gRPC would slow the start of every command
    from leadline.errors import LeadlineError

    from leadline_server.cli.session import Session


class ExitCode(IntEnum):
    """How a command ends; docs/command-line.md tells them."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    CANNOT_TELL = 4


_EXIT_CODES: Final[Mapping[str, ExitCode]] = {
    "INVALID_ARGUMENT": ExitCode.USAGE,
    "OUT_OF_RANGE": ExitCode.USAGE,
    "NOT_FOUND": ExitCode.NOT_FOUND,
    "UNAVAILABLE": ExitCode.CANNOT_TELL,
    "DEADLINE_EXCEEDED": ExitCode.CANNOT_TELL,
}

_Hint = Callable[["Session", Mapping[str, str]], str]

_HINTS: Final[Mapping[str, _Hint]] = {
    "INVALID_PAGE_TOKEN": lambda _, __: "Begin anew.",
    "INVALID_RESUME_TOKEN": lambda at, _: f"Watch without a token: {at.command('calls', 'watch')}",
    "RESUME_TOKEN_EXPIRED": lambda at, _: (
        f"See what changed: {at.command('calls', 'list')}; then watch without a token."
    ),
    "ACCOUNT_NOT_FOUND": lambda _, __: "Name another with --account, or add it to the server's configuration file.",
    "CALL_LOG_NOT_FOUND": lambda at, _: f"See the calls that are known: {at.command('calls', 'list')}",
    "CONTACT_NOT_FOUND": lambda at, _: (
        f"Nothing was stored. Find the contact: {at.command('contacts', 'search', 'NAME')}"
    ),
    "CONTACT_ALREADY_EXISTS": lambda _, __: "Use it, or create another with --allow-duplicate.",
    "PREFERENCE_LOCKED": lambda at, values: (
        "Leave them out, or unlock them: "
        + at.command("account", "set", *(f"--unlock={field}" for field in values.get("fields", "").split(",") if field))
    ),
    "CALL_LOG_NOT_MOVABLE": lambda _, values: f"It stays with {values.get('contact_id', '')}; move it in the CRM.",
    "REQUEST_ID_REUSED": lambda _, __: "Run the command again.",
    "CRM_UNAVAILABLE": lambda _, __: "Nothing is known, which is not the same as nobody; try again.",
    "CRM_RATE_LIMITED": lambda _, __: "Try again a little later.",
    "CRM_REJECTED": lambda _, __: "Change what is to be written, or the CRM's rules.",
    "CRM_AUTH_FAILED": lambda _, __: "An administrator must renew leadline's credentials for the CRM.",
    "CRM_OUTCOME_UNKNOWN": lambda at, _: (
        f"It may have been done; look before you try again: {at.command('contacts', 'find', 'NUMBER')}"
    ),
    "DEADLINE_EXCEEDED": lambda _, __: "Give it more time with --timeout.",
    "LEDGER_UNAVAILABLE": lambda _, __: "Nothing was accepted. Try again; if it lasts, see the server's log.",
    "LEDGER_FULL": lambda _, __: "Nothing was accepted. Make room on the server's disk, then try again.",
    "MESSAGE_TOO_LARGE": lambda _, __: "Send less.",
    "MALFORMED_MESSAGE": lambda _, __: "Compare the versions of this program and of the server.",
    "UNIMPLEMENTED": lambda _, __: "Compare the versions of this program and of the server.",
    "SHUTTING_DOWN": lambda _, __: "Try again once it has restarted.",
    "WATCHER_TOO_SLOW": lambda at, _: f"Watch again: {at.command('calls', 'watch')}",
    "INTERNAL": lambda _, values: (
        f"It is a bug; the server's log has more under {values.get('correlation_id', 'its id')}."
    ),
    "INVALID_REQUEST": lambda _, __: "Mend this, and run the command again.",
    "UNAUTHENTICATED": lambda _, __: "This command sends no credentials; ask leadline itself, not a proxy before it.",
    "PERMISSION_DENIED": lambda _, __: "Ask an administrator of the account.",
}


def exit_code(error: "LeadlineError") -> ExitCode:
    """Usage for what was typed, not found, cannot tell (ask again), or refused for any other cause."""
    return _EXIT_CODES.get(error.code.name, ExitCode.REFUSED)


def told(error: "LeadlineError", session: "Session") -> str:
    """The error for people: a sentence, the fields at fault, what to do next."""
    if not error.reason:
        return _told_by_grpc(error, session)
    lines = [f"leadline: {error.message}"]
    if error.reason == "CONTACT_ALREADY_EXISTS":  # the server's sentence has the ids in its metadata alone
        lines = [f"leadline: The number has a contact already: {error.metadata.get('contact_ids', '')}."]
    if error.field_violations:
        lines = ["leadline: The request cannot be taken as it is:"]
        lines += [f"  {field}: {description}" for field, description in error.field_violations]
    if hint := _HINTS.get(error.reason):
        lines.append(hint(session, error.metadata))
    return "\n".join(lines)


def as_json(error: "LeadlineError", session: "Session") -> str:
    """The same for programs, in one line."""
    document: dict[str, Any] = {
        "code": error.code.name,
        "reason": error.reason,
        "message": error.message if error.reason else _sentence(error, session),
        "metadata": error.metadata,
        "field_violations": [violation._asdict() for violation in error.field_violations],
        "retry_delay": error.retry_delay,
    }
    return json.dumps({"error": document}, ensure_ascii=False)


def _told_by_grpc(error: "LeadlineError", session: "Session") -> str:
    hints = {
        "UNAVAILABLE": "Is `leadline serve` running there? --server names another.",
        "DEADLINE_EXCEEDED": "Give it more time with --timeout, or ask another with --server.",
        "UNIMPLEMENTED": "Is it leadline, and of this version?",
    }
    hint = hints.get(error.code.name, "It did not come from leadline itself: see what --server names.")
    return f"leadline: {_sentence(error, session)}\n{hint}"


def _sentence(error: "LeadlineError", session: "Session") -> str:
    """What happened, where the answer is gRPC's own: its words are for programmers."""
    sentences = {
        "UNAVAILABLE": f"No server can be reached at {session.server}.",
        "DEADLINE_EXCEEDED": f"The server at {session.server} did not answer within {session.timeout:g} seconds.",
        "UNIMPLEMENTED": f"The server at {session.server} does not know this request.",
    }
    return sentences.get(error.code.name, f"The request ended with {error.code.name}: {error.message.rstrip('.')}.")
