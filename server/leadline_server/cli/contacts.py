"""The commands `leadline contacts find`, `search` and `create`."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.csv_output import AsCsv, print_csv
from leadline_server.cli.session import Session, User, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.contact_pb2 import Contact

_MOST_SHOWN: Final = 20  # unlogged calls that `create` lists


@remote
def find(
    session: Session,
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER", help="Phone numbers in any spelling.")],
    user: User = "",
    skip_cache: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--skip-cache", help="Ask the CRM, even if leadline remembers an answer.")
    ] = False,
) -> None:
    """Find the contacts of phone numbers. Writes nothing."""
    from leadline_server.cli.contact_tables import show_matches
    from leadline_server.cli.output import print_json

    answer = session.client.using(user=user).find_contact(*numbers, skip_cache=skip_cache)
    if session.as_json:
        print_json(answer)
        return
    if answer.matches:
        show_matches(session.console, answer.matches)
    found = {match.phone_number for match in answer.matches}
    for number in dict.fromkeys(numbers):
        if number not in found:
            session.say(f"No contact has {number}.")
            session.hint("To create one", "contacts", "create", "NAME", number)


@remote
def search(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, or a part of one.")],
    user: User = "",
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="The most contacts to show; 0 for all.")] = 50,
    *,
    as_csv: AsCsv = False,
) -> None:
    """Search contacts by name."""
    from leadline_server.cli.contact_tables import CSV_HEADER, csv_row, show_contacts
    from leadline_server.cli.output import count, print_json_array

    page_size = min(limit + 1, 200) if limit else 200
    found = session.limited(session.client.using(user=user).search_contacts(name, page_size=page_size), limit)
    if session.as_json:
        print_json_array(found)
        return
    if as_csv:
        print_csv(CSV_HEADER, map(csv_row, found))
        return
    contacts = list(found)
    if not contacts:
        session.say(f"No contact's name contains {name!r}.")
        session.hint("To create one", "contacts", "create", name, "NUMBER")
        return
    show_contacts(session.console, contacts)
    session.say(f"{count(len(contacts), 'contact')}.")


@remote
def create(
    session: Session,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help='The contact\'s name. An empty name ("") becomes the placeholder name.'),
    ],
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The phone number.")],
    contact_type: Annotated[
        str, typer.Option("--type", metavar="WORD", help="The type of contact, in the CRM's own word.")
    ] = "",
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="The e-mail address.")] = "",
    company: Annotated[str, typer.Option(metavar="NAME", help="The company's name.")] = "",
    allow_duplicate: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--allow-duplicate", help="Create it even if the number has a contact.")
    ] = False,
    user: User = "",
) -> None:
    """Create a contact, and list the unlogged calls of its number."""
    from leadline_server.cli.output import print_json

    contact = session.client.using(user=user).create_contact(
        name, number, contact_type=contact_type, email=email, company=company, allow_duplicate=allow_duplicate
    )
    if session.as_json:
        print_json(contact)
        return
    session.say(f"Created {contact.name} [{contact.id}].", "green")
    _show_unlogged(session, number, contact)


def _show_unlogged(session: Session, number: str, contact: "Contact") -> None:
    """List the unlogged calls of a new contact's number, with the command that logs each."""
    from leadline import LeadlineError

    from leadline_server.cli.call_tables import show_call_logs
    from leadline_server.cli.output import count

    wanted = session.client.list_call_logs(phone_number=number, states=["UNLOGGED"], page_size=_MOST_SHOWN + 1)
    try:
        logs = list(islice(wanted, _MOST_SHOWN + 1))
    except LeadlineError as error:  # the contact was created, so the command succeeds
        session.note(f"The unlogged calls of this number cannot be listed: {error.message}")
        return
    if not logs:
        session.say("This number has no unlogged calls.")
        return
    shown = logs[:_MOST_SHOWN]
    at_least = "At least " if len(logs) > len(shown) else ""
    session.say(f"{at_least}{count(len(shown), 'call')} of this number {'is' if len(logs) == 1 else 'are'} unlogged:")
    show_call_logs(session.console, shown)
    session.say("To log them:" if len(shown) > 1 else "To log it:", "dim")
    for log in shown:
        session.say("  " + session.command("calls", "log", "--id", log.call.id, "--contact", contact.id))
