"""`leadline calls list`, `show`, `retry` and `watch`."""

import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline_server.cli.choices import Reason, State
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # what these bring along would slow the start of every command
    from leadline.v1.call_log_pb2 import CallLog

CallId = Annotated[str, typer.Argument(metavar="ID", help="The call's id.")]
Of = Annotated[str, typer.Option("--user", metavar="USER", help="Of this user only; else of all.")]


@remote
def list_calls(  # noqa: PLR0913 a parameter is an option of the command line
    session: Session,
    *,
    state: Annotated[
        list[State] | None, typer.Option(case_sensitive=False, help="In this state only; repeatable.")
    ] = None,
    reason: Annotated[
        list[Reason] | None, typer.Option(case_sensitive=False, help="With this reason only; repeatable.")
    ] = None,
    user: Of = "",
    number: Annotated[str, typer.Option(metavar="NUMBER", help="With this phone number on the other side only.")] = "",
    contact: Annotated[str, typer.Option(metavar="ID", help="Logged against this contact only.")] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="Started then or later: 2026-03-01T14:30, 2h, 7d.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Started before that.")] = "",
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="How many at most; 0 for all.")] = 50,
) -> None:
    """Calls and what became of them, newest first."""
    from leadline_server.cli import values
    from leadline_server.cli.output import print_json_array, taken

    wanted: dict[str, Any] = {
        "user_id": user,
        "states": [one.name for one in state or ()],
        "reasons": [one.name for one in reason or ()],
        "phone_number": number,
        "contact_id": contact,
        "page_size": min(limit + 1, 200) if limit else 200,
    }
    if since:
        wanted["start_time"] = values.time("--since", since)
    if until:
        wanted["end_time"] = values.time("--until", until)
    found = taken(session, session.client.list_call_logs(**wanted), limit)
    if session.as_json:
        print_json_array(found)
    else:
        _show_list(session, list(found), is_filtered=any((state, reason, user, number, contact, since, until)))


@remote
def show(session: Session, call_id: CallId) -> None:
    """One call: what is known, what became of it and why, what to do next."""
    show_answer(session, session.client.get_call_log(call_id))


@remote
def retry(session: Session, call_id: CallId) -> None:
    """Decide an unlogged call anew, or deliver a waiting one, now."""
    show_answer(session, session.client.retry_call_log(call_id))


@remote
def watch(
    session: Session,
    user: Of = "",
    resume_token: Annotated[
        str, typer.Option(metavar="TOKEN", help="Go on after this `resume_token` of an earlier --json line.")
    ] = "",
    give_up_after: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to go on trying without the server.")
    ] = 300.0,
) -> None:
    """Follow call logs as they change, until Ctrl-C; with --json a WatchCallLogsResponse in each line."""
    from leadline.v1.call_log_service_pb2 import WatchCallLogsResponse

    from leadline_server.cli.output import print_json_line

    for number in (signal.SIGINT, signal.SIGTERM):  # also where the shell has us ignore them
        signal.signal(number, signal.default_int_handler)
    session.client.get_account_settings()  # an unknown account, or no server: said at once, not tried for minutes
    following = session.client.watch_call_logs(user_id=user, resume_token=resume_token, give_up_after=give_up_after)
    try:
        following.start()
        session.note(f"Watching the calls of account {session.account}; Ctrl-C ends it.")
        for log in following:
            if session.as_json:
                print_json_line(WatchCallLogsResponse(call_log=log, resume_token=following.resume_token))
            else:
                _show_change(session, log)
    except KeyboardInterrupt:  # the way to end it
        return


def show_answer(session: Session, log: "CallLog") -> None:
    """Print one call log, for people or for programs."""
    from leadline_server.cli.call_tables import show_call_log
    from leadline_server.cli.output import print_json

    if session.as_json:
        print_json(log)
    else:
        show_call_log(session, log)


def _show_list(session: Session, logs: "list[CallLog]", *, is_filtered: bool) -> None:
    from leadline_server.cli.call_tables import show_call_logs, state_of
    from leadline_server.cli.output import count

    if logs:
        show_call_logs(session, logs)
        session.say(f"{count(len(logs), 'call')}.")
        if any(state_of(log) == "UNLOGGED" for log in logs):
            session.hint("Why one is unlogged, and how to log it", "calls", "show", "ID")
    elif is_filtered:
        session.say(f"No call of account {session.account} is like this.")
        session.hint("See all of them", "calls", "list")
    else:
        session.say(f"No call was reported in account {session.account} yet.")
        session.hint("Report one", "calls", "log", "--user", "USER", "--direction", "inbound", "--caller", "NUMBER")
        session.hint("Or replay a phone system's records", "calls", "import", "FILE")


def _show_change(session: Session, log: "CallLog") -> None:
    """One change in one line."""
    from rich.text import Text

    from leadline_server.cli.call_tables import other_side, reason_of, state_of, state_style, who
    from leadline_server.cli.output import printable, short_time

    state = state_of(log)
    line = Text(f"{short_time(log.update_time)}  ")
    line.append(f"{state:<8}", state_style(state))
    parts = (f"{reason_of(log):<19}", log.call.id, log.user_id, who(other_side(log)), log.contact.name)
    line.append("".join(f"  {printable(part)}" for part in parts if part).replace("\n", " "))
    session.console.print(line, soft_wrap=True)
    session.console.file.flush()
