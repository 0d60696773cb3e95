"""One adapter as leadline opens it, without a server around it: for the tests of those who write adapters."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from leadline_server.clock import SystemClock
from leadline_server.crm.connections import AccountView, AdapterContext, AnyAdapterType
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter


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
        )
        connect = await kind.open(kind.settings.model_validate(dict(options)), around)
        yield connect(AccountView(account_id, lambda: known))


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
