"""An adapter as the CRM conformance suite takes it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_harness import CrmUnderTest


@asynccontextmanager
async def under_test(opening: AbstractAsyncContextManager[CrmAdapter], **about: Any) -> AsyncIterator[CrmUnderTest]:
    """The adapter that `opening` opens, with whatever else is known of its CRM (see CrmUnderTest).

    `crm.opening.open_adapter` opens one of Python, `crm.remote.connecting.remote_crm` one in another process.
    """
    async with opening as adapter:
        yield CrmUnderTest(adapter=adapter, **about)
