"""The command `leadline users match`: proposes users' ids in the CRM by their e-mail addresses."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.exit_codes import ExitCode
from leadline_server.cli.session import Session, remote
from leadline_server.cli.user_matching import MatchOutcome, UserMatch, matches

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.directory_pb2 import CrmUser

_MOST_CRM_USERS: Final = 100_000

_REMARKS: Final = {
    MatchOutcome.PROPOSED: "proposed",
    MatchOutcome.SET: "set already",
    MatchOutcome.DIFFERENT: "has another id, which stays",
    MatchOutcome.SEVERAL: "several in the CRM: choose one",
    MatchOutcome.NOT_ACTIVE: "not active in the CRM",
    MatchOutcome.NONE: "no such address in the CRM",
    MatchOutcome.NO_EMAIL: "no e-mail address here",
}


@remote
def match_users(
    session: Session,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Store the proposed ids in the directory.")] = False,
) -> None:
    """Propose users' ids in the CRM by their e-mail addresses. Without --apply nothing is changed.

    Only users who have no id yet get one, and only if exactly one active user of the CRM has their address.
    """
    crm_users = list(islice(session.client.list_crm_users(), _MOST_CRM_USERS + 1))
    if len(crm_users) > _MOST_CRM_USERS:
        raise typer.BadParameter(f"the CRM lists more than {_MOST_CRM_USERS:,} users")
    found = list(matches(session.client.list_users(page_size=1000), crm_users))
    proposed = [match for match in found if match.outcome is MatchOutcome.PROPOSED]
    refused = _apply(session, proposed) if apply else []
    if session.as_json:
        typer.echo(json.dumps([_document(match) for match in found], indent=2))
    else:
        _show(session, found, applied=len(proposed) - len(refused) if apply else None)
    for problem in refused:
        session.note(f"leadline: {problem}")
    if refused:
        raise typer.Exit(ExitCode.REFUSED)


def _apply(session: Session, proposed: Sequence[UserMatch]) -> list[str]:
    """Store the proposed ids, and return what could not be stored."""
    from leadline.errors import LeadlineError, Unavailable

    refused = list[str]()
    for match in proposed:
        try:
            # As the user is now: a write replaces all of it, and it may have changed meanwhile.
            user = session.client.get_user(match.user.user_id)
            if user.crm_user_id:
                refused.append(f"{user.user_id} got the id {user.crm_user_id} meanwhile, which stays")
                continue
            user.crm_user_id = match.crm_users[0].id
            session.client.upsert_user(user)
        except Unavailable:
            raise
        except LeadlineError as error:
            refused.append(f"{match.user.user_id}: {error}")
    return refused


def _show(session: Session, found: Sequence[UserMatch], *, applied: int | None) -> None:
    from leadline_server.cli.output import Column, count, table

    if not found:
        session.say(f"Account {session.account} has no users.")
        return
    columns = [
        Column("User"),
        Column("E-mail", can_shrink=True, drop_order=1),
        Column("In the CRM", can_shrink=True),
        Column("", can_shrink=True),
    ]
    table(session.console, columns, [_cells(match) for match in found])
    counts = Counter(match.outcome for match in found)
    proposed, done = counts[MatchOutcome.PROPOSED], counts[MatchOutcome.SET]
    left = len(found) - proposed - done
    if applied is not None:
        session.say(f"{count(applied, 'user')} changed. Set already: {done:,}. Left to you: {left:,}.")
        return
    session.say(f"Proposed: {proposed:,}. Set already: {done:,}. Left to you: {left:,}.")
    if proposed:
        session.hint("To store what is proposed", "users", "match", "--apply")
    if left:
        session.hint("To set one yourself", "users", "set", "USER", "--crm-user-id", "ID")


def _cells(match: UserMatch) -> tuple[str, ...]:
    user = match.user
    in_crm = "; ".join(_named(each) for each in match.crm_users) or user.crm_user_id
    remark = _REMARKS[match.outcome] + ("" if user.is_active else "; not active here")
    if match.outcome is MatchOutcome.DIFFERENT:
        remark = f"has {user.crm_user_id}, which stays"
    return (user.user_id, ", ".join(user.emails), in_crm, remark)


def _named(crm_user: "CrmUser") -> str:
    """A user of the CRM: the id first, since people copy it."""
    name = f" {crm_user.name}" if crm_user.name else ""
    return f"{crm_user.id}{name}" + ("" if crm_user.is_active else " (not active)")


def _document(match: UserMatch) -> dict[str, object]:
    from leadline_server.cli.output import document

    return {
        "user_id": match.user.user_id,
        "outcome": match.outcome.value,
        "crm_user_id": match.user.crm_user_id,
        "crm_users": [document(each) for each in match.crm_users],
    }
