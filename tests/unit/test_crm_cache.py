"""Remembered lookups: how long they are kept, for which callers, and when they are dropped."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from leadline_server.crm.wrappers import CachePolicy
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from support.operations import create
from unit.cached_crm import ADA, BEN, EVE, START, Cached, Gate, numbers


async def test_who_was_found_is_remembered_for_a_minute_and_no_longer() -> None:
    it = Cached()
    await create(it.bare, ADA, "Ada")
    assert await it.find(ADA) == {"Ada"}
    it.seconds = 59.9
    assert await it.find(ADA) == {"Ada"}
    assert it.asked == 1
    it.seconds = 60.0
    assert await it.find(ADA) == {"Ada"}
    assert it.asked == 2


async def test_that_there_is_nobody_is_remembered_for_a_shorter_time() -> None:
    it = Cached()
    assert await it.find(ADA) == set()
    await create(it.bare, ADA, "Ada")  # by a person in the CRM
    it.seconds = 4.9
    assert await it.find(ADA) == set()
    it.seconds = 5.0
    assert await it.find(ADA) == {"Ada"}


async def test_an_answer_has_the_time_at_which_the_crm_was_asked_for_the_oldest_part_of_it() -> None:
    it = Cached()
    await it.find(ADA)
    it.seconds = 3.0
    assert (await it.crm.find(numbers(BEN))).as_of == START + timedelta(seconds=3)
    it.seconds = 4.0
    assert (await it.crm.find(numbers(BEN, ADA, EVE))).as_of == START


async def test_200_lookups_at_once_are_one_question() -> None:
    it = Cached()
    await create(it.bare, ADA, "Ada")
    gate = Gate(it.switch)
    tasks = [asyncio.create_task(it.find(ADA)) for _ in range(200)]
    await gate.reached()
    tasks += [asyncio.create_task(it.find(ADA)) for _ in range(10)]
    await asyncio.sleep(0)
    gate.open()
    assert await asyncio.gather(*tasks) == [{"Ada"}] * 210
    assert it.asked == 1
    assert it.counts == {"asked": 1, "joined": 209}


async def test_the_crm_is_asked_once_for_all_numbers_that_are_not_known_and_for_no_others() -> None:
    it = Cached()
    asked: list[list[str]] = []
    find = it.bare.find_contacts

    async def note(wanted: list[PhoneNumber]) -> object:
        asked.append([number.key for number in wanted])
        return await find(wanted)

    it.bare.find_contacts = note  # type: ignore[method-assign,assignment] # to see the question
    await create(it.bare, ADA, "Ada")
    await create(it.bare, EVE, "Eve")
    await it.find(ADA)
    assert await it.find(ADA, BEN, EVE) == {"Ada", "Eve"}
    assert asked == [[ADA], [BEN, EVE]]
    assert await it.find(EVE) == {"Eve"}
    assert await it.find(BEN) == set()
    assert len(asked) == 2


async def test_a_lookup_joins_a_question_under_way_for_some_of_its_numbers() -> None:
    it = Cached()
    await create(it.bare, ADA, "Ada")
    await create(it.bare, BEN, "Ben")
    gate = Gate(it.switch)
    first = asyncio.create_task(it.find(ADA))
    await gate.reached()
    second = asyncio.create_task(it.find(ADA, BEN))
    await gate.reached(2)
    gate.open()
    assert (await first, await second) == ({"Ada"}, {"Ada", "Ben"})
    assert it.asked == 2


async def test_a_number_with_an_extension_shares_the_answer_about_the_main_number() -> None:
    it = Cached()
    await create(it.bare, ADA, "Ada")
    assert await it.find(f"{ADA} x12") == {"Ada"}
    assert await it.find(ADA) == await it.find(f"{ADA};ext=13") == {"Ada"}
    assert it.asked == 1


async def test_an_answer_about_one_extension_is_not_taken_for_the_main_numbers() -> None:
    it = Cached()
    await it.crm.find_contacts(numbers(f"{ADA};ext=12"))
    await create(it.bare, ADA, "Ada")
    assert await it.find(ADA) == {"Ada"}


async def test_a_failure_is_told_to_all_who_wait_and_is_not_remembered() -> None:
    it = Cached()
    await create(it.bare, ADA, "Ada")
    it.switch.go_down()
    answers = await asyncio.gather(*(it.find(ADA) for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {CrmUnavailable}
    it.switch.come_back()
    assert await it.find(ADA) == {"Ada"}


async def test_what_is_too_old_is_not_told_where_the_crm_cannot_be_asked() -> None:
    it = Cached()
    await create(it.bare, ADA, "Ada")
    await it.find(ADA)
    it.switch.go_down()
    assert await it.find(ADA) == {"Ada"}
    it.seconds = 60.0
    with pytest.raises(CrmUnavailable):
        await it.find(ADA)


async def test_who_asked_first_may_be_cancelled_and_those_who_joined_are_answered() -> None:
    it = Cached()
    await create(it.bare, ADA, "Ada")
    gate = Gate(it.switch)
    first = asyncio.create_task(it.find(ADA))
    await gate.reached()
    others = [asyncio.create_task(it.find(ADA)) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    gate.open()
    assert await asyncio.gather(*others) == [{"Ada"}] * 5
    assert it.asked == 1


async def test_a_question_that_nobody_waits_for_any_more_is_called_back_and_nobody_joins_it() -> None:
    it = Cached()
    before = len(asyncio.all_tasks())
    gate = Gate(it.switch)
    tasks = [asyncio.create_task(it.find(ADA)) for _ in range(5)]
    await gate.reached()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    late = asyncio.create_task(it.find(ADA))
    await gate.reached(2)
    gate.open()
    assert await late == set()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before


async def test_a_lookup_through_the_port_asks_the_crm_always_and_its_answer_is_remembered() -> None:
    it = Cached()
    await it.find(ADA)
    await create(it.bare, ADA, "Ada")
    it.seconds = 1.0
    assert [contact.name for contact in await it.crm.find_contacts(numbers(ADA))] == ["Ada"]
    answer = await it.crm.find(numbers(ADA))
    assert (answer.contacts[0].name, answer.as_of) == ("Ada", START + timedelta(seconds=1))
    assert it.asked == 2


async def test_a_lookup_through_the_port_joins_none_that_is_under_way() -> None:
    it = Cached()
    gate = Gate(it.switch, is_after=True)
    remembered = asyncio.create_task(it.find(ADA))
    await gate.reached()
    fresh = asyncio.create_task(it.crm.find_contacts(numbers(ADA)))
    await gate.reached(2)
    gate.open()
    await asyncio.gather(remembered, fresh)
    assert it.asked == 2


async def test_an_answer_does_not_replace_one_that_was_asked_for_later() -> None:
    it = Cached()
    gate = Gate(it.switch, is_after=True)
    slow = asyncio.create_task(it.find(ADA))
    await gate.reached()
    it.switch.come_back()
    await create(it.bare, ADA, "Ada")
    await it.crm.find_contacts(numbers(ADA))
    gate.open()
    assert await slow == set()
    assert await it.find(ADA) == {"Ada"}


async def test_no_more_numbers_are_remembered_than_the_policy_says_and_the_least_used_go_first() -> None:
    it = Cached(CachePolicy(entries=3))
    for number in (ADA, BEN, EVE, ADA, "+12025550104"):
        await it.find(number)
    assert it.asked == 4
    await it.find(ADA)
    await it.find(EVE)
    assert it.asked == 4
    await it.find(BEN)
    assert it.asked == 5


async def test_answers_of_another_region_are_not_told() -> None:
    it = Cached()
    await it.find(ADA)
    it.region = "GB"
    await it.find(ADA)
    assert it.asked == 2


async def test_with_no_time_nothing_is_remembered_but_questions_are_still_shared() -> None:
    it = Cached(CachePolicy(found_seconds=0, none_seconds=0))
    await asyncio.gather(*(it.find(ADA) for _ in range(10)))
    assert it.asked == 1
    await it.find(ADA)
    assert it.asked == 2
