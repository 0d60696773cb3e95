"""A hostile tenant: every RPC with ids and tokens of another account, against ids that do not exist and forged tokens.

Both must have the same answer but for the asked id, run the same SQL statements, and call the same functions. Else the
difference, or its time, would tell what another account has.
"""

import sqlite3
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.connections import OPTIONS
from fakes.hubspot import FakeHubSpot
from fakes.serving import fake_server
from leadline_server.domain.access.principals import Role
from support.access import ALICE, BOB, MISSING, OTHER, OWN, guarded
from transport.tenants import PLATFORM, Tenants, forged, furnish, pairs


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL statements of all connections that are opened from now on."""
    ran: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **named)
        connection.set_trace_callback(ran.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return ran


@pytest.fixture
async def tenants(tmp_path: Path, statements: list[str]) -> AsyncIterator[Tenants]:
    async with guarded(tmp_path / "data") as served:
        keys = {account_id: await served.key(Role.ACCOUNT_ADMIN, account_id) for account_id in (OWN, OTHER)}
        keys[ALICE] = await served.key(Role.USER, OWN)
        keys[PLATFORM] = await served.key(Role.PLATFORM)
        both = Tenants(served, statements, keys)
        for account_id in (OWN, OTHER):
            await furnish(both, account_id)
        yield both


OF_NO_ACCOUNT: Final[Mapping[str, Collection[str]]] = {
    "CheckConnection": (),
    "CreateAccount": ("title", "default_region", "time_zone"),
    "DeleteAccount": (),
    "DisableAccount": ("enable",),
    "ExportAccount": (),
    "GetAccount": (),
    "GetAccountSettings": (),
    "GetConnection": (),
    "OpenReplay": ("placeholder_limit",),
    "SetConnection": ("adapter", "options", "secrets"),
    "UpdateAccount": ("title",),
}
"""RPCs whose requests name nothing that an account has but the account itself, and their other fields.

Those are texts, numbers and flags of the caller. A connection's options name an adapter, hosts and definitions, which
belong to the server and not to an account. So there is no id and no token of another account to put there.
"""

CRM_USERS: Final = frozenset({"ListCrmUsers"})
"""Its page tokens need a CRM with users: `test_a_page_of_the_other_accounts_crm_users_is_as_a_forged_one`."""


async def test_every_rpc_is_attacked(tenants: Tenants) -> None:
    assert set(tenants.rpcs) == OF_NO_ACCOUNT.keys() | CRM_USERS | pairs(tenants).keys()
    assert not OF_NO_ACCOUNT.keys() & pairs(tenants).keys()


async def test_requests_that_name_the_account_alone_have_no_further_field(tenants: Tenants) -> None:
    """A new field fails here. If it can name what an account has, its RPC belongs into `pairs`."""
    for rpc, others in OF_NO_ACCOUNT.items():
        assert set(tenants.fields_of(rpc)) == {"account_id", *others}, rpc


async def test_the_other_account_is_as_one_that_does_not_exist(tenants: Tenants) -> None:
    asked = pairs(tenants)
    for rpc in tenants.rpcs:
        for fields in [pair.theirs for pair in asked.get(rpc, [])] or [{}]:
            await tenants.compare(rpc, (OTHER, fields), (MISSING, fields))


async def test_what_the_other_account_has_is_as_what_nobody_has(tenants: Tenants) -> None:
    for rpc, asked in pairs(tenants).items():
        for pair in asked:
            await tenants.compare(rpc, (OWN, pair.theirs), (OWN, pair.nobodys))


async def test_a_page_of_the_other_accounts_crm_users_is_as_a_forged_one(tmp_path: Path, statements: list[str]) -> None:
    fake = FakeHubSpot(contact_properties=["leadline_placeholder"], unique_call_properties=["leadline_call_id"])
    fake.add_owner("Ada Lovelace", "ada@example.com", is_active=True)
    async with (
        fake_server(fake) as crm,
        guarded(tmp_path / "data", connection={"adapter": "hubspot", **OPTIONS["hubspot"](crm.url)}) as served,
    ):
        keys = {account_id: await served.key(Role.ACCOUNT_ADMIN, account_id) for account_id in (OWN, OTHER)}
        both = Tenants(served, statements, keys)
        tokens = {}
        for account_id in (OWN, OTHER):
            status, page = await both.ask("ListCrmUsers", {}, account_id, key=account_id)
            tokens[account_id] = page.next_page_token
            assert status == "OK"
            assert tokens[account_id]
        assert (await both.ask("ListCrmUsers", {"page_token": tokens[OWN]}))[0] == "OK"
        theirs, nobodys = {"page_token": tokens[OTHER]}, {"page_token": forged(tokens[OTHER])}
        await both.compare("ListCrmUsers", (OWN, theirs), (OWN, nobodys))
        assert (await both.ask("ListCrmUsers", theirs))[0].startswith("INVALID_ARGUMENT")
        await both.compare("ListCrmUsers", (OTHER, theirs), (MISSING, theirs))


async def test_the_call_of_another_user_is_answered_as_one_that_does_not_exist(tenants: Tenants) -> None:
    """Users of one account get the same answer. The work is not the same: they share a directory anyway."""
    for rpc in ("GetCallLog", "RetryCallLog"):
        seen = [
            await tenants.seen(rpc, {"call_id": call_id}, OWN, {call_id: "<call_id>"}, ALICE)
            for call_id in (f"call-{OWN}", "call-none")
        ]
        assert seen[0].answer == seen[1].answer


async def test_a_difference_is_noticed(tenants: Tenants) -> None:
    """The comparison itself: an id of the own account differs from one that does not exist."""
    for rpc, own, nobodys in (
        ("GetCallLog", {"call_id": f"call-{OWN}"}, {"call_id": "call-none"}),
        ("ListCallLogs", {"user_id": BOB}, {"user_id": "nob"}),
    ):
        with pytest.raises(AssertionError):
            await tenants.compare(rpc, (OWN, own), (OWN, nobodys))
