"""Adapters as leadline opens them, without a server context them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from leadline_server.clock import SystemClock
from leadline_server.crm.adapter_registry import adapter_type
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext
from leadline_server.domain.preferences import AccountSettings
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.ledger.tokens import TokenStore

from support.empty_files import put_empty_ledger
from support.secrets_keys import key_file


class LedgerTokens:
    """The tokens of a ledger in `folder` that opens when they are first used: most adapters have none."""

    def __init__(self, folder: Path, closing: AsyncExitStack) -> None:
        self._folder, self._closing = folder, closing
        self._store: TokenStore | None = None
        self._opening = asyncio.Lock()

    async def get(self, connection: str) -> bytes | None:
        return await (await self._opened()).get(connection)

    async def acquire(self, connection: str, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        return await (await self._opened()).acquire(connection, lease_owner, now, lease_until)

    async def put(self, connection: str, lease_owner: str, document: bytes) -> None:
        await (await self._opened()).put(connection, lease_owner, document)

    async def release(self, connection: str, lease_owner: str) -> None:
        await (await self._opened()).release(connection, lease_owner)

    async def _opened(self) -> TokenStore:
        async with self._opening:
            if self._store is None:
                path, keys = self._folder / "ledger.db", SecretsKeys(key_file(self._folder / "secrets.key"))
                await put_empty_ledger(path)
                self._store = (await self._closing.enter_async_context(open_sqlite_ledger(path, keys))).tokens
            return self._store


@asynccontextmanager
async def adapter_context(
    folder: Path, tokens: TokenStore | None = None, connection: str = "crm"
) -> AsyncIterator[AdapterContext]:
    """The context of a connection; its tokens are in `tokens`, or kept in `folder`."""
    async with AsyncExitStack() as closing, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield AdapterContext(
            name=connection,
            session=session,
            tokens=tokens or LedgerTokens(folder, closing),
            clock=SystemClock(),
            data_dir=folder,
            closing=closing,
            process_id="this process",
        )


@asynccontextmanager
async def opened_adapter(
    name: str,
    options: Mapping[str, Any],
    folder: Path,
    settings: Callable[[], AccountSettings] = AccountSettings,
    tokens: TokenStore | None = None,
    connection: str = "crm",
) -> AsyncIterator[CrmAdapter]:
    """The adapter `name` with `options`, for an account with `settings`; its tokens are in `tokens`, or in `folder`."""
    kind = adapter_type(name)
    async with adapter_context(folder, tokens, connection) as context:
        connect = await kind.open(kind.settings.model_validate(dict(options)), context)
        yield connect(AccountView("demo", settings))
