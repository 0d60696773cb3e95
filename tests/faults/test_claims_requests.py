"""CreateContact with a request id, repeated at another server, at once or after a crash: the same contact."""

import asyncio
from datetime import timedelta

import pytest
from leadline_server.concurrency.lease import LEASE
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.crm_errors import CrmOutcomeUnknown
from leadline_server.domain.errors import ContactAlreadyExists
from leadline_server.ports.ledger import Claimed
from support.apps import ACCOUNT, STRANGER, Harness
from support.claims import (
    THIRD,
    Servers,
    cancelled,
    found,
    freed,
    pass_time,
)
from support.lagging_crm import LaggingCrm
from support.ledgers import each_ledger

pytestmark = each_ledger

REQUEST = "0b7a3a1e-4b0e-4a57-9a0b-6f1f8f1f2a01"
ANOTHER = "0c7a3a1e-4b0e-4a57-9a0b-6f1f8f1f2a02"


async def looked_at(harness: Harness) -> Claimed:
    """The stranger's claim, once it is free; it stays free and as it is."""
    claimed = await freed(harness)
    await harness.app.ledger.claims.release(ACCOUNT, STRANGER, THIRD, None)
    return claimed


async def test_a_lost_answer_of_a_crm_with_unique_keys_is_asked_for_again_with_the_same_key(
    apart: Servers, lagging: LaggingCrm
) -> None:
    lagging.enforces_unique_key = lagging.loses_answers = True
    with pytest.raises(CrmOutcomeUnknown):
        await apart.first.create("Unknown Caller", STRANGER, request_id=REQUEST)
    lagging.loses_answers = False
    log = await apart.second.log("call-1")
    assert log.state is CallLogState.LOGGED
    assert lagging.contacts == [log.contact]
    assert len(set(lagging.keys)) == 1


async def test_one_request_over_two_servers_at_once_makes_one_contact_with_one_answer(
    apart: Servers, lagging: LaggingCrm
) -> None:
    both = apart.first, apart.second
    work = [both[i % 2].create("Ada Lovelace", STRANGER, request_id=REQUEST) for i in range(8)]
    answers = await asyncio.gather(*work)
    assert lagging.contacts == [answers[0]]
    assert all(answer == answers[0] for answer in answers)


async def test_one_request_for_a_duplicate_over_two_servers_at_once_makes_one_more_contact(
    apart: Servers, lagging: LaggingCrm
) -> None:
    ada = await apart.first.create("Ada Lovelace", STRANGER)
    both = apart.first, apart.second
    work = [both[i % 2].create("Ada's desk", STRANGER, request_id=REQUEST, allow_duplicate=True) for i in range(8)]
    answers = await asyncio.gather(*work)
    assert lagging.contacts == [ada, answers[0]]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("request_id", ["", REQUEST], ids=["without a request id", "with one"])
async def test_a_call_after_a_lost_answer_about_a_duplicate_makes_no_second_contact(
    apart: Servers, lagging: LaggingCrm, request_id: str
) -> None:
    lagging.loses_answers = True
    with pytest.raises(CrmOutcomeUnknown):
        await apart.first.create("Ada Lovelace", STRANGER, request_id=request_id, allow_duplicate=True)
    lagging.loses_answers = False
    await looked_at(apart.second)
    pending = await apart.second.log("call-1")
    assert pending.state is CallLogState.PENDING
    [ada] = lagging.contacts
    pass_time(lagging.settle_time + lagging.search_lag, apart.second, lagging)
    assert await found(apart.second) == [ada]
    log = await apart.second.settled("call-1", lambda log: log.state is not CallLogState.PENDING)
    assert log.contact == ada
    assert lagging.contacts == [ada]


async def test_a_duplicate_leaves_an_earlier_creation_of_unknown_end_in_the_claim(
    apart: Servers, lagging: LaggingCrm
) -> None:
    lagging.loses_answers = True
    with pytest.raises(CrmOutcomeUnknown):
        await apart.first.create("Ada Lovelace", STRANGER)
    lagging.loses_answers = False
    before = await looked_at(apart.second)
    await apart.second.create("Ada's desk", STRANGER, allow_duplicate=True)
    after = await looked_at(apart.second)
    assert (after.creation_key, after.given_up) == (before.creation_key, before.given_up)
    assert after.contact_id == lagging.contacts[1].id


