"""Every operation of a bounded CRM ends in time, in an error that says what is known."""

import asyncio

import pytest
from leadline_server.crm.wrappers import DeadlineCrm
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmRejected, CrmUnavailable
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.crm_guarantees import WRITES, CrmMethod
from support.crms import Switch
from support.operations import OPERATIONS, create, memory_crm


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_that_hangs_ends_in_time_and_says_what_is_known(operation: CrmMethod) -> None:
    switch = Switch()
    crm = DeadlineCrm(switch.wrap(memory_crm()), 0.01)
    switch.hang()
    expected: type[LeadlineError] = CrmOutcomeUnknown if operation in WRITES else CrmUnavailable
    async with asyncio.timeout(5):
        with pytest.raises(LeadlineError) as caught:
            await OPERATIONS[operation](crm)
    assert type(caught.value) is expected


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_timeout_that_the_adapter_let_through_is_translated_too(operation: CrmMethod) -> None:
    switch = Switch()

    async def time_out(_: str) -> None:
        raise TimeoutError

    switch.before = time_out
    with pytest.raises(CrmOutcomeUnknown if operation in WRITES else CrmUnavailable):
        await OPERATIONS[operation](DeadlineCrm(switch.wrap(memory_crm()), 60))


async def test_what_is_answered_in_time_is_passed_on() -> None:
    crm = DeadlineCrm(memory_crm(), 60)
    contact = await create(crm)
    assert await crm.get_contact(contact.id) == contact


async def test_an_error_is_passed_on_as_it_is() -> None:
    with pytest.raises(CrmRejected):
        await OPERATIONS[CrmMethod.SEARCH_CONTACTS](DeadlineCrm(memory_crm(), 60))


async def test_who_is_cancelled_is_cancelled() -> None:
    switch = Switch()
    switch.hang()
    task = asyncio.ensure_future(OPERATIONS[CrmMethod.CREATE_CONTACT](DeadlineCrm(switch.wrap(memory_crm()), 60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
