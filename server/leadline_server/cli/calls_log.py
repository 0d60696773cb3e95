"""The command `leadline calls log`, which reports a call or logs one by hand."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from leadline_server.cli.calls import show_result
from leadline_server.cli.choices import Direction, Result, Verified
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.call_pb2 import Call

_TIMES: Final = ("start_time", "answer_time", "end_time", "event_time")
_PARTIES: Final = ("caller", "callee")


def _option(name: str, meaning: str, metavar: str = "TEXT") -> Any:
    return typer.Option(name, help=meaning, metavar=metavar)


@remote
def log_call(  # noqa: PLR0913 a parameter is an option of the command line
    session: Session,
    *,
    user: Annotated[str, _option("--user", "The user of the call; by default the user of its log.", "USER")] = "",
    call_id: Annotated[
        str | None, _option("--id", "The phone system's id of the call; by default a new UUID.", "ID")
    ] = None,
    direction: Annotated[
        Direction | None, typer.Option(case_sensitive=False, help="Required in the first report of a call.")
    ] = None,
    caller: Annotated[str | None, _option("--caller", "The number that called.", "NUMBER")] = None,
    callee: Annotated[str | None, _option("--callee", "The number that was called.", "NUMBER")] = None,
    caller_name: Annotated[str | None, _option("--caller-name", "The caller-ID name.")] = None,
    callee_name: Annotated[str | None, _option("--callee-name", "The callee's name.")] = None,
    result: Annotated[Result | None, typer.Option(case_sensitive=False, help="How the call ended.")] = None,
    start: Annotated[
        str | None, _option("--start", "When the call began: 2026-03-01T14:30, now, or 5m (5 minutes ago).", "TIME")
    ] = (None),
    answer: Annotated[str | None, _option("--answer", "When the call was answered.", "TIME")] = None,
    end: Annotated[str | None, _option("--end", "When the call ended.", "TIME")] = None,
    event_time: Annotated[str | None, _option("--event-time", "When the reported event happened.", "TIME")] = None,
    linked_id: Annotated[str | None, _option("--linked-id", "An id that all calls of one conversation share.")] = None,
    disposition: Annotated[
        str | None, _option("--disposition", "The outcome in a person's words, such as Interested.")
    ] = None,
    subject: Annotated[str | None, _option("--subject", "The subject of the CRM's log.")] = None,
    note: Annotated[str | None, _option("--note", "A note.")] = None,
    summary: Annotated[str | None, _option("--summary", "A summary.")] = None,
    recording_url: Annotated[str | None, _option("--recording-url", "The address of the recording.", "URL")] = None,
    voicemail_url: Annotated[str | None, _option("--voicemail-url", "The address of the voicemail.", "URL")] = None,
    attestation: Annotated[
        Verified | None, typer.Option(case_sensitive=False, help="The STIR/SHAKEN attestation of the caller's number.")
    ] = None,
    final: Annotated[bool | None, typer.Option("--final", help="This is the last report of the call.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An attribute to store; repeatable.")
    ] = None,
    json_call: Annotated[
        str | None,
        _option(
            "--json-call",
            "A file with the call as JSON, instead of the options of a call; - reads standard input.",
            "FILE",
        ),
    ] = None,
    contact: Annotated[str, _option("--contact", "Log the call by hand, against this contact.", "ID")] = "",
    manual: Annotated[
        bool,
        typer.Option(
            "--manual", help="Log the call by hand: look it up, and ignore the preferences that keep it unlogged."
        ),
    ] = False,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Show what would happen, and write nothing.")
    ] = False,
) -> None:
    """Report a call, or news of one. With --contact or --manual, log it by hand.

    A report changes only the fields that it has; an empty text or time clears one. The id says which call it is.
    Ends with exit code 1 if the call is FAILED afterwards.
    """
    fields = {
        "id": call_id,
        "direction": direction and f"CALL_DIRECTION_{direction.name}",
        "caller": caller,
        "callee": callee,
        "caller_name": caller_name,
        "callee_name": callee_name,
        "result": result and f"CALL_RESULT_{result.name}",
        "start_time": start,
        "answer_time": answer,
        "end_time": end,
        "event_time": event_time,
        "linked_id": linked_id,
        "disposition": disposition,
        "subject": subject,
        "note": note,
        "summary": summary,
        "recording_url": recording_url,
        "voicemail_url": voicemail_url,
        "attestation": attestation and f"ATTESTATION_{attestation.name}",
        "is_final": final,
        "attributes": attribute,
    }
    call = _call({name: value for name, value in fields.items() if value is not None}, json_call)
    client = session.client.using(user=user or _reporter(session, call))
    trigger = "MANUAL" if manual else "AUTOMATIC"
    call.id = call.id or _new_id()
    show_result(session, client.log_call(call, contact_id=contact, trigger=trigger, validate_only=validate_only))


def _call(given: Mapping[str, Any], json_call: str | None) -> "Call":
    """The reported call, from the options or from the JSON.

    Raises:
        typer.BadParameter: both are given, or one is invalid.
    """
    if json_call is None:
        return _from_options(dict(given))
    if given:
        raise typer.BadParameter("--json-call has the whole call: give no other option of a call with it")
    return _from_json(json_call)


def _from_options(given: dict[str, Any]) -> "Call":
    from leadline.v1.call_pb2 import Call, Party

    from leadline_server.cli import values

    for name in _TIMES:
        if name in given:
            given[name] = values.report_time(f"--{name.removesuffix('_time')}", given[name])
    for name in _PARTIES:
        parts = {"phone_number": given.pop(name, None), "name": given.pop(f"{name}_name", None)}
        if any(part is not None for part in parts.values()):
            given[name] = Party(**parts)
    if "attributes" in given:
        given["attributes"] = values.pairs("--attribute", given["attributes"])
    return Call(**given)


def _from_json(path: str) -> "Call":
    from pathlib import Path

    from google.protobuf.json_format import Parse, ParseError
    from leadline.v1.call_pb2 import Call

    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return Parse(text, Call())
    except OSError as error:
        raise typer.BadParameter(f"--json-call: {path} cannot be read: {error.strerror}") from None
    except (ParseError, UnicodeDecodeError) as error:
        why = str(error).partition("\n")[0]
        raise typer.BadParameter(f"--json-call: {path} is not a call in the contract's JSON: {why}") from None


def _reporter(session: Session, call: "Call") -> str:
    """The user of the call's log, for a report without --user.

    Raises:
        typer.BadParameter: the call has no log yet.
    """
    from leadline import errors

    if call.id:
        try:
            return session.client.get_call_log(call.id).user_id
        except errors.NotFound as error:
            if error.reason != "CALL_LOG_NOT_FOUND":
                raise
    raise typer.BadParameter("this is the first report of the call: name its user with --user")


def _new_id() -> str:
    import uuid

    return str(uuid.uuid4())
