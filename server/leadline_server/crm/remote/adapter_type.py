"""The adapter type `remote`: one gRPC channel for each connection, shared by its accounts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from leadline_server.crm.egress import AddressRefused, Egress, checked_address
from leadline_server.crm.remote.adapter import RemoteCrm
from leadline_server.crm.remote.channel import open_channel
from leadline_server.crm.remote.description import Description
from leadline_server.crm.remote.settings import RemoteSettings, split_address
from leadline_server.crm.remote.wire import Wire
from leadline_server.crm.toolkit import AccountView, AdapterContext, AdapterType, Connect, OwnFields
from leadline_server.domain.crm_errors import CrmError, CrmUnavailable
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter

OPENING_SECONDS: Final = 2.0
"""How long leadline's start waits for an adapter's description. Without one, the first call asks again."""


@asynccontextmanager
async def open_remote(
    settings: RemoteSettings, name: str = "remote", egress: Egress | None = None, checked_host: str = ""
) -> AsyncIterator[Connect]:
    """Connect to an adapter, for any number of accounts, until the body ends.

    Args:
        settings: the settings of the connection.
        name: the connection's name, for leadline's log.
        egress: the proxy and the root certificates of all connections.
        checked_host: the address to connect to, if the host in the settings had to be checked.

    Raises:
        CrmUnavailable: a file that the settings name cannot be read. An adapter that does not answer is no error here.
    """
    channel = open_channel(settings, egress, checked_host)
    wire = Wire(channel, settings)
    description, own = Description(wire, name), OwnFields(settings)
    try:
        with suppress(CrmError, TimeoutError):
            async with asyncio.timeout(OPENING_SECONDS):
                await description.ready()
        yield lambda account: RemoteCrm(wire, description, account, own)
    finally:
        await description.close()
        await channel.close()


@asynccontextmanager
async def remote_crm(
    address: str, account_id: str = "demo", settings: AccountSettings | None = None, **options: Any
) -> AsyncIterator[CrmAdapter]:
    """The adapter at an address, for one account. The conformance suite uses it.

    Args:
        address: HOST:PORT.
        account_id: the account's id in requests.
        settings: the account's settings; by default the built-in ones.
        **options: further settings of the connection.
    """
    known = settings or AccountSettings()
    async with open_remote(RemoteSettings.model_validate({"address": address, **options})) as connect:
        yield connect(AccountView(account_id, lambda: known))


async def _open(settings: RemoteSettings, context: AdapterContext) -> Connect:
    checked = ""
    if context.is_checked:
        checked = await _checked(settings, context.egress)
    return await context.closing.enter_async_context(open_remote(settings, context.name, context.egress, checked))


async def _checked(settings: RemoteSettings, egress: Egress) -> str:
    """The address to connect to; empty if a proxy resolves the name. Raises CrmUnavailable."""
    host, _ = split_address(settings.address)
    if not egress.proxy:
        return await checked_address(egress, host)
    try:
        egress.check_literal(host)
    except AddressRefused as error:
        raise CrmUnavailable(str(error)) from error
    return ""


REMOTE = AdapterType(name="remote", title="An adapter in another process", settings=RemoteSettings, open=_open)
