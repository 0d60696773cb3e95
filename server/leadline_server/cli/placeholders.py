"""The commands `leadline placeholders list` and `undo`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.choices import word
from leadline_server.cli.exit_codes import ExitCode
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.placeholder_service_pb2 import Placeholder, RemovePlaceholderResponse

_PAGE: Final = 1000
_SINCE: Final = "created at this time or later: 2026-03-01T14:30, 2h, 7d."


@remote
def list_placeholders(
    session: Session,
    since: Annotated[str, typer.Option(metavar="TIME", help=f"Only those {_SINCE}")] = "",
) -> None:
    """List the placeholders that calls created and that were not removed, oldest first."""
    from leadline_server.cli.output import print_json_array

    found = _created(session, since)
    if session.as_json:
        print_json_array(found)
        return
    if not found:
        session.say(f"Calls of account {session.account} created no placeholders{' since then' if since else ''}.")
        return
    _show(session, found)
    session.hint("To remove those that no one touched", "placeholders", "undo", "--since", since or "1h")


@remote
def undo(
    session: Session,
    since: Annotated[str, typer.Option(metavar="TIME", help=f"Those {_SINCE}")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")] = False,
) -> None:
    """Remove from the CRM the placeholders that calls created and that no one touched since.

    First it shows what it would remove, and asks. Those that were edited, have other activity, or of which the CRM
    cannot tell are listed and stay. The calls stay LOGGED, with the reason CONTACT_REMOVED.

    Ends with exit code 1 if one could not be removed although it was untouched.
    """
    found = _created(session, since)
    answers = [session.client.remove_placeholder(one.contact_id, validate_only=True) for one in found]
    removable = [one for one, answer in zip(found, answers, strict=True) if _state(answer) in ("UNTOUCHED", "GONE")]
    if not session.as_json:
        _show(session, found, answers)
        session.say(f"Placeholders: {len(found):,}. To be removed: {len(removable):,}.")
    if dry_run or not removable:
        if session.as_json:
            _print_json(found, answers, is_done=False)
        return
    if not yes and not typer.confirm(
        f"Remove {len(removable):,} contacts from the CRM of {session.account}?", err=True
    ):
        session.note("Nothing was removed.")
        raise typer.Exit(ExitCode.REFUSED)
    _remove(session, removable)


def _created(session: Session, since: str) -> "list[Placeholder]":
    from leadline_server.cli import values

    start = values.time("--since", since) if since else None
    return list(session.client.list_placeholders(start_time=start, page_size=_PAGE))


def _remove(session: Session, removable: "Sequence[Placeholder]") -> None:
    from leadline.errors import LeadlineError

    answers: list[RemovePlaceholderResponse] = []
    problems: list[str] = []
    for one in removable:
        try:
            answers.append(session.client.remove_placeholder(one.contact_id))
        except LeadlineError as error:
            problems.append(f"{one.contact_id}: {error}")
    removed = sum(_state(answer) in ("UNTOUCHED", "GONE") for answer in answers)
    kept = len(answers) - removed
    if session.as_json:
        _print_json(removable, answers, is_done=True)
    else:
        session.say(f"Removed: {removed:,}. Touched meanwhile: {kept:,}. Failed: {len(problems):,}.")
    for problem in problems:
        session.note(problem)
    if problems:
        raise typer.Exit(ExitCode.REFUSED)


def _state(answer: "RemovePlaceholderResponse") -> str:
    from leadline.v1.placeholder_service_pb2 import PlaceholderState

    return word(PlaceholderState, answer.state)


def _show(
    session: Session, found: "Sequence[Placeholder]", answers: "Sequence[RemovePlaceholderResponse]" = ()
) -> None:
    from leadline_server.cli.output import Column, table

    columns = [Column("Contact"), Column("Created"), Column("Number"), Column("Name", can_shrink=True)]
    rows = [_cells(one) for one in found]
    if answers:
        columns += [Column("State"), Column("", can_shrink=True)]
        rows = [(*row, _state(answer), answer.explanation) for row, answer in zip(rows, answers, strict=True)]
    if rows:
        table(session.console, columns, rows)


def _cells(one: "Placeholder") -> tuple[str, ...]:
    created = one.create_time.ToDatetime().isoformat(sep=" ", timespec="seconds")
    return one.contact_id, f"{created} UTC", one.phone_number, one.name


def _print_json(
    found: "Sequence[Placeholder]", answers: "Sequence[RemovePlaceholderResponse]", *, is_done: bool
) -> None:
    import json

    rows = [
        {"contact_id": one.contact_id, "state": _state(answer), "explanation": answer.explanation, "removed": is_done}
        for one, answer in zip(found, answers, strict=False)
    ]
    typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
