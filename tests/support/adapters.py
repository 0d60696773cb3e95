"""Adapters as leadline opens them, without a server context them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from leadline_server.clock import SystemClock
from leadline_server.crm.adapter_registry import adapter_type
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.crm import CrmAdapter

from support.secrets_keys import keys_with


@asynccontextmanager
async def adapter_context(folder: Path) -> AsyncIterator[AdapterContext]:
    """The context of a connection named `crm`; tokens are kept in `folder`."""
    async with AsyncExitStack() as closing, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        ledger = await closing.enter_async_context(open_sqlite_ledger(folder / "ledger.db", keys_with()))
        yield AdapterContext(
            name="crm",
            session=session,
            tokens=ledger.tokens,
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
) -> AsyncIterator[CrmAdapter]:
    """The adapter `name` with `options`, for an account with `settings`; tokens are kept in `folder`."""
    kind = adapter_type(name)
    async with adapter_context(folder) as context:
        connect = await kind.open(kind.settings.model_validate(dict(options)), context)
        yield connect(AccountView("demo", settings))
