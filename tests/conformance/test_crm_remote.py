"""An adapter in another process that fails keeps the CRM port's obligations, whatever it fails with."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from support.embedded import embedded_crm_under_test
from support.grpc_trouble import troubled

TOKEN: Final = "Xy7-the-adapters-own"


@asynccontextmanager
async def remote_crm_under_test() -> AsyncIterator[CrmUnderTest]:
    async with (
        embedded_crm_under_test() as crm,
        troubled(crm.adapter, TOKEN, deadline=2.0) as (adapter, trouble),
    ):
        yield replace(crm, adapter=adapter, trouble=trouble, secrets=(TOKEN,))


class TestRemoteCrm(CrmConformance):
    def open_crm(self) -> AbstractAsyncContextManager[CrmUnderTest]:
        return remote_crm_under_test()
