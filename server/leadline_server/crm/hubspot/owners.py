"""HubSpot's owners: the users who can own records ("CRM API | Owners")."""

from collections.abc import Mapping
from typing import Final

import msgspec

from leadline_server.crm.hubspot.wire import Continuation, joined_name
from leadline_server.crm.toolkit.name_paging import read_cursor, write_cursor
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.directory import CrmUser
from leadline_server.ports.crm import CrmUserPage

OWNERS_A_PAGE: Final = 500
"""The most owners of one answer, by HubSpot's documentation."""


class Owner(WireRecord, frozen=True, rename="camel"):
    """An owner. `id` owns records; `userId`, which HubSpot also shows, is another number."""

    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    archived: bool = False


class OwnerPage(WireRecord, frozen=True):
    """A page of owners."""

    results: tuple[Owner, ...]
    paging: Continuation | None = None


an_owner_page: Final = msgspec.json.Decoder(OwnerPage)


def owner_params(cursor: str) -> Mapping[str, str]:
    """The query for a page. HubSpot lists active and archived owners apart. Raises CrmInvalidCursor."""
    archived, after = _position(cursor)
    params = {"limit": str(OWNERS_A_PAGE), "archived": "true" if archived else "false"}
    return params | ({"after": after} if after else {})


def user_page(page: OwnerPage, cursor: str) -> CrmUserPage:
    """The owners that followed `cursor`, as users."""
    archived, _ = _position(cursor)
    after = page.paging.next.after if page.paging and page.paging.next else ""
    users = tuple(
        CrmUser(
            id=owner.id,
            name=joined_name(owner.first_name, owner.last_name),
            email=owner.email or "",
            is_active=not (archived or owner.archived),
        )
        for owner in page.results
    )
    if after:
        return CrmUserPage(users, write_cursor((archived, after)))
    return CrmUserPage(users, "" if archived else write_cursor((True, "")))


def _position(cursor: str) -> tuple[bool, str]:
    """Whether the page has archived owners, and HubSpot's own position in their list."""
    return read_cursor(cursor, tuple[bool, str]) if cursor else (False, "")
