"""The suite of the CRM port on one CRM for all tests of a class, as a sandbox is: to open one takes most of a test."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from leadline_server.testing.crm_conformance import CrmObligations, CrmUnderTest
from leadline_server.testing.kit_adapter import KitAdapter

ON_ONE_LOOP = pytest.mark.asyncio(loop_scope="class")


class SharedCrmConformance(CrmObligations):
    """A module of subclasses has the fixture `shared`, of the scope and the loop of a class.

    An adapter that is shared must remember no failure. The suite's names, numbers and keys are new in each test.
    """

    pytestmark = ON_ONE_LOOP

    @pytest_asyncio.fixture(loop_scope="class")
    async def crm(self, shared: CrmUnderTest) -> AsyncIterator[CrmUnderTest]:
        """The shared CRM. What a test made is removed, unless the CRM ends with the tests."""
        adapter = KitAdapter(shared.adapter, shared.level)
        yield replace(shared, adapter=adapter)
        if not shared.ends_with_test:
            await adapter.remove_what_was_made()