async def test_a_request_whose_server_died_after_creating_is_answered_with_its_contact(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = servers.first.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    await servers.kill_first(await servers.asks("create_contact", work=work, answered=True), monkeypatch)
    servers.second.clock.advance(LEASE)
    ada = await servers.second.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    assert await found(servers.second) == [ada]
    assert ada.name == "Ada Lovelace"


async def test_a_request_whose_server_died_before_remembering_the_answer_is_answered_with_its_contact(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembering = asyncio.Event()

    async def never(*_: object) -> None:
        remembering.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(servers.first.app.ledger.requests, "remember", never)
    task = asyncio.create_task(servers.first.create("Ada Lovelace", STRANGER, request_id=REQUEST))
    async with asyncio.timeout(10):
        await remembering.wait()
    await cancelled(task)
    ada = await servers.second.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    assert await found(servers.second) == [ada]


async def test_a_request_is_answered_with_its_contact_though_a_call_found_it_in_between(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = servers.first.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    await servers.kill_first(await servers.asks("create_contact", work=work, answered=True), monkeypatch)
    servers.second.clock.advance(LEASE)
    with pytest.raises(ContactAlreadyExists):
        await servers.second.create("Grace Hopper", STRANGER)
    ada = await servers.second.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    assert await found(servers.second) == [ada]


async def test_a_request_is_not_answered_with_a_contact_that_another_made(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = servers.first.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    await servers.kill_first(await servers.asks("create_contact", work=work, answered=False), monkeypatch)
    servers.second.clock.advance(LEASE)
    placeholder = (await servers.second.log("call-1")).contact
    assert placeholder is not None
    with pytest.raises(ContactAlreadyExists) as refused:
        await servers.second.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    assert refused.value.metadata == {"contact_ids": placeholder.id}


async def test_a_request_does_not_get_the_contact_that_a_dead_servers_request_made(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = servers.first.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    await servers.kill_first(await servers.asks("create_contact", work=lost, answered=True), monkeypatch)
    servers.second.clock.advance(LEASE)
    [ada] = await found(servers.second)
    with pytest.raises(ContactAlreadyExists) as refused:
        await servers.second.create("Grace Hopper", STRANGER, request_id=ANOTHER)
    assert refused.value.metadata == {"contact_ids": ada.id}


async def test_a_request_that_follows_a_creation_that_came_to_nothing_is_known_again_after_its_own_crash(
    apart: Servers, lagging: LaggingCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    lagging.loses_creations = True
    with pytest.raises(CrmOutcomeUnknown):
        await apart.second.create("Grace Hopper", STRANGER)
    lagging.loses_creations = False
    await freed(apart.first)
    await apart.first.app.ledger.claims.release(ACCOUNT, STRANGER, THIRD, None)
    pass_time(timedelta(seconds=8), apart.first, apart.second, lagging)
    work = apart.first.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    await apart.kill_first(await apart.asks("create_contact", work=work, answered=True), monkeypatch)
    pass_time(LEASE + timedelta(seconds=8), apart.second, lagging)
    ada = await apart.second.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    assert lagging.contacts == [ada]


async def test_a_request_that_the_crm_answers_with_another_requests_contact_is_told_that_it_exists(
    apart: Servers, lagging: LaggingCrm
) -> None:
    lagging.enforces_unique_key = lagging.loses_answers = True
    with pytest.raises(CrmOutcomeUnknown):
        await apart.first.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    lagging.loses_answers = False
    [ada] = lagging.contacts
    with pytest.raises(ContactAlreadyExists) as refused:
        await apart.second.create("Grace Hopper", STRANGER, request_id=ANOTHER)
    assert refused.value.metadata == {"contact_ids": ada.id}
    pass_time(lagging.settle_time, apart.second, lagging)
    assert await apart.second.create("Ada Lovelace", STRANGER, request_id=REQUEST) == ada


async def test_a_request_for_somebody_is_not_answered_with_a_placeholder_though_the_crm_spells_names_its_way(
    apart: Servers, lagging: LaggingCrm
) -> None:
    lagging.enforces_unique_key = lagging.loses_creations = True
    lagging.spell = str.upper
    with pytest.raises(CrmOutcomeUnknown):
        await apart.first.create("Ada Lovelace", STRANGER, request_id=REQUEST)
    lagging.loses_creations = False
    assert (await apart.second.log("call-1")).state is CallLogState.LOGGED
    with pytest.raises(ContactAlreadyExists):
        await apart.second.create("Ada Lovelace", STRANGER, request_id=REQUEST)
