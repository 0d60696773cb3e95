"""The suite of the CRM port on one CRM for all tests of a class, as a sandbox is: to open one takes most of a test."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from fakes.shared import SharedFake
from leadline_server.testing.crm_conformance import CrmObligations, CrmUnderTest
from leadline_server.testing.kit_adapter import KitAdapter, methods_in

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


class OneFakeConformance(CrmObligations):
    """With one fake for the tests of a class. To each test it is as new, and so is the adapter.

    A module of subclasses has the fixture `fake`, of the scope and the loop of a class.
    """

    pytestmark = ON_ONE_LOOP
    fake: SharedFake[Any]

    def open_crm_in(self, region: str) -> AbstractAsyncContextManager[CrmUnderTest]:
        """The CRM at `fake`, for an account that reads numbers in `region`."""
        raise NotImplementedError("The class of each CRM opens its own.")

    @pytest_asyncio.fixture(loop_scope="class")
    async def crm(self, request: pytest.FixtureRequest, fake: SharedFake[Any]) -> AsyncIterator[CrmUnderTest]:
        """The CRM under test. A test of an undeclared method is skipped before it creates records."""
        self.fake = fake
        await fake.renew()
        async with self.open_crm_in("US") as opened:
            adapter = KitAdapter(opened.adapter, opened.level)
            if reason := adapter.reason_against(methods_in(request.function)):
                pytest.skip(reason)
            yield replace(opened, adapter=adapter)
