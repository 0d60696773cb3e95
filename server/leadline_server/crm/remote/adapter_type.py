"""Adapters in other processes as a kind of adapter: one channel a connection, for all accounts that name it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from leadline_server.crm.remote.adapter import RemoteCrm
from leadline_server.crm.remote.channel import open_channel
from leadline_server.crm.remote.description import Description
from leadline_server.crm.remote.settings import RemoteSettings
from leadline_server.crm.remote.wire import Wire
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext, AdapterType, Connect
from leadline_server.domain.errors import CrmError
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter

OPENING_SECONDS: Final = 2.0
"""How long leadline's start waits for an adapter to describe itself. One that is away is asked again when needed."""


@asynccontextmanager
async def open_remote(settings: RemoteSettings, name: str = "remote") -> AsyncIterator[Connect]:
    """Connect to an adapter, for any number of accounts, until the body ends.

    Args:
        settings: where it is.
        name: of the connection, for leadline's log.

    Raises:
        CrmUnavailable: a file that the settings name cannot be used. An adapter that is away is no error.
    """
    channel = open_channel(settings)
    wire = Wire(channel, settings)
    description = Description(wire, name)
    try:
        with suppress(CrmError, TimeoutError):
            async with asyncio.timeout(OPENING_SECONDS):
                await description.ready()
        yield lambda account: RemoteCrm(wire, description, account)
    finally:
        await description.close()
        await channel.close()


@asynccontextmanager
async def remote_crm(
    address: str, account_id: str = "demo", settings: AccountSettings | None = None, **options: Any
) -> AsyncIterator[CrmAdapter]:
    """The adapter at an address, for one account: what the conformance suite is run over.

    Args:
        address: HOST:PORT.
        account_id: what the adapter is told.
        settings: of the account; the defaults if they are not given.
        **options: further ones of a connection, as in a configuration file.
    """
    known = settings or AccountSettings()
    async with open_remote(RemoteSettings.model_validate({"address": address, **options})) as connect:
        yield connect(AccountView(account_id, lambda: known))


async def _open(settings: RemoteSettings, around: AdapterContext) -> Connect:
    return await around.closing.enter_async_context(open_remote(settings, around.name))


REMOTE = AdapterType(name="remote", title="An adapter in another process", settings=RemoteSettings, open=_open)
