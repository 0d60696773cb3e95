"""A number that no one held since it was looked up is not looked up again, if the CRM's index lags anyway."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from leadline_server.contacts.claim_row import RECENT
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.preferences import UnknownContactAction
from support.apps import ACCOUNT, STRANGER
from support.claims import THIRD, Servers, acquired, asked_again, freed, pass_time, two_servers
from support.lagging_crm import LaggingCrm
from support.ledgers import each_ledger

pytestmark = each_ledger


def after_the_first_lookup(servers: Servers, do: Callable[[], Awaitable[object]]) -> None:
    """Let something happen once, when the second server has looked the number up for the first time."""
    crm = servers.crms[1]

    async def once(operation: str) -> None:
        if operation == "find_contacts":
            crm.come_back()
            await do()

    crm.after = once


async def test_a_placeholder_takes_one_lookup_if_the_index_lags_and_two_if_it_does_not(
    apart: Servers, tmp_path: Path
) -> None:
    assert (await apart.second.log("call-1")).reason is CallLogReason.PLACEHOLDER_CREATED
    assert apart.crms[1].calls["find_contacts"] == 1
    async with two_servers(tmp_path / "no lag") as servers:
        assert (await servers.second.log("call-1")).reason is CallLogReason.PLACEHOLDER_CREATED
        assert servers.crms[1].calls["find_contacts"] == 2


async def test_a_contact_that_another_server_made_after_the_lookup_is_used(apart: Servers) -> None:
    after_the_first_lookup(apart, lambda: apart.first.log("call-1"))
    assert (await apart.second.log("call-2")).reason is CallLogReason.PLACEHOLDER_REUSED
    assert sum(crm.calls["create_contact"] for crm in apart.crms) == 1


async def test_a_creation_of_unknown_end_after_the_lookup_is_waited_for(
    apart: Servers, lagging: LaggingCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies() -> None:
        work = apart.first.create("Grace Hopper", STRANGER)
        await apart.kill_first(await apart.asks("create_contact", work=work, answered=True), monkeypatch)
        pass_time(timedelta(seconds=11), apart.second)

    after_the_first_lookup(apart, dies)
    assert (await apart.second.log("call-1")).state is CallLogState.PENDING
    assert len(lagging.contacts) == 1


async def test_a_number_that_another_server_held_is_looked_up_again(apart: Servers) -> None:
    after_the_first_lookup(apart, lambda: acquired(apart.first))
    call = asyncio.create_task(apart.second.log("call-1"))
    await asked_again(apart.second, times=2)
    await apart.first.app.ledger.claims.release(ACCOUNT, STRANGER, THIRD, None)
    assert (await call).reason is CallLogReason.PLACEHOLDER_CREATED
    assert apart.crms[1].calls["find_contacts"] == 2


async def test_a_lookup_that_took_long_is_repeated(apart: Servers) -> None:
    async def take_long() -> None:
        pass_time(RECENT + timedelta(seconds=1), apart.second)

    after_the_first_lookup(apart, take_long)
    assert (await apart.second.log("call-1")).reason is CallLogReason.PLACEHOLDER_CREATED
    assert apart.crms[1].calls["find_contacts"] == 2


async def test_preferences_that_change_after_the_decision_count(apart: Servers) -> None:
    claims = apart.second.app.ledger.claims
    acquire = claims.acquire

    async def changed(*arguments: Any) -> Any:
        await apart.second.prefer(unknown_contact_action=UnknownContactAction.DO_NOTHING)
        return await acquire(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "acquire", changed)
        log = await apart.second.log("call-1")
    assert log.state is CallLogState.UNLOGGED
    assert apart.crms[1].calls["create_contact"] == 0
    await freed(apart.first)
