"""The conformance suite of the CRM port: every obligation that ports/crm.py states, as a test.

To run it for an adapter, write a test module with an async context manager that opens one:

    class TestMyCrm(CrmConformance):
        def open_crm(self):
            return my_crm_under_test()

    @asynccontextmanager
    async def my_crm_under_test():
        async with open_my_adapter() as adapter:
            yield CrmUnderTest(adapter=adapter)

This tests what the adapter itself shows. With `people` (see CrmUnderTest) the suite also acts in the CRM as its users
do, and reads what arrived there. With `trouble` it makes the CRM fail. Tests of capabilities that an adapter does not
declare, and of failures that its author cannot provoke, are skipped with the reason. The known gaps of the CRM must be
declared (`lost_fields`, `lost_texts`, `lost_forms`). `pytest -p leadline_server.testing.report` prints tables of them.
The suite needs pytest and pytest-asyncio.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from leadline_server.ports.crm_guarantees import MOST_NUMBERS
from leadline_server.testing.adapter_under_test import under_test
from leadline_server.testing.crm_call_log_cases import UpdateLogCases, WriteLogCases
from leadline_server.testing.crm_contact_cases import CreateCases
from leadline_server.testing.crm_failure_cases import FailureCases
from leadline_server.testing.crm_fields import FieldCases
from leadline_server.testing.crm_forms import FormCases
from leadline_server.testing.crm_harness import CrmUnderTest
from leadline_server.testing.crm_hostile_names import HostileNameCases
from leadline_server.testing.crm_lookup_cases import LookupCases
from leadline_server.testing.crm_moved_contact_cases import MovedContactCases
from leadline_server.testing.crm_people import People, SeenLog
from leadline_server.testing.crm_plans import PlanCases
from leadline_server.testing.crm_read_back_cases import ReadBackCases
from leadline_server.testing.crm_read_cases import ReadCases
from leadline_server.testing.crm_removal_cases import RemovalCases
from leadline_server.testing.crm_texts import TextCases
from leadline_server.testing.crm_trouble import RETRY_AFTER, Failure, Trouble
from leadline_server.testing.crm_user_cases import CrmUserCases
from leadline_server.testing.kit_adapter import KitAdapter, Level, methods_in
from leadline_server.testing.report import note_facts

__all__ = [
    "RETRY_AFTER",
    "CrmConformance",
    "CrmObligations",
    "CrmUnderTest",
    "Failure",
    "Level",
    "People",
    "SeenLog",
    "Trouble",
    "under_test",
]


class CrmObligations(
    LookupCases,
    FormCases,
    PlanCases,
    ReadCases,
    CreateCases,
    RemovalCases,
    TextCases,
    HostileNameCases,
    WriteLogCases,
    UpdateLogCases,
    ReadBackCases,
    MovedContactCases,
    FieldCases,
    FailureCases,
    CrmUserCases,
):
    """Every obligation of ports.crm.CrmAdapter. Subclasses have the fixture `crm`, whose CRM many tests may share."""

    @pytest.fixture(autouse=True)
    def _noted(self, request: pytest.FixtureRequest, crm: CrmUnderTest) -> None:
        """Record the declarations for the report."""
        note_facts(request.config, type(self).__name__, crm)

    async def test_a_crm_that_works_passes_its_check(self, crm: CrmUnderTest) -> None:
        await crm.adapter.check()

    async def test_capabilities_are_constant(self, crm: CrmUnderTest) -> None:
        before = crm.adapter.capabilities
        await crm.a_contact()
        assert crm.adapter.capabilities == before

    async def test_declared_times_are_not_negative(self, crm: CrmUnderTest) -> None:
        can = crm.adapter.capabilities
        assert min(can.search_lag, can.settle_time) >= timedelta(0)

    async def test_no_more_numbers_are_declared_for_one_lookup_than_may_be_asked_for(self, crm: CrmUnderTest) -> None:
        assert 1 <= crm.adapter.capabilities.numbers_per_lookup <= MOST_NUMBERS

    async def test_declared_rate_limits_allow_something(self, crm: CrmUnderTest) -> None:
        for limit in crm.adapter.capabilities.rate_limits:
            assert min(limit.requests, limit.seconds) > 0


class CrmConformance(CrmObligations):
    """The suite with a CRM for each test. Subclasses implement `open_crm`, or provide the fixture `crm`."""

    pytestmark = pytest.mark.asyncio

    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        """The CRM under test, for one test."""
        pytest.fail("A subclass of CrmConformance says how to open the CRM: open_crm.")

    @pytest_asyncio.fixture
    async def crm(self, request: pytest.FixtureRequest) -> AsyncIterator[CrmUnderTest]:
        """The CRM under test. A test of an undeclared method is skipped before it creates records."""
        async with self.open_crm() as opened:
            adapter = KitAdapter(opened.adapter, opened.level)
            reason = adapter.reason_against(methods_in(request.function))
            if not reason:
                yield replace(opened, adapter=adapter)
                if not opened.ends_with_test:
                    await adapter.remove_what_was_made()
        if reason:
            pytest.skip(reason)
