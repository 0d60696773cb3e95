"""`leadline calls log`: reports a call, or logs one by hand."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from leadline_server.cli.choices import Direction, Result, Verified
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # what these bring along would slow the start of every command
    from leadline.v1.call_pb2 import Call

_TIMES: Final = ("start_time", "answer_time", "end_time", "event_time")
_PARTIES: Final = ("caller", "callee")


def _option(name: str, meaning: str, metavar: str = "TEXT") -> Any:
    return typer.Option(name, help=meaning, metavar=metavar)


@remote
def log_call(  # noqa: PLR0913 a parameter is an option of the command line
    session: Session,
    *,
    user: Annotated[str, _option("--user", "Whose call it is; else the user who has its log.", "USER")] = "",
    call_id: Annotated[str | None, _option("--id", "The phone system's id of the call; else a new one.", "ID")] = None,
    direction: Annotated[
        Direction | None, typer.Option(case_sensitive=False, help="Needed in the first report of a call.")
    ] = None,
    caller: Annotated[str | None, _option("--caller", "Number that called.", "NUMBER")] = None,
    callee: Annotated[str | None, _option("--callee", "Number that was called.", "NUMBER")] = None,
    caller_name: Annotated[str | None, _option("--caller-name", "The caller-ID name.")] = None,
    callee_name: Annotated[str | None, _option("--callee-name", "The name of who was called.")] = None,
    result: Annotated[Result | None, typer.Option(case_sensitive=False, help="How it ended.")] = None,
    start: Annotated[
        str | None, _option("--start", "When it began: 2026-03-01T14:30, now, or 5m for 5 minutes ago.", "TIME")
    ] = (None),
    answer: Annotated[str | None, _option("--answer", "When it was answered.", "TIME")] = None,
    end: Annotated[str | None, _option("--end", "When it ended.", "TIME")] = None,
    event_time: Annotated[str | None, _option("--event-time", "When the event behind the report was.", "TIME")] = None,
    linked_id: Annotated[str | None, _option("--linked-id", "Ties the calls of one conversation.")] = None,
    disposition: Annotated[str | None, _option("--disposition", "How a person judged it.")] = None,
    subject: Annotated[str | None, _option("--subject", "Subject of the CRM's log.")] = None,
    note: Annotated[str | None, _option("--note", "A note.")] = None,
    summary: Annotated[str | None, _option("--summary", "A summary.")] = None,
    recording_url: Annotated[str | None, _option("--recording-url", "Where its recording is.", "URL")] = None,
    voicemail_url: Annotated[str | None, _option("--voicemail-url", "Where its voicemail is.", "URL")] = None,
    attestation: Annotated[
        Verified | None, typer.Option(case_sensitive=False, help="What STIR/SHAKEN says of the caller's number.")
    ] = None,
    final: Annotated[bool | None, typer.Option("--final", help="Nothing more will be reported.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Something else to keep; repeatable.")
    ] = None,
    json_call: Annotated[
        str | None,
        _option("--json-call", "The call as the contract's JSON, instead of its options; - reads it.", "FILE"),
    ] = None,
    contact: Annotated[str, _option("--contact", "Log it by hand, against this contact.", "ID")] = "",
    manual: Annotated[
        bool, typer.Option("--manual", help="A person asks: look it up and log it, whatever preferences hold back.")
    ] = False,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Only say what would become of it.")] = False,
) -> None:
    """Report a call, or what is new about it; with --contact or --manual, log it by hand.

    What is not given stays as it is; an empty text or time clears it. The same id is always the same call.
    """
    from leadline_server.cli.calls import show_answer

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
    show_answer(session, client.log_call(call, contact_id=contact, trigger=trigger, validate_only=validate_only))


def _call(given: Mapping[str, Any], json_call: str | None) -> "Call":
    """The report, from its options or its JSON.

    Raises:
        typer.BadParameter: both are given, or one cannot be read.
    """
    if json_call is None:
        return _from_options(dict(given))
    if given:
        raise typer.BadParameter("--json-call has the whole call: give no other option of the call with it")
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
        raise typer.BadParameter(f"--json-call: {path} is no call in the contract's JSON: {why}") from None


def _reporter(session: Session, call: "Call") -> str:
    """Whose call it is by its log, where nobody says.

    Raises:
        typer.BadParameter: the call was not reported before.
    """
    from leadline import errors

    if call.id:
        try:
            return session.client.get_call_log(call.id).user_id
        except errors.NotFound as error:
            if error.reason != "CALL_LOG_NOT_FOUND":
                raise
    raise typer.BadParameter("this call was not reported before: say whose it is with --user")


def _new_id() -> str:
    import uuid

    return str(uuid.uuid4())
