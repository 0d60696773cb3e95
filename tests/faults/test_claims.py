"""Two servers share a ledger, a CRM and a stranger; one dies, or an answer is lost: one contact all the same."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from leadline_server.concurrency.lease import LEASE
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmError, CrmRateLimited, CrmRejected, CrmUnavailable
from leadline_server.domain.errors import ContactAlreadyExists
from leadline_server.ports.ledger import Claimed
from leadline_server.storage.sqlite import SqliteDatabase
from support.apps import ACCOUNT, STRANGER
from support.claims import (
    THIRD,
    THIRDS_KEY,
    Servers,
    acquired,
    asked_again,
    cancelled,
    counting_claims,
    found,
    freed,
    held,
    pass_time,
    two_servers,
)
from support.lagging_crm import LaggingCrm
from support.ledgers import each_ledger, in_files_only, in_rounds

pytestmark = each_ledger

CALLERS = 64
ROUNDS, SHORT_ROUNDS = 20, 3


async def call_both(servers: Servers) -> list[Any]:
    both = (servers.first, servers.second)
    return await asyncio.gather(*(both[i % 2].log(f"call-{i}") for i in range(CALLERS)))


@in_rounds(ROUNDS, SHORT_ROUNDS)
async def test_64_callers_of_one_stranger_over_two_servers_make_one_contact_20_times_in_a_row(
    tmp_path: Path, rounds: int
) -> None:
    for number in range(rounds):
        async with two_servers(tmp_path / str(number)) as servers:
            logs = await call_both(servers)
            assert {log.state for log in logs} == {CallLogState.LOGGED}
            assert len({log.contact.id for log in logs}) == 1
            assert [log.reason for log in logs].count(CallLogReason.PLACEHOLDER_CREATED) == 1
            assert sum(crm.calls["create_contact"] for crm in servers.crms) == 1
            assert len(await servers.second.find(STRANGER)) == 1


async def test_callers_within_the_lag_of_a_crm_without_unique_keys_share_one_contact(
    apart: Servers, lagging: LaggingCrm
) -> None:
    logs = await call_both(apart)
    assert {log.state for log in logs} == {CallLogState.LOGGED}
    assert len(lagging.contacts) == 1
    assert len(lagging.logs) == CALLERS
    assert (await apart.second.log("one more")).reason is CallLogReason.PLACEHOLDER_REUSED


@pytest.mark.parametrize("answered", [False, True], ids=["before the CRM created it", "after the CRM created it"])
async def test_a_server_that_dies_while_creating_leaves_one_contact_to_the_next(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, *, answered: bool
) -> None:
    work = servers.first.create("Grace Hopper", STRANGER)
    await servers.kill_first(await servers.asks("create_contact", work=work, answered=answered), monkeypatch)
    servers.second.clock.advance(LEASE)
    log = await servers.second.log("call-1")
    assert log.state is CallLogState.LOGGED
    assert log.contact is not None
    assert [contact.id for contact in await found(servers.second)] == [log.contact.id]
    assert log.contact.name == ("Grace Hopper" if answered else "Unknown Caller")


@pytest.mark.parametrize("answered", [False, True], ids=["before the CRM created it", "after the CRM created it"])
async def test_without_unique_keys_the_next_waits_until_the_creation_has_settled_and_shows(
    apart: Servers, lagging: LaggingCrm, monkeypatch: pytest.MonkeyPatch, *, answered: bool
) -> None:
    work = apart.first.create("Grace Hopper", STRANGER)
    await apart.kill_first(await apart.asks("create_contact", work=work, answered=answered), monkeypatch)
    pass_time(LEASE, apart.second)  # the CRM's own clock stands: its index shows no contact yet
    with pytest.raises(CrmUnavailable) as told:
        await apart.second.create("Ada Lovelace", STRANGER)
    assert told.value.retry_after == pytest.approx(7, abs=0.5)
    pass_time(timedelta(seconds=7.5), apart.second, lagging)
    log = await apart.second.log("call-1")
    assert log.state is CallLogState.LOGGED
    assert lagging.contacts == [log.contact]


async def test_a_caller_waits_for_a_living_server_and_finds_what_it_created(servers: Servers) -> None:
    proceed = asyncio.Event()

    async def wait(operation: str) -> None:
        if operation == "create_contact":
            await proceed.wait()

    servers.crm.before = wait
    first = asyncio.create_task(servers.first.log("call-1"))
    await held(servers.second)
    second = asyncio.create_task(servers.second.log("call-2"))
    await asked_again(servers.second, times=3)
    proceed.set()
    logs = await asyncio.gather(first, second)
    assert [log.reason for log in logs] == [CallLogReason.PLACEHOLDER_CREATED, CallLogReason.PLACEHOLDER_REUSED]


async def test_a_caller_who_gives_up_waiting_leaves_no_claim_behind(servers: Servers) -> None:
    assert await acquired(servers.first) == Claimed(THIRDS_KEY)
    waiting = asyncio.create_task(servers.second.create("Grace Hopper", STRANGER))
    await asked_again(servers.second, times=2)
    await cancelled(waiting)
    await servers.first.app.ledger.claims.release(ACCOUNT, STRANGER, THIRD, None)
    assert await freed(servers.first) == Claimed(THIRDS_KEY)


async def test_a_caller_who_gives_up_while_the_contact_is_created_releases_the_claim_but_not_the_creation(
    servers: Servers,
) -> None:
    work = servers.first.create("Grace Hopper", STRANGER)
    await cancelled(await servers.asks("create_contact", work=work, answered=True))
    claimed = await freed(servers.second)
    assert claimed.given_up is not None
    assert claimed.creation_key != THIRDS_KEY


async def test_a_caller_who_gives_up_while_looking_leaves_nothing_unfinished(servers: Servers) -> None:
    work = servers.first.create("Grace Hopper", STRANGER)
    await cancelled(await servers.asks("find_contacts", work=work, answered=True))
    assert await freed(servers.second) == Claimed(THIRDS_KEY)


@pytest.mark.parametrize(
    "error", [CrmRejected("Too rude."), CrmRateLimited("Slower.", retry_after=1), CrmAuthFailed("Who?")]
)
async def test_a_creation_that_the_crm_refuses_is_over(servers: Servers, error: CrmError) -> None:
    async def refuse(operation: str) -> None:
        if operation == "create_contact":
            raise error

    servers.crm.before = refuse
    with pytest.raises(type(error)):
        await servers.first.create("Grace Hopper", STRANGER)
    assert await freed(servers.second) == Claimed(THIRDS_KEY)


async def test_a_creation_that_failed_in_any_other_way_stays_until_its_end_is_known(servers: Servers) -> None:
    async def fail(operation: str) -> None:
        if operation == "create_contact":
            raise CrmUnavailable("500 Internal Server Error")

    servers.crm.after = fail
    with pytest.raises(CrmUnavailable):
        await servers.first.create("Grace Hopper", STRANGER)
    assert (await freed(servers.second)).given_up is not None


async def test_a_claim_that_was_not_needed_is_released(servers: Servers) -> None:
    ada = await servers.second.create("Ada Lovelace", STRANGER)
    with pytest.raises(ContactAlreadyExists):
        await servers.first.create("Grace Hopper", STRANGER)
    claimed = await freed(servers.second)
    assert (claimed.given_up, claimed.contact_id) == (None, ada.id)


@in_files_only
async def test_creating_a_contact_takes_two_commits(apart: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = 0
    write, write_batched = SqliteDatabase.write, SqliteDatabase.write_batched

    async def counted(database: SqliteDatabase, work: Callable[..., Any]) -> Any:
        nonlocal writes
        writes += 1
        return await write(database, work)

    async def counted_one(database: SqliteDatabase, many: Callable[..., Any], item: Any, **options: Any) -> Any:
        nonlocal writes
        writes += 1
        return await write_batched(database, many, item, **options)

    monkeypatch.setattr(SqliteDatabase, "write", counted)
    monkeypatch.setattr(SqliteDatabase, "write_batched", counted_one)
    await apart.first.create("Grace Hopper", STRANGER)
    assert writes == 2


async def test_of_callers_who_wait_in_one_server_only_the_first_takes_the_claim(servers: Servers) -> None:
    with counting_claims(servers.first) as counts:
        await asyncio.gather(*(servers.first.log(f"call-{i}") for i in range(8)))
    assert counts["acquire"] == 1


@pytest.mark.parametrize("takes_effect", [True, False], ids=["it took effect", "it came to nothing"])
async def test_a_call_whose_creation_got_no_answer_waits_for_its_end_and_makes_one_contact(
    apart: Servers, lagging: LaggingCrm, *, takes_effect: bool
) -> None:
    lagging.loses_answers, lagging.loses_creations = takes_effect, not takes_effect
    pending = await apart.second.log("call-1")
    assert pending.state is CallLogState.PENDING
    lagging.loses_answers = lagging.loses_creations = False
    pass_time(timedelta(seconds=2), apart.first, apart.second, lagging)
    again = await apart.second.settled("call-1", lambda log: log.attempts > 1)
    assert again.state is CallLogState.PENDING
    assert len(lagging.keys) == 1, "it was written again before its end was known"
    assert again.next_attempt_time is not None
    assert again.next_attempt_time - again.create_time == pytest.approx(timedelta(seconds=7), abs=timedelta(seconds=1))
    pass_time(timedelta(seconds=6), apart.first, apart.second, lagging)
    log = await apart.second.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
    assert lagging.contacts == [log.contact]
    assert len(lagging.keys) == (1 if takes_effect else 2)


async def test_a_contact_is_found_by_the_other_server_before_the_index_shows_it_and_after(
    apart: Servers, lagging: LaggingCrm
) -> None:
    ada = await apart.first.create("Ada Lovelace", STRANGER)
    assert await found(apart.second) == [ada]
    pass_time(timedelta(seconds=6), apart.first, apart.second, lagging)
    assert await found(apart.second) == [ada]


async def test_a_contact_is_found_whose_memory_runs_out_while_the_crm_is_looking(apart: Servers) -> None:
    ada = await apart.first.create("Ada Lovelace", STRANGER)

    async def take_long(operation: str) -> None:
        if operation == "find_contacts":
            apart.first.clock.advance(timedelta(seconds=6))

    apart.crm.after = take_long
    assert await found(apart.first) == [ada]


async def test_a_contact_that_is_gone_from_the_crm_is_forgotten_and_made_anew(
    apart: Servers, lagging: LaggingCrm
) -> None:
    ada = await apart.first.create("Ada Lovelace", STRANGER)
    lagging.remove(ada.id)
    assert await found(apart.second) == []
    assert await apart.second.app.ledger.claims.remembered(ACCOUNT, [STRANGER]) == {}
    again = await apart.second.create("Ada Lovelace", STRANGER)
    assert await found(apart.first) == [again]
