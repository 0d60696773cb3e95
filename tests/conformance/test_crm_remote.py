"""An adapter in another process that fails keeps the CRM port's obligations, whatever it fails with."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest
import pytest_asyncio
from leadline_server.testing.crm_conformance import CrmObligations, CrmUnderTest
from leadline_server.testing.kit_adapter import KitAdapter
from support.embedded import embedded_crm_under_test
from support.grpc_trouble import troubled

TOKEN: Final = "Xy7-the-adapters-own"


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def remote() -> AsyncIterator[CrmUnderTest]:
    """One server and one connection for all tests: each recovers from its failure."""
    async with (
        embedded_crm_under_test() as crm,
        troubled(crm.adapter, TOKEN, deadline=2.0) as (adapter, trouble),
    ):
        yield replace(crm, adapter=adapter, trouble=trouble, secrets=(TOKEN,))


class TestRemoteCrm(CrmObligations):
    pytestmark = pytest.mark.asyncio(loop_scope="class")

    @pytest_asyncio.fixture(loop_scope="class")
    async def crm(self, remote: CrmUnderTest) -> AsyncIterator[CrmUnderTest]:
        adapter = KitAdapter(remote.adapter, remote.level)
        yield replace(remote, adapter=adapter)
        await adapter.remove_what_was_made()
