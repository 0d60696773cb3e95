"""Pages of a search by name, for CRMs that find loosely or in another order than the port's.

All hits are read, filtered and sorted here. A cursor is the last contact of a page, such as `["Ada Lovelace","17"]`. So
contacts that appear or disappear between two pages shift nothing.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmInvalidCursor
from leadline_server.ports.crm import ContactPage

T = TypeVar("T")


def page_of(found: Iterable[Contact], name: str, limit: int, cursor: str) -> ContactPage:
    """The page after `cursor` of the contacts whose name contains `name`, by name, then id.

    Raises:
        CrmInvalidCursor: the cursor is not one of `write_cursor`.
    """
    wanted = name.casefold()
    hits = sorted((contact for contact in found if wanted in contact.name.casefold()), key=_position)
    if cursor:
        last = read_cursor(cursor, tuple[str, str])
        hits = [contact for contact in hits if _position(contact) > last]
    page = hits[:limit]
    return ContactPage(tuple(page), write_cursor(_position(page[-1])) if len(hits) > limit else "")


def write_cursor(position: Any) -> str:
    """A position in a list of contacts as a cursor: JSON."""
    return msgspec.json.encode(position).decode()


def read_cursor(cursor: str, kind: type[T]) -> T:
    """The position in a cursor.

    Raises:
        CrmInvalidCursor: it holds no position of this kind; perhaps the account has moved to another CRM.
    """
    try:
        return msgspec.json.decode(cursor, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise CrmInvalidCursor("The search cannot continue from here. Start again.") from error


def _position(contact: Contact) -> tuple[str, str]:
    return contact.name, contact.id
