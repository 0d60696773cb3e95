"""The conformance suite of the CRM port: every obligation that ports/crm.py states, as a test.

To run it over an adapter, subclass it in a test module and say how to get one:

    class TestMyCrm(CrmConformance):
        @pytest.fixture
        async def crm(self):
            async with open_my_adapter() as adapter:
                yield CrmUnderTest(adapter=adapter)

That tests what can be seen through the adapter alone. With `people` (see CrmUnderTest) the suite also acts in the CRM
as its users do, and looks at what arrived there. What an adapter does not declare in its capabilities is skipped, and
the skip says why. It needs pytest and pytest-asyncio.
"""

from datetime import timedelta

import pytest

from leadline_server.testing.crm_call_log_cases import UpdateLogCases, WriteLogCases
from leadline_server.testing.crm_contact_cases import CreateCases
from leadline_server.testing.crm_harness import CrmUnderTest, People, SeenLog
from leadline_server.testing.crm_lookup_cases import LookupCases, ReadCases

__all__ = ["CrmConformance", "CrmUnderTest", "People", "SeenLog"]


class CrmConformance(LookupCases, ReadCases, CreateCases, WriteLogCases, UpdateLogCases):
    """Every obligation of ports.crm.CrmAdapter. Subclasses provide the fixture `crm`."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def crm(self) -> CrmUnderTest:
        """The CRM under test."""
        pytest.fail("A subclass of CrmConformance provides the fixture crm.")

    async def test_a_crm_that_works_passes_its_check(self, crm: CrmUnderTest) -> None:
        await crm.adapter.check()

    async def test_capabilities_are_constant(self, crm: CrmUnderTest) -> None:
        before = crm.adapter.capabilities
        await crm.a_contact()
        assert crm.adapter.capabilities == before

    async def test_declared_times_are_not_negative(self, crm: CrmUnderTest) -> None:
        can = crm.adapter.capabilities
        assert min(can.search_lag, can.settle_time) >= timedelta(0)
