"""Lookups of one number that wait at the same time share the next request, where a CRM is asked for one at a time."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from leadline_server.crm.wrappers.batching import BatchingCrm
from leadline_server.crm.wrappers.shared_lookups import SharedLookups
from leadline_server.domain.call_log_states import CallLogReason
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.ports.crm import CrmAdapter
from support.apps import open_harness
from support.crms import Switch

NUMBER = parse_number("+12025550147", "US")
OTHER = parse_number("+12025550148", "US")
ADA = Contact(id="c1", name="Ada")


class SlowCrm:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Event] = []
        self.error: Exception | None = None

    async def find(self, _: Sequence[PhoneNumber]) -> Sequence[Contact]:
        answered = asyncio.Event()
        self.asked.append(answered)
        await answered.wait()
        if self.error is not None:
            raise self.error
        return [ADA]


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_lookups_that_wait_share_one_request_that_is_sent_after_they_came() -> None:
    crm = SlowCrm()
    lookups = SharedLookups(crm.find)
    callers = [asyncio.create_task(lookups.find([NUMBER])) for _ in range(8)]
    await turns()
    assert len(crm.asked) == 1
    crm.asked[0].set()
    await turns()
    assert [caller.done() for caller in callers] == [True] + [False] * 7
    crm.asked[1].set()
    assert await asyncio.gather(*callers) == [[ADA]] * 8
    assert len(crm.asked) == 2


async def test_another_number_waits_for_nobody() -> None:
    crm = SlowCrm()
    lookups = SharedLookups(crm.find)
    callers = [asyncio.create_task(lookups.find([number])) for number in (NUMBER, OTHER)]
    await turns()
    assert len(crm.asked) == 2
    for answered in crm.asked:
        answered.set()
    await asyncio.gather(*callers)


async def test_a_failure_is_raised_to_all_that_shared_the_request_and_the_next_one_is_sent() -> None:
    crm = SlowCrm()
    crm.error = CrmUnavailable("down")
    lookups = SharedLookups(crm.find)
    callers = [asyncio.create_task(lookups.find([NUMBER])) for _ in range(3)]
    for index in range(2):
        await turns()
        crm.asked[index].set()
    assert all(isinstance(result, CrmUnavailable) for result in await asyncio.gather(*callers, return_exceptions=True))
    crm.error = None
    again = asyncio.create_task(lookups.find([NUMBER]))
    await turns()
    crm.asked[2].set()
    assert await again == [ADA]


async def test_a_caller_that_leaves_disturbs_no_other() -> None:
    crm = SlowCrm()
    lookups = SharedLookups(crm.find)
    callers = [asyncio.create_task(lookups.find([NUMBER])) for _ in range(3)]
    await turns()
    callers[0].cancel()
    callers[1].cancel()
    await turns()
    crm.asked[-1].set()
    assert await callers[2] == [ADA]
    with pytest.raises(asyncio.CancelledError):
        await callers[0]


async def test_a_stranger_who_is_reported_8_times_at_once_costs_at_most_3_lookups(tmp_path: Path) -> None:
    switch = Switch()

    async def slow(_: str) -> None:
        await asyncio.sleep(0.02)

    switch.before = slow

    def wrap(adapter: CrmAdapter) -> CrmAdapter:
        return BatchingCrm(switch.wrap(adapter), lambda: "US")

    async with open_harness(tmp_path, wrap=wrap) as harness:
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        logs = await asyncio.gather(*(harness.log(f"call-{index}") for index in range(8)))
        assert len({log.contact.id for log in logs if log.contact}) == 1
        reasons = [log.reason for log in logs]
        assert reasons.count(CallLogReason.PLACEHOLDER_CREATED) == 1
        assert reasons.count(CallLogReason.PLACEHOLDER_REUSED) == 7
        assert switch.calls["find_contacts"] <= 3
        assert switch.calls["create_contact"] == 1
