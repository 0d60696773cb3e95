"""Concurrent lookups go together, and none suffers for another."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from leadline_server.accounts.limits import AccountLimits, AccountLimitsRegistry
from leadline_server.crm.wrappers import BatchingCrm, CachePolicy, CrmMetrics
from leadline_server.crm.wrappers.batching import AT_ONCE
from leadline_server.crm.wrappers.stack import WrapperStack
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError, CrmRejected, CrmTooMuch, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import CrmConnection
from leadline_server.ports.crm_guarantees import RateLimit
from prometheus_client import CollectorRegistry
from unit.batched_crm import CALLERS, MOST, ODD, Roomy, Scene, answers, read


async def test_what_one_moment_asks_is_one_question_and_each_gets_what_is_theirs_alone() -> None:
    scene = await Scene().fill()
    assert await answers(scene.asking(CALLERS[:10])) == [[caller] for caller in CALLERS[:10]]
    assert scene.crm.questions == [CALLERS[:10]]


async def test_a_lookup_is_asked_at_once_while_there_are_places_and_then_waits_for_others() -> None:
    scene = await Scene().fill()
    first = await scene.occupy()
    late = scene.asking(CALLERS[:3])
    await scene.crm.asked(AT_ONCE)
    assert scene.crm.sizes == [1] * AT_ONCE
    scene.crm.is_open.set()
    assert await answers([*first, *late]) == [[caller] for caller in (*CALLERS[-AT_ONCE:], *CALLERS[:3])]
    assert scene.crm.questions[AT_ONCE:] == [CALLERS[:3]]


async def test_what_fills_a_question_waits_for_no_place() -> None:
    scene = await Scene().fill()
    first = await scene.occupy()
    late = scene.asking(CALLERS[: 2 * MOST + 5])
    await scene.crm.asked(AT_ONCE + 2)
    assert scene.crm.sizes == [1] * AT_ONCE + [MOST, MOST]
    scene.crm.is_open.set()
    assert await answers(late) == [[caller] for caller in CALLERS[: 2 * MOST + 5]]
    assert scene.crm.sizes == [1] * AT_ONCE + [MOST, MOST, 5]
    await answers(first)


async def test_the_crms_own_rate_limit_leaves_fewer_places() -> None:
    scene = await Scene(rate_limits=[RateLimit(100, 10), RateLimit(6, 2, "search")]).fill()
    first = await scene.occupy(3)
    late = scene.asking(CALLERS[:2])
    await scene.crm.asked(3)
    assert scene.crm.sizes == [1] * 3
    scene.crm.is_open.set()
    await answers([*first, *late])
    assert scene.crm.sizes == [1, 1, 1, 2]


async def test_the_numbers_of_one_lookup_stay_together() -> None:
    scene = await Scene().fill()
    first = await scene.occupy()
    few, many = scene.asking(CALLERS[:5]), asyncio.create_task(scene.find(*CALLERS[5 : 5 + MOST]))
    scene.crm.is_open.set()
    assert await answers([*first, *few, many]) == [
        *([caller] for caller in CALLERS[-AT_ONCE:]),
        *([caller] for caller in CALLERS[:5]),
        CALLERS[5 : 5 + MOST],
    ]
    assert scene.crm.questions[AT_ONCE:] == [CALLERS[:5], CALLERS[5 : 5 + MOST]]


async def test_a_lookup_of_more_numbers_than_fit_is_asked_alone_and_whole() -> None:
    scene = await Scene(numbers_per_lookup=4).fill()
    first, many = scene.asking(CALLERS[:2]), asyncio.create_task(scene.find(*CALLERS[2:12]))
    assert await answers([*first, many]) == [CALLERS[:1], CALLERS[1:2], CALLERS[2:12]]
    assert scene.crm.questions == [CALLERS[:2], CALLERS[2:12]]


async def test_a_number_that_several_ask_for_is_asked_once() -> None:
    scene = await Scene().fill()
    assert await answers(scene.asking([CALLERS[0]] * 5 + CALLERS[1:2])) == [CALLERS[:1]] * 5 + [CALLERS[1:2]]
    assert scene.crm.questions == [CALLERS[:2]]


async def test_where_nothing_is_gained_each_lookup_is_a_question_of_its_own() -> None:
    scene = await Scene(numbers_per_lookup=1).fill()
    scene.crm.is_open.clear()
    tasks = scene.asking(CALLERS[:50])
    await scene.crm.asked(50)
    scene.crm.is_open.set()
    assert await answers(tasks) == [[caller] for caller in CALLERS[:50]]
    assert scene.crm.sizes == [1] * 50


async def test_an_adapter_that_says_later_what_it_can_is_believed_then() -> None:
    scene = await Scene(numbers_per_lookup=1).fill()
    await answers(scene.asking(CALLERS[:2]))
    scene.crm.say(numbers_per_lookup=MOST)
    await answers(scene.asking(CALLERS[:2]))
    assert scene.crm.sizes == [1, 1, 2]


@pytest.mark.parametrize("trouble", [CrmRejected("Odd."), CrmTooMuch("Too many.")])
async def test_an_odd_number_fails_the_lookup_that_asks_for_it_and_no_other(trouble: CrmError) -> None:
    scene = await Scene().fill()
    scene.crm.trouble = trouble
    told = await answers(scene.asking(CALLERS[:MOST]))
    assert told == [trouble if caller == ODD else [caller] for caller in CALLERS[:MOST]]
    assert len(scene.crm.questions) == 9  # the whole, then two halves of what the odd one is in: 8, 4, 2, 1


async def test_any_other_failure_is_told_to_all_who_asked_together_and_to_nobody_else() -> None:
    scene = await Scene(numbers_per_lookup=4).fill()
    scene.crm.trouble = CrmUnavailable("Down.")
    told = await answers(scene.asking([*CALLERS[:4], ODD, *CALLERS[4:6]]))
    assert told == [*([caller] for caller in CALLERS[:4]), *[scene.crm.trouble] * 3]
    assert scene.crm.sizes == [4, 3]


async def test_who_is_cancelled_disturbs_nobody_and_is_not_asked_for_if_the_question_has_not_left() -> None:
    scene = await Scene().fill()
    first = await scene.occupy()
    late = scene.asking(CALLERS[:3])
    await asyncio.sleep(0)
    first[0].cancel()
    late[1].cancel()
    scene.crm.is_open.set()
    told = await answers([*first[1:], late[0], late[2]])
    assert told == [[caller] for caller in (*CALLERS[1 - AT_ONCE :], CALLERS[0], CALLERS[2])]
    assert scene.crm.questions[-1] == [CALLERS[0], CALLERS[2]]
    assert first[0].cancelled()


async def test_a_question_goes_on_for_one_who_waits_and_is_called_back_when_nobody_does() -> None:
    scene = await Scene().fill()
    scene.crm.is_open.clear()
    tasks = scene.asking(CALLERS[:3])
    await scene.crm.asked(1)
    for task in tasks[:2]:
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert scene.crm.cancelled == 0
    tasks[2].cancel()
    await answers(tasks)
    async with asyncio.timeout(5):
        while not scene.crm.cancelled:
            await asyncio.sleep(0)
    scene.crm.is_open.set()
    assert await scene.find(CALLERS[0]) == CALLERS[:1]


async def test_a_lookup_never_gets_the_answer_to_a_question_that_left_before() -> None:
    scene = Scene()
    first = await scene.occupy(1)
    late = scene.asking(CALLERS[-1:])
    await scene.crm.asked(2)
    assert scene.crm.questions == [CALLERS[-1:]] * 2
    scene.crm.is_open.set()
    await answers([*first, *late])


async def test_a_contact_whose_number_may_be_anybodys_is_shown_to_all_and_an_extension_to_who_asks() -> None:
    contacts = [
        Contact(id="1", name="Ada", phone_numbers=("01632 960987",)),
        Contact(id="2", name="Ben", phone_numbers=("101", "anonymous")),
        Contact(id="3", name="Eve", phone_numbers=(f"{CALLERS[1]} ext. 12",)),
        Contact(id="4", name="Nobody's", phone_numbers=(CALLERS[50],)),
    ]

    class Loose(Roomy):
        async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
            return contacts

    scene = Scene()
    scene.batching = BatchingCrm(Loose(scene.bare), lambda: "US")
    told = await answers(scene.asking(["+441632960987", CALLERS[1], "101"]))
    assert told == [["Ada"], ["Ada", "Eve"], ["Ada", "Ben"]]


async def test_who_reads_numbers_in_another_region_gets_all_that_was_found() -> None:
    scene = await Scene().fill()
    regions = iter(["US", "GB"])
    scene.batching = BatchingCrm(scene.crm, lambda: next(regions))
    assert await answers(scene.asking(CALLERS[:2])) == [CALLERS[:2]] * 2


class Whole:
    """A connection with every wrapper that there is, over a roomy CRM."""

    def __init__(self, scene: Scene, policy: CachePolicy | None) -> None:
        self.registry = CollectorRegistry()
        self.limits: AccountLimits = AccountLimitsRegistry(8, 0.0).of("demo")
        stack = WrapperStack(lambda: datetime.now(UTC), CrmMetrics(self.registry))
        self.connection: CrmConnection = stack.connection(
            scene.crm,
            "memory",
            breaker=self.limits.breaker,
            rate=self.limits.rate,
            rules=lambda: "US",
            cache=policy,
        )

    def requests(self, outcome: str) -> float:
        labels = {"adapter": "memory", "operation": "find_contacts", "outcome": outcome}
        return self.registry.get_sample_value("leadline_crm_seconds_count", labels) or 0.0


async def test_a_question_is_one_request_one_metric_and_tried_again_once_for_all() -> None:
    scene = await Scene().fill()
    scene.crm.trouble = CrmUnavailable("A blip.")
    whole = Whole(scene, None)
    tasks = [asyncio.create_task(whole.connection.crm.find_contacts(read(caller))) for caller in CALLERS[:14]]
    await scene.crm.asked(1)
    scene.crm.trouble = None
    found = await asyncio.gather(*tasks)
    assert [[contact.name for contact in each] for each in found] == [[caller] for caller in CALLERS[:14]]
    assert scene.crm.sizes == [14, 14]
    assert (whole.requests("unavailable"), whole.requests("ok")) == (1.0, 1.0)


async def test_what_is_too_much_to_read_is_not_tried_again_and_no_outage() -> None:
    scene = await Scene().fill()
    scene.crm.trouble = CrmTooMuch("Too many.")
    whole = Whole(scene, None)
    for _ in range(20):
        with pytest.raises(CrmTooMuch):
            await whole.connection.crm.find_contacts(read(ODD))
    assert len(scene.crm.questions) == 20
    assert whole.limits.breaker.is_closed


async def test_lookups_that_may_be_remembered_and_those_that_may_not_go_together() -> None:
    scene = await Scene().fill()
    whole = Whole(scene, CachePolicy())
    assert whole.connection.remembered is not None
    remembered = [asyncio.create_task(whole.connection.remembered.find(read(caller))) for caller in CALLERS[:5]]
    await asyncio.sleep(0)  # they ask in tasks of their own
    fresh = [asyncio.create_task(whole.connection.crm.find_contacts(read(caller))) for caller in CALLERS[5:10]]
    assert [[who.name for who in (await task).contacts] for task in remembered] == [[name] for name in CALLERS[:5]]
    assert [[who.name for who in await task] for task in fresh] == [[name] for name in CALLERS[5:10]]
    assert scene.crm.sizes == [10]
    for caller in CALLERS[:10]:  # each was remembered for itself
        assert [who.name for who in (await whole.connection.remembered.find(read(caller))).contacts] == [caller]
    assert scene.crm.sizes == [10]
