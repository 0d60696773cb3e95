"""The commands `leadline calls list`, `show`, `retry` and `watch`."""

import json
import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline_server.cli.choices import Reason, State, Update
from leadline_server.cli.exit_codes import ExitCode
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.call_log_pb2 import CallLog

CallId = Annotated[str, typer.Argument(metavar="ID", help="The call's id.")]
OfUser = Annotated[str, typer.Option("--user", metavar="USER", help="Only this user's calls.")]


@remote
def list_calls(  # noqa: PLR0913 a parameter is an option of the command line
    session: Session,
    *,
    state: Annotated[
        list[State] | None, typer.Option(case_sensitive=False, help="Only calls in this state; repeatable.")
    ] = None,
    reason: Annotated[
        list[Reason] | None, typer.Option(case_sensitive=False, help="Only calls with this reason; repeatable.")
    ] = None,
    update: Annotated[
        list[Update] | None,
        typer.Option(case_sensitive=False, help="Only calls whose update of the CRM's log is so; repeatable."),
    ] = None,
    user: OfUser = "",
    number: Annotated[str, typer.Option(metavar="NUMBER", help="Only calls from or to this phone number.")] = "",
    contact: Annotated[str, typer.Option(metavar="ID", help="Only calls logged against this contact.")] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Only calls that began at this time or later: 2026-03-01T14:30, 2h, 7d.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Only calls that began before this time.")] = "",
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="The most calls to show; 0 for all.")] = 50,
) -> None:
    """List calls with their states and reasons, newest first."""
    from leadline_server.cli.output import print_json_array

    wanted: dict[str, Any] = {
        "user_id": user,
        "states": [one.name for one in state or ()],
        "reasons": [one.name for one in reason or ()],
        "update_states": [one.name for one in update or ()],
        "phone_number": number,
        "contact_id": contact,
        "page_size": min(limit + 1, 200) if limit else 200,
        **_times(since, until),
    }
    found = session.limited(session.client.list_call_logs(**wanted), limit)
    if session.as_json:
        print_json_array(found)
    else:
        _show_list(session, list(found), is_filtered=any((state, reason, update, user, number, contact, since, until)))


def _times(since: str, until: str) -> dict[str, Any]:
    from leadline_server.cli import values

    given = {"start_time": ("--since", since), "end_time": ("--until", until)}
    return {name: values.time(option, text) for name, (option, text) in given.items() if text}


@remote
def show(session: Session, call_id: CallId) -> None:
    """Show one call: its state and reason, and what to do next."""
    from leadline_server.cli.call_tables import show_call_log

    show_call_log(session, session.client.get_call_log(call_id))


@remote
def retry(
    session: Session,
    call_id: Annotated[str, typer.Argument(metavar="ID", help="The call's id; none with --state.")] = "",
    state: Annotated[
        State | None, typer.Option(case_sensitive=False, help="Retry all calls in this state, instead of one call.")
    ] = None,
) -> None:
    """Decide an unlogged call again, or deliver a pending or failed one now; or all calls in a state.

    Ends with exit code 1 if a call is FAILED afterwards.
    """
    if bool(call_id) == (state is not None):
        raise typer.BadParameter("give a call's id, or --state")
    if state is None:
        show_result(session, session.client.retry_call_log(call_id))
    elif state is State.LOGGED:
        raise typer.BadParameter("a call that is LOGGED needs no retry")
    else:
        _retry_all(session, state)


def _retry_all(session: Session, state: State) -> None:
    """Retry every call that is in a state now. They are listed first: a retry moves a call in the list."""
    from collections import Counter

    from leadline.errors import LeadlineError, NotFound

    from leadline_server.cli.call_tables import state_of
    from leadline_server.cli.output import count

    waiting = [log.call.id for log in session.client.list_call_logs(states=[state.name], page_size=200)]
    became = Counter[str]()
    for call_id in waiting:
        try:
            log = session.client.retry_call_log(call_id)
        except NotFound:  # removed meanwhile
            continue
        except LeadlineError as error:
            if not became:
                raise
            session.note(f"{call_id}: {error.message}")
            became["NOT RETRIED"] += 1
            continue
        became[state_of(log)] += 1
        if state_of(log) == "FAILED":
            session.note(f"{call_id}: {log.last_error}")
    if session.as_json:
        typer.echo(json.dumps({"retried": len(waiting), "states": dict(became)}))
    else:
        told = ", ".join(f"{number:,} {name}" for name, number in sorted(became.items()))
        session.say(f"Retried {count(len(waiting), 'call')}" + (f": {told}." if told else "."))
    if became["FAILED"] or became["NOT RETRIED"]:
        raise typer.Exit(ExitCode.REFUSED)


@remote
def watch(
    session: Session,
    user: OfUser = "",
    resume_token: Annotated[
        str, typer.Option(metavar="TOKEN", help="Continue after the `resume_token` of an earlier --json line.")
    ] = "",
    give_up_after: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to try to reach a server that is away.")
    ] = 300.0,
) -> None:
    """Show each change of a call until Ctrl-C. With --json, each line is a WatchCallLogsResponse."""
    from leadline.v1.call_log_service_pb2 import WatchCallLogsResponse

    from leadline_server.cli.output import print_json_line

    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may start background commands with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    session.client.get_account_settings()  # an unknown account or a missing server is an error at once
    following = session.client.watch_call_logs(user_id=user, resume_token=resume_token, give_up_after=give_up_after)
    try:
        following.start()
        session.note(f"Watching the calls of account {session.account}; Ctrl-C ends it.")
        for log in following:
            if session.as_json:
                print_json_line(WatchCallLogsResponse(call_log=log, resume_token=following.resume_token))
            else:
                _show_change(session, log)
    except KeyboardInterrupt:
        return


def show_result(session: Session, log: "CallLog") -> None:
    """Print the call log that a command changed.

    Raises:
        typer.Exit: with code 1, if the call is FAILED.
    """
    from leadline_server.cli.call_tables import show_call_log, state_of

    show_call_log(session, log)
    if state_of(log) == "FAILED":
        raise typer.Exit(ExitCode.REFUSED)


def _show_list(session: Session, logs: "list[CallLog]", *, is_filtered: bool) -> None:
    from leadline_server.cli.call_tables import show_call_logs, state_of
    from leadline_server.cli.output import count

    if logs:
        show_call_logs(session.console, logs)
        session.say(f"{count(len(logs), 'call')}.")
        if any(state_of(log) == "UNLOGGED" for log in logs):
            session.hint("To see why a call is unlogged, and how to log it", "calls", "show", "ID")
    elif is_filtered:
        session.say(f"No call of account {session.account} matches these filters.")
        session.hint("To see all calls", "calls", "list")
    else:
        session.say(f"Account {session.account} has no calls yet.")
        session.hint("To report one", "calls", "log", "--user", "USER", "--direction", "inbound", "--caller", "NUMBER")
        session.hint("To replay a phone system's records", "calls", "import", "FILE")


def _show_change(session: Session, log: "CallLog") -> None:
    """Print one change as one line."""
    from rich.text import Text

    from leadline_server.cli.call_tables import other_party, party_text, reason_of, state_of, state_style
    from leadline_server.cli.output import printable, short_time

    state = state_of(log)
    line = Text(f"{short_time(log.update_time)}  ")
    line.append(f"{state:<8}", state_style(state))
    parts = (f"{reason_of(log):<19}", log.call.id, log.user_id, party_text(other_party(log)), log.contact.name)
    line.append("".join(f"  {printable(part)}" for part in parts if part).replace("\n", " "))
    session.console.print(line, soft_wrap=True)
    session.console.file.flush()
