"""A CRM under test whose adapter is served on this machine, and called as one in another process."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from leadline_server.crm.remote.server import over_loopback
from leadline_server.testing.crm_conformance import CrmUnderTest


@asynccontextmanager
async def crm_over_loopback(opening: AbstractAsyncContextManager[CrmUnderTest]) -> AsyncIterator[CrmUnderTest]:
    """The CRM that `opening` opens. Its adapter is called through gRPC."""
    async with opening as crm, over_loopback(crm.adapter) as adapter:
        yield replace(crm, adapter=adapter)
