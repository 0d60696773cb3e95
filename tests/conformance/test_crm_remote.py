"""An adapter in another process that fails keeps the CRM port's obligations, whatever it fails with."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest_asyncio
from leadline_server.testing.crm_conformance import CrmUnderTest
from support.embedded import embedded_crm_under_test
from support.grpc_trouble import troubled
from support.shared_crm import SharedCrmConformance

TOKEN: Final = "Xy7-the-adapters-own"


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def shared() -> AsyncIterator[CrmUnderTest]:
    async with (
        embedded_crm_under_test() as crm,
        troubled(crm.adapter, TOKEN, deadline=2.0) as (adapter, trouble),
    ):
        yield replace(crm, adapter=adapter, trouble=trouble, secrets=(TOKEN,))


class TestRemoteCrm(SharedCrmConformance):
    """On one server and one connection; each test recovers from its failure."""
