"""Reads that fail for a moment are tried again; nothing else is."""

import time
from collections.abc import Sequence

import pytest
from leadline_server.crm.wrappers import RetryCrm
from leadline_server.crm.wrappers.retry import LAST_START
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.request_not_sent import NOT_SENT, CircuitOpen
from leadline_server.ports.crm_guarantees import WRITES, CrmMethod
from support.crms import Switch
from support.operations import OPERATIONS, memory_crm

TIMER_TICK = 0.001
"""The event loop's timers count whole milliseconds."""

READS = (CrmMethod.FIND_CONTACTS, CrmMethod.GET_CONTACT, CrmMethod.FIND_CALL_LOG)


class Failing(Switch):
    """Raises these errors, one a try, and is well then."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        super().__init__()
        self.tries = 0
        self._errors = list(errors)
        self.before = self._fail

    async def _fail(self, _: str) -> None:
        self.tries += 1
        if self._errors:
            raise self._errors.pop(0)


def retrying(*errors: Exception, pauses: tuple[float, ...] = (0.001, 0.001)) -> tuple[RetryCrm, Failing]:
    switch = Failing(errors)
    return RetryCrm(switch.wrap(memory_crm()), NOT_SENT, lambda: 0.5, pauses), switch


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("failures", [1, 2])
async def test_a_read_that_fails_for_a_moment_is_answered(operation: CrmMethod, failures: int) -> None:
    crm, switch = retrying(*[CrmUnavailable("A blip.")] * failures)
    await OPERATIONS[operation](crm)
    assert switch.tries == failures + 1


async def test_a_search_is_tried_again_too() -> None:
    crm, switch = retrying(CrmUnavailable("A blip."))
    with pytest.raises(CrmRejected):  # what this CRM answers to a search
        await OPERATIONS[CrmMethod.SEARCH_CONTACTS](crm)
    assert switch.tries == 2


@pytest.mark.parametrize("operation", READS)
async def test_a_read_that_goes_on_failing_fails_with_the_last_error(operation: CrmMethod) -> None:
    crm, switch = retrying(CrmUnavailable("1"), CrmUnavailable("2"), CrmUnavailable("3"), CrmUnavailable("4"))
    with pytest.raises(CrmUnavailable, match="3"):
        await OPERATIONS[operation](crm)
    assert switch.tries == 3


@pytest.mark.parametrize("operation", [*sorted(WRITES), CrmMethod.CHECK])
async def test_writes_and_checks_are_never_repeated(operation: CrmMethod) -> None:
    crm, switch = retrying(CrmUnavailable("A blip."))
    with pytest.raises(CrmUnavailable):
        await OPERATIONS[operation](crm)
    assert switch.tries == 1


@pytest.mark.parametrize(
    "error",
    [
        CrmRejected("No."),
        CrmAuthFailed("Who are you?"),
        CrmOutcomeUnknown("Lost."),
        CrmRateLimited("Slower."),
        CrmRateLimited("Slower.", retry_after=30),
        CrmUnavailable("Maintenance.", retry_after=1.01),
        ValueError("A bug."),
    ],
    ids=repr,
)
async def test_what_a_moment_does_not_mend_is_not_repeated(error: Exception) -> None:
    crm, switch = retrying(error)
    with pytest.raises(type(error)):
        await OPERATIONS[CrmMethod.FIND_CONTACTS](crm)
    assert switch.tries == 1


async def test_a_breaker_that_has_opened_is_not_tried_again() -> None:
    crm, switch = retrying(CrmUnavailable("A blip."), CircuitOpen(0.5))
    with pytest.raises(CircuitOpen):
        await OPERATIONS[CrmMethod.FIND_CONTACTS](crm)
    assert switch.tries == 2


@pytest.mark.parametrize("kind", [CrmUnavailable, CrmRateLimited])
async def test_a_short_delay_that_the_crm_asks_for_is_waited_for(kind: type[CrmUnavailable]) -> None:
    crm, switch = retrying(kind("In a moment.", retry_after=0.05))
    began = time.monotonic()
    await OPERATIONS[CrmMethod.FIND_CONTACTS](crm)
    assert time.monotonic() - began >= 0.05 - TIMER_TICK
    assert switch.tries == 2


async def test_no_try_begins_after_the_total_bound() -> None:
    crm, switch = retrying(*[CrmUnavailable("A blip.")] * 3, pauses=(LAST_START + 1,) * 2)
    crm_late, switch_late = retrying(*[CrmUnavailable("A blip.", retry_after=1.0)] * 3)
    for adapter in (crm, crm_late):
        with pytest.raises(CrmUnavailable):
            await OPERATIONS[CrmMethod.FIND_CONTACTS](adapter)
    assert (switch.tries, switch_late.tries) == (1, 2)


@pytest.mark.parametrize("chance", [0.0, 1.0])
async def test_the_pause_is_between_half_and_all_of_what_is_set(chance: float) -> None:
    switch = Failing([CrmUnavailable("A blip.")])
    crm = RetryCrm(switch.wrap(memory_crm()), NOT_SENT, lambda: chance, (0.1,))
    began = time.monotonic()
    await OPERATIONS[CrmMethod.FIND_CONTACTS](crm)
    assert time.monotonic() - began >= 0.05 * (1 + chance) - TIMER_TICK
