"""Failed requests: what people and programs are told, and the exit code of the command."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import ExitCode

if TYPE_CHECKING:  # gRPC would slow the start of every command
    from leadline.errors import LeadlineError

_EXIT_CODES: Final[Mapping[str, ExitCode]] = {
    "INVALID_ARGUMENT": ExitCode.USAGE,
    "OUT_OF_RANGE": ExitCode.USAGE,
    "NOT_FOUND": ExitCode.NOT_FOUND,
    "UNAVAILABLE": ExitCode.CANNOT_TELL,
    "DEADLINE_EXCEEDED": ExitCode.CANNOT_TELL,
}

_Hint = Callable[[CommandTarget, Mapping[str, str]], str]

_HINTS: Final[Mapping[str, _Hint]] = {
    "INVALID_PAGE_TOKEN": lambda _, __: "Start again from the first page.",
    "INVALID_RESUME_TOKEN": lambda to, _: f"Watch without a token: {to.command('calls', 'watch')}",
    "RESUME_TOKEN_EXPIRED": lambda to, _: (
        f"See what changed: {to.command('calls', 'list')}; then watch without a token."
    ),
    "ACCOUNT_NOT_FOUND": lambda _, __: "Name another with --account, or add it to the server's settings file.",
    "CALL_LOG_NOT_FOUND": lambda to, _: f"See the calls that are known: {to.command('calls', 'list')}",
    "CONTACT_NOT_FOUND": lambda to, _: (
        f"Nothing was stored. Find the contact: {to.command('contacts', 'search', 'NAME')}"
    ),
    "CONTACT_ALREADY_EXISTS": lambda _, __: "Use it, or create another with --allow-duplicate.",
    "PREFERENCE_LOCKED": lambda to, values: (
        "Leave these fields out, or unlock them: "
        + to.command("account", "set", *(f"--unlock={field}" for field in values.get("fields", "").split(",") if field))
    ),
    "CALL_LOG_NOT_MOVABLE": lambda _, values: f"It stays with {values.get('contact_id', '')}; move it in the CRM.",
    "USER_NOT_FOUND": lambda to, _: f"See the users that are known: {to.command('users', 'list')}",
    "USER_CONFLICT": lambda to, _: f"See whose they are: {to.command('users', 'list')}",
    "TOO_MANY_USERS": lambda to, _: f"Delete users who have left: {to.command('users', 'delete', 'USER')}",
    "REQUEST_ID_REUSED": lambda _, __: "Run the command again.",
    "CRM_UNAVAILABLE": lambda _, __: 'This does not mean "no contact": nothing was found out. Try again.',
    "CRM_RATE_LIMITED": lambda _, __: "Try again a little later.",
    "CRM_REJECTED": lambda _, __: "Change the values, or the CRM's rules.",
    "CRM_AUTH_FAILED": lambda _, __: "An administrator must renew leadline's credentials for the CRM.",
    "CRM_OUTCOME_UNKNOWN": lambda to, _: (
        f"The CRM may have done it. Look before you try again: {to.command('contacts', 'find', 'NUMBER')}"
    ),
    "DEADLINE_EXCEEDED": lambda _, __: "Allow more time with --timeout.",
    "LEDGER_UNAVAILABLE": lambda _, __: "Nothing was accepted. Try again; if this lasts, read the server's log.",
    "LEDGER_FULL": lambda _, __: "Nothing was accepted. Free space on the server's disk, then try again.",
    "MESSAGE_TOO_LARGE": lambda _, __: "Send less.",
    "MALFORMED_MESSAGE": lambda _, __: "Compare the versions of this program and of the server.",
    "UNIMPLEMENTED": lambda _, __: "Compare the versions of this program and of the server.",
    "QUOTA_EXCEEDED": lambda _, __: "Send less, or ask the server's administrator for more.",
    "SHUTTING_DOWN": lambda _, __: "Try again after the server has restarted.",
    "WATCHER_TOO_SLOW": lambda to, _: f"Watch again: {to.command('calls', 'watch')}",
    "INTERNAL": lambda _, values: (
        f"This is a bug. The server's log has the cause under {values.get('correlation_id', 'its id')}."
    ),
    "INVALID_REQUEST": lambda _, __: "Fix this and try again.",
    "ACCOUNT_ALREADY_EXISTS": lambda to, _: f"Choose another id, or change it: {to.command('account', 'update')}",
    "ACCOUNT_DISABLED": lambda _, __: "An administrator has to enable it first.",
    "ACCOUNT_NOT_CHANGEABLE": lambda _, __: "Change it where it belongs, or wait until its deletion is done.",
    "CONNECTION_NOT_FOUND": lambda to, _: f"See the connections that are known: {to.command('connections', 'list')}",
    "UNAUTHENTICATED": lambda _, __: "Set LEADLINE_API_KEY to an API key that this server accepts.",
    "PERMISSION_DENIED": lambda _, __: "Use a key of another role, or ask an administrator of the account.",
    "KEY_NOT_FOUND": lambda to, _: f"See the keys that are known: {to.command('keys', 'list')}",
    "KEY_CONFLICT": lambda to, _: f"See the keys that are known: {to.command('keys', 'list')}",
    "TOO_MANY_KEYS": lambda to, _: f"Revoke keys that are not used: {to.command('keys', 'revoke', 'KEY')}",
}


def exit_code(error: "LeadlineError") -> ExitCode:
    """The exit code of a failed request, such as 3 for NOT_FOUND."""
    return _EXIT_CODES.get(error.code.name, ExitCode.REFUSED)


def for_people(error: "LeadlineError", target: CommandTarget) -> str:
    """A sentence, the invalid fields, and what to do next."""
    if not error.reason:
        return _grpc_error(error, target)
    lines = [f"leadline: {error.message}"]
    if error.reason == "CONTACT_ALREADY_EXISTS":  # the server sends the ids in the metadata alone
        lines = [f"leadline: The number has a contact already: {error.metadata.get('contact_ids', '')}."]
    if error.field_violations:
        lines = ["leadline: The request is not valid:"]
        lines += [f"  {field}: {description}" for field, description in error.field_violations]
    if hint := _HINTS.get(error.reason):
        lines.append(hint(target, error.metadata))
    return "\n".join(lines)


def as_json(error: "LeadlineError", target: CommandTarget) -> str:
    """The error for programs, as one line of JSON: `{"error": {"code": "NOT_FOUND", ...}}`."""
    document: dict[str, Any] = {
        "code": error.code.name,
        "reason": error.reason,
        "message": error.message if error.reason else _grpc_sentence(error, target)[0],
        "metadata": error.metadata,
        "field_violations": [violation._asdict() for violation in error.field_violations],
        "retry_delay": error.retry_delay,
    }
    return json.dumps({"error": document}, ensure_ascii=False)


def _grpc_error(error: "LeadlineError", target: CommandTarget) -> str:
    sentence, hint = _grpc_sentence(error, target)
    return f"leadline: {sentence}\n{hint}"


def _grpc_sentence(error: "LeadlineError", target: CommandTarget) -> tuple[str, str]:
    """Sentence and hint for an error that gRPC itself made: its own words are for programmers."""
    server, code = target.server, error.code.name
    if code in {"UNAVAILABLE", "DEADLINE_EXCEEDED"} and not target.is_listening():
        return f"There is no server at {server}.", "Start one with `leadline serve`, or name another with --server."
    sentences = {
        "UNAVAILABLE": (f"The connection to the server at {server} failed.", "Try again."),
        "DEADLINE_EXCEEDED": (
            f"The server at {server} did not answer within {target.timeout:g} seconds.",
            "Allow more time with --timeout, or name another server with --server.",
        ),
        "UNIMPLEMENTED": (
            f"The server at {server} does not know this request.",
            "Check that it is leadline, and has this program's version.",
        ),
    }
    unknown = f"The request ended with {code}: {error.message.rstrip('.')}."
    return sentences.get(code, (unknown, "This error is not leadline's own: check the address in --server."))
