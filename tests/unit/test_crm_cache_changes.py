"""Remembered lookups, and contacts that are created or noticed to be gone."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmRejected
from leadline_server.testing.crm_harness import Report
from support.operations import create
from unit.cached_crm import ADA, BEN, Cached, Gate


async def test_a_contact_that_is_created_here_is_seen_at_once() -> None:
    it = Cached()
    assert await it.find(ADA, BEN) == set()
    await create(it.crm, ADA, "Ada")
    assert await it.find(ADA) == {"Ada"}
    assert await it.find(BEN) == set()
    assert it.asked == 2


async def test_a_creation_is_seen_under_the_numbers_extensions_too() -> None:
    it = Cached()
    assert await it.find(f"{ADA} x12") == set()
    await create(it.crm, ADA, "Ada")
    assert await it.find(f"{ADA} x12") == {"Ada"}


async def test_while_a_contact_is_created_the_number_is_asked_for_anew_and_once_more_afterwards() -> None:
    it = Cached()
    await it.find(ADA)
    gate = Gate(it.switch, "create_contact")
    creation = asyncio.create_task(create(it.crm, ADA, "Ada"))
    await gate.reached()
    assert await it.find(ADA) == set()
    assert it.asked == 2
    gate.open()
    await creation
    assert await it.find(ADA) == {"Ada"}


async def test_a_question_from_before_a_creation_is_neither_joined_nor_remembered_after_it() -> None:
    it = Cached()
    gate = Gate(it.switch, is_after=True)  # the CRM has looked, and its answer is on its way
    before = asyncio.create_task(it.find(ADA))
    await gate.reached()
    await create(it.crm, ADA, "Ada")
    after = asyncio.create_task(it.find(ADA))
    await gate.reached(2)
    gate.open()
    assert (await before, await after) == (set(), {"Ada"})
    assert await it.find(ADA) == {"Ada"}
    assert it.asked == 2


async def test_a_creation_whose_end_is_unknown_is_looked_for() -> None:
    it = Cached()
    await it.find(ADA)

    async def lose(operation: str) -> None:
        if operation == "create_contact":
            raise CrmOutcomeUnknown("Lost.")

    it.switch.after = lose
    with pytest.raises(CrmOutcomeUnknown):
        await create(it.crm, ADA, "Ada")
    assert await it.find(ADA) == {"Ada"}


async def _read_as_gone(it: Cached, contact_id: str) -> None:
    assert await it.crm.get_contact(contact_id) is None


async def _refused(it: Cached, contact_id: str) -> None:
    with pytest.raises(CrmRejected):
        await it.crm.create_call_log(Report().entry(contact_id), "key")


async def _refused_update(it: Cached, contact_id: str) -> None:
    async def refuse(_: str) -> None:
        raise CrmRejected("Gone.")

    it.switch.before = refuse
    with pytest.raises(CrmRejected):
        await it.crm.update_call_log("log", Report().entry(contact_id))
    it.switch.come_back()


@pytest.mark.parametrize("notice", [_read_as_gone, _refused, _refused_update])
async def test_a_contact_that_is_noticed_to_be_gone_is_shown_no_more(
    notice: Callable[[Cached, str], Awaitable[None]],
) -> None:
    it = Cached()
    gone = await create(it.bare, ADA, "Ada")
    await create(it.bare, BEN, "Ben")
    assert await it.find(ADA, BEN) == {"Ada", "Ben"}
    it.bare.remove(gone.id)
    assert await it.find(ADA) == {"Ada"}
    await notice(it, gone.id)
    assert await it.find(ADA, BEN) == {"Ben"}
    assert it.asked == 2


async def test_an_answer_from_before_a_contact_was_noticed_to_be_gone_is_not_remembered() -> None:
    it = Cached()
    gone = await create(it.bare, ADA, "Ada")
    gate = Gate(it.switch, is_after=True)
    before = asyncio.create_task(it.find(ADA))
    await gate.reached()
    it.bare.remove(gone.id)
    await _read_as_gone(it, gone.id)
    gate.open()
    assert (await before, await it.find(ADA)) == ({"Ada"}, set())


async def test_a_contact_that_is_gone_is_not_remembered_from_an_index_that_lags() -> None:
    it = Cached(search_lag=10.0)
    contact = await create(it.bare, ADA, "Ada")
    await it.crm.get_contact(contact.id)
    it.crm._answers.drop_contact(contact.id)  # noqa: SLF001 - as if the CRM had said so while its index shows it
    assert await it.find(ADA) == {"Ada"}
    assert await it.find(ADA) == {"Ada"}
    assert it.asked == 2
    it.seconds = 10.0
    await it.find(ADA)
    await it.find(ADA)
    assert it.asked == 3
