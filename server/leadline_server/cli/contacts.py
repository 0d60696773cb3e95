"""`leadline contacts find`, `search` and `create`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.session import Session, User, remote

if TYPE_CHECKING:  # what these bring along would slow the start of every command
    from leadline.v1.call_log_pb2 import CallLog
    from leadline.v1.contact_pb2 import Contact, ContactMatch

_MOST_SHOWN: Final = 20  # unlogged calls after a contact was created


@remote
def find(
    session: Session,
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER", help="Phone numbers, written in any way.")],
    user: User = "",
    skip_cache: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--skip-cache", help="Ask the CRM, whatever leadline remembers.")
    ] = False,
) -> None:
    """Who has these phone numbers? Writes nothing."""
    from leadline_server.cli.output import print_json

    answer = session.client.using(user=user).find_contact(*numbers, skip_cache=skip_cache)
    if session.as_json:
        print_json(answer)
        return
    if answer.matches:
        _show_matches(session, answer.matches)
    found = {match.phone_number for match in answer.matches}
    for number in dict.fromkeys(numbers):
        if number not in found:
            session.say(f"No contact has {number}.")
            session.hint("If you know who it is", "contacts", "create", "NAME", number)


@remote
def search(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, or part of it.")],
    user: User = "",
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="How many at most; 0 for all.")] = 50,
) -> None:
    """Contacts by name."""
    from leadline_server.cli.output import count, print_json_array, taken

    page_size = min(limit + 1, 200) if limit else 200
    found = taken(session, session.client.using(user=user).search_contacts(name, page_size=page_size), limit)
    if session.as_json:
        print_json_array(found)
        return
    contacts = list(found)
    if not contacts:
        session.say(f"No contact's name has {name!r} in it.")
        session.hint("Create one", "contacts", "create", name, "NUMBER")
        return
    show_contacts(session, contacts)
    session.say(f"{count(len(contacts), 'contact')}.")


@remote
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The contact's name; empty takes the placeholder name.")],
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The phone number.")],
    contact_type: Annotated[
        str, typer.Option("--type", metavar="WORD", help="Kind of record, in the CRM's own word.")
    ] = "",
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="E-mail address.")] = "",
    company: Annotated[str, typer.Option(metavar="NAME", help="Name of the company.")] = "",
    allow_duplicate: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--allow-duplicate", help="Create it even if the number has a contact.")
    ] = False,
    user: User = "",
) -> None:
    """Create a contact, and show the calls of its number that can now be logged."""
    from leadline_server.cli.output import print_json

    contact = session.client.using(user=user).create_contact(
        name, number, contact_type=contact_type, email=email, company=company, allow_duplicate=allow_duplicate
    )
    if session.as_json:
        print_json(contact)
        return
    session.say(f"Created {contact.name} [{contact.id}].", "green")
    _show_unlogged(session, number, contact)


def show_contacts(session: Session, contacts: "Sequence[Contact]") -> None:
    """Print contacts, a row each."""
    from leadline_server.cli.output import Column, short_time, table

    columns = [
        Column("Id"),
        Column("Name", can_shrink=True),
        Column("Numbers", can_shrink=True),
        Column("Type", goes=1),
        Column("Company", can_shrink=True, goes=2),
        Column("E-mail", can_shrink=True, goes=3),
        Column("Last activity", goes=4),
    ]
    table(
        session.console,
        columns,
        [
            (
                contact.id,
                _name(contact),
                ", ".join(contact.phone_numbers),
                contact.type,
                contact.company,
                contact.email,
                short_time(contact.last_activity_time),
            )
            for contact in contacts
        ],
    )


def _show_matches(session: Session, matches: "Sequence[ContactMatch]") -> None:
    from leadline.v1.contact_pb2 import MatchKind

    from leadline_server.cli.choices import word
    from leadline_server.cli.output import Column, table

    columns = [
        Column("Number"),
        Column("Match", goes=1),
        Column("Id"),
        Column("Name", can_shrink=True),
        Column("Type", goes=2),
        Column("Company", can_shrink=True, goes=3),
    ]
    table(
        session.console,
        columns,
        [
            (
                match.phone_number,
                word(MatchKind, match.kind),
                match.contact.id,
                _name(match.contact),
                match.contact.type,
                match.contact.company,
            )
            for match in matches
        ],
    )


def _name(contact: "Contact") -> str:
    return f"{contact.name} (placeholder)" if contact.is_placeholder else contact.name


def _show_unlogged(session: Session, number: str, contact: "Contact") -> None:
    """The calls of a new contact's number that wait for a person, and how they are logged."""
    from itertools import islice

    from leadline import LeadlineError

    from leadline_server.cli.call_tables import show_call_logs
    from leadline_server.cli.output import count

    wanted = session.client.list_call_logs(phone_number=number, states=["UNLOGGED"], page_size=_MOST_SHOWN + 1)
    try:
        logs: list[CallLog] = list(islice(wanted, _MOST_SHOWN + 1))
    except LeadlineError as error:  # the contact is there, whatever comes of this question
        session.note(f"Whether calls of this number wait to be logged cannot be told: {error.message}")
        return
    if not logs:
        session.say("No call of this number waits to be logged.")
        return
    shown = logs[:_MOST_SHOWN]
    more = " at least" if len(logs) > len(shown) else ""
    session.say(f"{count(len(shown), 'call')}{more} of this number {'is' if len(logs) == 1 else 'are'} unlogged:")
    show_call_logs(session, shown)
    session.say("To log them:" if len(shown) > 1 else "To log it:", "dim")
    for log in shown:
        session.say("  " + session.command("calls", "log", "--id", log.call.id, "--contact", contact.id))
