"""Contacts as tables for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.contact_pb2 import Contact, ContactMatch
    from rich.console import Console

CSV_HEADER: Final = ("Id", "Name", "Phone", "Type", "Company", "Title", "E-mail")
"""The columns of a CSV file of contacts, by names that `contacts import` knows."""


def show_contacts(console: "Console", contacts: "Sequence[Contact]") -> None:
    """Print a table with a row for each contact."""
    from leadline_server.cli.output import Column, table

    columns = [
        Column("Id"),
        Column("Name", can_shrink=True),
        Column("Numbers", can_shrink=True),
        Column("Type", drop_order=1),
        Column("Company", can_shrink=True, drop_order=2),
        Column("E-mail", can_shrink=True, drop_order=3),
        Column("Last activity", drop_order=4),
    ]
    table(console, columns, [_contact_cells(contact) for contact in contacts])


def _contact_cells(contact: "Contact") -> Sequence[str]:
    from leadline_server.cli.output import short_time

    return (
        contact.id,
        _name(contact),
        ", ".join(contact.phone_numbers),
        contact.type,
        contact.company,
        contact.email,
        short_time(contact.last_activity_time),
    )


def csv_row(contact: "Contact") -> Sequence[str]:
    """The cells of a contact below CSV_HEADER."""
    from leadline_server.cli.csv_output import SEPARATOR

    numbers = SEPARATOR.join(contact.phone_numbers)
    return (contact.id, contact.name, numbers, contact.type, contact.company, contact.title, contact.email)


def show_matches(console: "Console", matches: "Sequence[ContactMatch]") -> None:
    """Print a table with a row for each match of a lookup."""
    from leadline_server.cli.output import Column, table

    columns = [
        Column("Number"),
        Column("Match", drop_order=1),
        Column("Id"),
        Column("Name", can_shrink=True),
        Column("Type", drop_order=2),
        Column("Company", can_shrink=True, drop_order=3),
    ]
    table(console, columns, [_match_cells(match) for match in matches])


def _match_cells(match: "ContactMatch") -> Sequence[str]:
    from leadline.v1.contact_pb2 import MatchKind

    from leadline_server.cli.choices import word

    contact = match.contact
    return (
        match.phone_number,
        word(MatchKind, match.kind),
        contact.id,
        _name(contact),
        contact.type,
        contact.company,
    )


def _name(contact: "Contact") -> str:
    return f"{contact.name} (placeholder)" if contact.is_placeholder else contact.name
