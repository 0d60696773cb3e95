"""The contacts that a lookup may show, of those in the CRM: its index lags, and leadline remembers what it made."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from faults.model.crm import Made
from faults.model.decision import Person


def hidden_at(time: datetime, shown: Mapping[str, datetime]) -> set[str]:
    """The contacts that the index does not show yet at a time.

    Args:
        time: the time.
        shown: from when it shows each contact that leadline made.
    """
    return {contact_id for contact_id, since in shown.items() if since > time}


def indexed(people: Sequence[Person], made: Mapping[str, Made], hidden: Collection[str]) -> list[Person]:
    """The contacts, each hidden one with the one number by which leadline knows it.

    Of the contacts that it makes for one number leadline remembers the latest, until the index shows them all.
    """
    alive = {person.id for person in people}.intersection(hidden)
    latest = {about.number_key: each for each, about in made.items() if each in alive}
    return [
        person._replace(known_by=key if latest[key] == person.id else "")
        if person.id in alive and (key := made[person.id].number_key)
        else person
        for person in people
    ]


def possible_crowds(people: Sequence[Person], made: Mapping[str, Made], hidden: Collection[str]) -> list[list[Person]]:
    """The contacts with those that leadline remembers, and without: it may not know yet that it made them."""
    shown = [person for person in people if person.id not in hidden]
    return [indexed(people, made, hidden), shown] if len(shown) < len(people) else [list(people)]
