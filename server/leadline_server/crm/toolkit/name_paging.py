"""Pages of a search by name, for CRMs that do not order as the port asks: all hits are read, and put in order here."""

from collections.abc import Iterable
from typing import Final

import msgspec

from leadline_server.domain.contact import Contact
from leadline_server.ports.crm import ContactPage

_cursor: Final = msgspec.json.Decoder(tuple[str, str])


def page_of(found: Iterable[Contact], name: str, limit: int, cursor: str) -> ContactPage:
    """Of contacts that were found loosely, the page with `name` in their names that begins behind `cursor`.

    A cursor is the last contact's place, so that contacts that come and go meanwhile shift nothing.
    """
    wanted = name.casefold()
    hits = sorted((contact for contact in found if wanted in contact.name.casefold()), key=_place)
    if cursor:
        last = _cursor.decode(cursor)
        hits = [contact for contact in hits if _place(contact) > last]
    page = hits[:limit]
    following = msgspec.json.encode(_place(page[-1])).decode() if len(hits) > limit else ""
    return ContactPage(tuple(page), following)


def _place(contact: Contact) -> tuple[str, str]:
    return contact.name, contact.id
