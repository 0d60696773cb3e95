"""The command `leadline ingress try`: what a definition reads in an event, and what the server would decide."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline.v1.call_log_pb2 import CallLog

    from leadline_server.ingress.compiled_definition import CompiledIngress
    from leadline_server.ingress.trial import TriedEvent
    from leadline_server.replay.account import AccountDetails


@remote
def try_ingress(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A definition's file, or the name of a shipped one.")],
    event: Annotated[
        Path,
        typer.Argument(
            metavar="EVENT",
            exists=True,
            dir_okay=False,
            help="A file with the body of a request; the fields of a form may be JSON.",
        ),
    ],
    source: Annotated[str, typer.Option(metavar="NAME", help="The source that call ids carry.")] = "",
    offline: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--offline", help="Ask no server: read numbers as of the US, and decide nothing.")
    ] = False,
) -> None:
    """Show what a definition reads in an event, the call, and what the server would decide. Writes nothing.

    Each event is decided as the first one of its call. Exit codes: 0 done, 1 an event cannot be stored, 2 wrong usage.
    """
    from leadline_server.ingress.trial import try_events
    from leadline_server.replay.account import AccountDetails

    account = AccountDetails() if offline else _account(session)
    tried = list(try_events(_definition(file), event.read_bytes(), account, source, {}))
    results = [_result(session, one, decides=not offline) for one in tried]
    if session.as_json:
        typer.echo(json.dumps(results, indent=2, ensure_ascii=False))
    else:
        for number, result in enumerate(results, start=1):
            _show(session, number, result)
    raise typer.Exit(ExitCode.REFUSED if any(one.problem for one in tried) else ExitCode.DONE)


def _definition(file: str) -> "CompiledIngress":
    from leadline_server.definitions.problems import BadDefinition
    from leadline_server.ingress.definition_files import load_ingress

    try:
        return load_ingress(file)
    except BadDefinition as error:
        fail([f"{file}: {problem}" for problem in error.problems])


def _account(session: Session) -> "AccountDetails":
    from leadline_server.replay.account import account_details

    client = session.client
    return account_details(client.get_account_settings(), client.list_users(page_size=1000))


def _result(session: Session, tried: "TriedEvent", *, decides: bool) -> dict[str, Any]:
    from leadline_server.cli.output import document

    result: dict[str, Any] = {"kind": tried.kind, "problem": tried.problem, "skipped": tried.skipped}
    message = tried.message
    if message is None:
        return result
    result["call"] = document(message)
    if decides:
        log: CallLog = session.client.log_call(message, validate_only=True)
        shown = document(log)
        result["decision"] = {
            name: shown[name] for name in ("state", "reason", "explanation", "user_id", "contact") if name in shown
        }
    return result


def _show(session: Session, number: int, result: dict[str, Any]) -> None:
    kind = "no kind fits" if result["kind"] is None else f"kinds[{result['kind']}]"
    session.say(f"Event {number}: {kind}")
    for name in ("problem", "skipped"):
        if result[name]:
            session.say(f"  {name}: {result[name]}")
    for name in ("call", "decision"):
        if name in result:
            session.say(f"  {name}:")
            session.say(_indented(json.dumps(result[name], indent=2, ensure_ascii=False)))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
