"""Searching by name, for CRMs that answer loosely and in an order of their own: what fits, in order, page by page."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable

from leadline_server.domain.contact import Contact
from leadline_server.domain.errors import CrmRejected
from leadline_server.ports.crm import ContactPage


def longest_word(query: str) -> str:
    """The longest word of what is searched for: whatever has all of it has this."""
    return max(query.split(), key=len, default=query)


def page_of(found: Iterable[Contact], query: str, limit: int, cursor: str) -> ContactPage:
    """The page after a cursor, of the contacts that have `query` in their name, by name and id.

    Raises:
        CrmRejected: the cursor is none of ours.
    """
    wanted, after = query.casefold(), _read(cursor)
    fitting = [contact for contact in found if wanted in contact.name.casefold()]
    following = sorted((contact for contact in fitting if _place(contact) > after), key=_place)
    page = tuple(following[:limit])
    return ContactPage(page, _written(_place(page[-1])) if page and len(following) > limit else "")


def _place(contact: Contact) -> tuple[str, str]:
    return contact.name, contact.id


def _written(place: tuple[str, str]) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read(cursor: str) -> tuple[str, str]:
    if not cursor:
        return "", ""
    try:
        name, contact_id = json.loads(urlsafe_b64decode(cursor.encode()))
    except ValueError as error:
        raise CrmRejected("The search cannot go on from here; begin anew.") from error
    return str(name), str(contact_id)
