"""The obligations of ListsUsers, as tests. An adapter that does not declare `list_users` skips them."""

import pytest

from leadline_server.domain.crm_errors import CrmInvalidCursor
from leadline_server.domain.directory import CrmUser
from leadline_server.ports.crm import ListsUsers
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.testing.crm_harness import CrmUnderTest, a_name, if_possible

_MOST_PAGES = 1_000


class CrmUserCases:
    """Listing the CRM's users. Subclasses provide the fixture `crm`."""

    async def test_list_users_is_declared_if_it_is_implemented(self, crm: CrmUnderTest) -> None:
        if CrmMethod.LIST_USERS in crm.adapter.capabilities.methods:
            assert isinstance(crm.adapter, ListsUsers)

    @pytest.mark.parametrize("is_active", [True, False], ids=["active", "not active"])
    async def test_a_user_is_listed(self, crm: CrmUnderTest, is_active: bool) -> None:  # noqa: FBT001 - a parameter
        listing, name = crm.listing_users(), a_name()
        email = f"{name.split()[-1]}@example.com"
        user_id = await if_possible(crm.other_hands().add_user(name, email, is_active=is_active))
        [listed] = [user for user in await everyone(listing) if user.id == user_id]
        assert (listed.name, listed.email.casefold(), listed.is_active) == (name, email, is_active)

    async def test_pages_have_every_user_once(self, crm: CrmUnderTest) -> None:
        listing = crm.listing_users()
        for number in range(3):
            await if_possible(crm.other_hands().add_user(a_name(), f"u{number}@example.com", is_active=True))
        ids = [user.id for user in await everyone(listing)]
        assert len(ids) == len(set(ids)) >= 3
        assert all(ids)

    @pytest.mark.parametrize("cursor", ["a cursor of another CRM", "[1]", "-1", "[]", "{", "\u00e9", "' OR '1'='1"])
    async def test_a_cursor_of_users_that_the_adapter_did_not_make_is_refused(
        self, crm: CrmUnderTest, cursor: str
    ) -> None:
        listing = crm.listing_users()
        with pytest.raises(CrmInvalidCursor):
            await listing.list_users(cursor)


async def everyone(listing: ListsUsers) -> list[CrmUser]:
    """The users of all pages."""
    users, cursor = list[CrmUser](), ""
    for _ in range(_MOST_PAGES):
        page = await listing.list_users(cursor)
        users += page.users
        cursor = page.next_cursor
        if not cursor:
            return users
    raise AssertionError("The pages do not end.")
