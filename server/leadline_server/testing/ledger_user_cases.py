"""The obligations of ports.ledger.Users, as tests."""

from dataclasses import replace
from typing import Final

import pytest

from leadline_server.domain.account_errors import UserConflict
from leadline_server.domain.directory import User
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.ledger import Ledger
from leadline_server.testing.ledger_samples import ACCOUNT, OpenLedger

_JANE: Final = User(
    user_id="jane",
    name="Jane Roe",
    extensions=("101", "102"),
    phone_numbers=("+12025550101",),
    emails=("jane@example.com",),
    crm_user_id="005",
)


class UserCases:
    """The directory's users."""

    async def test_a_user_is_stored_and_replaced_as_a_whole(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        assert await ledger.users.get(ACCOUNT, "jane") is None
        await ledger.users.put(ACCOUNT, _JANE)
        assert await ledger.users.get(ACCOUNT, "jane") == _JANE
        changed = User(user_id="jane", extensions=("103",))
        await ledger.users.put(ACCOUNT, changed)
        assert await ledger.users.get(ACCOUNT, "jane") == changed
        assert (await ledger.users.index(ACCOUNT)).users == {"x:103": "jane"}

    async def test_the_index_has_every_key_and_the_crms_ids(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.users.put(ACCOUNT, _JANE)
        await ledger.users.put(ACCOUNT, User(user_id="bob", extensions=("200",), is_active=False))
        index = await ledger.users.index(ACCOUNT)
        assert index.users == dict.fromkeys(_JANE.keys, "jane") | {"x:200": "bob"}
        assert index.inactive == frozenset({"bob"})
        assert index.crm_user_ids == {"jane": "005"}

    async def test_a_key_belongs_to_one_user_of_an_account(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.accounts.create("other", AccountSettings())
        await ledger.users.put(ACCOUNT, _JANE)
        with pytest.raises(UserConflict) as refused:
            await ledger.users.put(ACCOUNT, User(user_id="bob", extensions=("102",)))
        assert refused.value.metadata == {"user_ids": "jane"}
        assert await ledger.users.get(ACCOUNT, "bob") is None
        await ledger.users.put("other", User(user_id="bob", extensions=("102",)))

    async def test_users_are_listed_by_id_in_pages(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        for user_id in ("c", "a", "b"):
            await ledger.users.put(ACCOUNT, User(user_id=user_id))
        first = await ledger.users.list(ACCOUNT, "", 2)
        assert [user.user_id for user in first] == ["a", "b"]
        assert [user.user_id for user in await ledger.users.list(ACCOUNT, "b", 2)] == ["c"]

    async def test_a_deleted_user_and_their_keys_are_gone(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.users.put(ACCOUNT, _JANE)
        assert await ledger.users.delete(ACCOUNT, "jane")
        assert not await ledger.users.delete(ACCOUNT, "jane")
        assert (await ledger.users.index(ACCOUNT)).users == {}
        await ledger.users.put(ACCOUNT, replace(_JANE, user_id="bob"))

    async def test_another_process_sees_a_change_at_once(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as one, open_ledger() as other:
            await one.accounts.create(ACCOUNT, AccountSettings())
            assert (await other.users.index(ACCOUNT)).users == {}
            await one.users.put(ACCOUNT, _JANE)
            assert "x:101" in (await other.users.index(ACCOUNT)).users
