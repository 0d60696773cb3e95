"""A CRM under test whose adapter is served on this machine, and called as one in another process."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.crm.remote.server import serve_adapter
from leadline_server.crm.toolkit import AccountView
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_conformance import CrmUnderTest


@asynccontextmanager
async def over_loopback(adapter: CrmAdapter, **options: Any) -> AsyncIterator[CrmAdapter]:
    """An adapter, served on this machine and connected to. The conformance suite runs over it.

    Args:
        adapter: the adapter to serve.
        **options: settings of the connection; see `RemoteSettings`.
    """
    settings = AccountSettings()

    def connect(_: AccountView) -> CrmAdapter:
        return adapter

    async with (
        serve_adapter(connect, grace=0) as port,
        remote_crm(f"127.0.0.1:{port}", settings=settings, **options) as crm,
    ):
        yield crm


@asynccontextmanager
async def crm_over_loopback(opening: AbstractAsyncContextManager[CrmUnderTest]) -> AsyncIterator[CrmUnderTest]:
    """The CRM that `opening` opens. Its adapter is called through gRPC."""
    async with opening as crm, over_loopback(crm.adapter) as adapter:
        yield replace(crm, adapter=adapter)
