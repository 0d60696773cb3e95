"""Opens one adapter as leadline does, but without a server: for the tests of adapter authors."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from leadline_server.clock import SystemClock
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext, AnyAdapterType
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_harness import CrmUnderTest


@asynccontextmanager
async def open_adapter(
    kind: AnyAdapterType,
    options: Mapping[str, Any],
    *,
    account_id: str = "demo",
    settings: AccountSettings | None = None,
) -> AsyncIterator[CrmAdapter]:
    """The adapter of one account. Its tokens are forgotten in the end.

    Args:
        kind: which adapter.
        options: what a connection's table in the settings has besides `adapter`.
        account_id: the account.
        settings: the account's; the defaults if they are not given.
    """
    known = settings or AccountSettings()
    async with AsyncExitStack() as closing:
        around = AdapterContext(
            name="connection",
            session=await closing.enter_async_context(aiohttp.ClientSession()),
            tokens=_TokensInMemory(),
            clock=SystemClock(),
            data_dir=Path(closing.enter_context(TemporaryDirectory())),
            closing=closing,
            process_id="this process",
        )
        connect = await kind.open(kind.settings.model_validate(dict(options)), around)
        yield connect(AccountView(account_id, lambda: known))


@asynccontextmanager
async def under_test(opening: AbstractAsyncContextManager[CrmAdapter], **about: Any) -> AsyncIterator[CrmUnderTest]:
    """The adapter that `opening` opens, as the conformance suite takes it.

    Args:
        opening: `open_adapter` for one in Python, `crm.remote.adapter_type.remote_crm` for one in another process.
        **about: further arguments of `CrmUnderTest`, such as `region="GB"`.
    """
    async with opening as adapter:
        yield CrmUnderTest(adapter=adapter, **about)


class _TokensInMemory:
    """A TokenStore for one process."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}
        self._owners: dict[str, tuple[str, datetime]] = {}

    async def get(self, connection: str) -> bytes | None:
        return self._documents.get(connection)

    async def acquire(self, connection: str, owner: str, now: datetime, until: datetime) -> bool:
        holder, end = self._owners.get(connection, (owner, now))
        if holder != owner and now < end:
            return False
        self._owners[connection] = owner, until
        return True

    async def put(self, connection: str, owner: str, document: bytes) -> None:
        self._documents[connection] = document
        await self.release(connection, owner)

    async def release(self, connection: str, owner: str) -> None:
        if self._owners.get(connection, ("", None))[0] == owner:
            del self._owners[connection]
