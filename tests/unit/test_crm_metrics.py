"""Requests to a CRM are measured, by their outcome."""

import asyncio

import pytest
from leadline_server.crm.wrappers import CrmMetrics, MetricsCrm
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.ports.crm_guarantees import ALL_METHODS, CrmMethod
from prometheus_client import CollectorRegistry
from support.crms import Switch
from support.operations import OPERATIONS, create, memory_crm

ENDINGS = {
    "unavailable": CrmUnavailable("Down."),
    "rate_limited": CrmRateLimited("Slower."),
    "rejected": CrmRejected("No."),
    "auth_failed": CrmAuthFailed("Who are you?"),
    "outcome_unknown": CrmOutcomeUnknown("Lost."),
    "cancelled": asyncio.CancelledError(),
    "error": ValueError("A bug."),
}


class Measured:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.switch = Switch()
        self.crm = MetricsCrm(self.switch.wrap(memory_crm()), CrmMetrics(self.registry), "memory")

    def value(self, sample: str, operation: CrmMethod, outcome: str) -> float | None:
        labels = {"adapter": "memory", "operation": operation.value, "outcome": outcome}
        return self.registry.get_sample_value(f"leadline_crm_seconds_{sample}", labels)


@pytest.mark.parametrize("operation", sorted(ALL_METHODS - {CrmMethod.SEARCH_CONTACTS}))
async def test_an_operation_that_went_well_counts_as_ok(operation: CrmMethod) -> None:
    it = Measured()
    await create(it.crm, "+12025550199")
    before = it.value("count", operation, "ok") or 0.0
    await OPERATIONS[operation](it.crm)
    assert it.value("count", operation, "ok") == before + 1


@pytest.mark.parametrize("outcome", ENDINGS)
async def test_an_operation_that_fails_counts_by_how_it_failed(outcome: str) -> None:
    it = Measured()

    async def fail(_: str) -> None:
        raise ENDINGS[outcome]

    it.switch.before = fail
    with pytest.raises(type(ENDINGS[outcome])):
        await OPERATIONS[CrmMethod.FIND_CONTACTS](it.crm)
    assert it.value("count", CrmMethod.FIND_CONTACTS, outcome) == 1.0
    assert it.value("count", CrmMethod.FIND_CONTACTS, "ok") == 0.0


async def test_the_time_that_the_crm_took_is_what_is_measured() -> None:
    it = Measured()

    async def take_a_while(_: str) -> None:
        await asyncio.sleep(0.05)

    it.switch.before = take_a_while
    await OPERATIONS[CrmMethod.FIND_CONTACTS](it.crm)
    seconds = it.value("sum", CrmMethod.FIND_CONTACTS, "ok")
    assert seconds is not None
    assert 0.049 <= seconds < 5  # the event loop's timers count whole milliseconds


async def test_no_label_names_an_account() -> None:
    it = Measured()
    await OPERATIONS[CrmMethod.FIND_CONTACTS](it.crm)
    labels = {label for metric in it.registry.collect() for sample in metric.samples for label in sample.labels}
    assert labels == {"adapter", "operation", "outcome", "le"} | ({"answer"} & labels)
