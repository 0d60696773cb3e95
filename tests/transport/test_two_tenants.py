"""A hostile tenant: every RPC with ids and tokens of another account, against ids that do not exist and forged tokens.

Both must have the same answer but for the asked id, run the same SQL statements, and call the same functions. Else the
difference, or its time, would tell what another account has.
"""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from leadline_server.domain.access.principals import Role
from support.access import ALICE, BOB, MISSING, OTHER, OWN, guarded
from transport.tenants import Tenants, furnish, pairs


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
        both = Tenants(served, statements, keys)
        for account_id in (OWN, OTHER):
            await furnish(both, account_id)
        yield both


ACCOUNT_ALONE: Final = {
    "CheckConnection",
    "CreateAccount",
    "DeleteAccount",
    "DenyTokens",
    "DisableAccount",
    "ExportAccount",
    "GetAccount",
    "GetAccountSettings",
    "GetConnection",
    "ListAccounts",
    "ListCrmUsers",
    "OpenReplay",
    "SetConnection",
    "UpdateAccount",
    "UpdateAccountSettings",
}
"""RPCs whose requests name nothing of an account but the account itself."""


async def test_every_rpc_is_attacked(tenants: Tenants) -> None:
    assert set(tenants.rpcs) == ACCOUNT_ALONE | pairs(tenants).keys()


async def test_the_other_account_is_as_one_that_does_not_exist(tenants: Tenants) -> None:
    asked = pairs(tenants)
    for rpc in tenants.rpcs:
        for fields in [pair.theirs for pair in asked.get(rpc, [])] or [{}]:
            await tenants.compare(rpc, (OTHER, fields), (MISSING, fields))


async def test_what_the_other_account_has_is_as_what_nobody_has(tenants: Tenants) -> None:
    for rpc, asked in pairs(tenants).items():
        for pair in asked:
            await tenants.compare(rpc, (OWN, pair.theirs), (OWN, pair.nobodys))


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
