"""From the settings to adapters at work: every connection that an account names, opened once."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from leadline_server.clock import Clock
from leadline_server.crm.connections import AccountView, AnyAdapterType, Connect, Surroundings
from leadline_server.crm.registry import adapter_type
from leadline_server.crm.sealing import SealedTokens, load_key
from leadline_server.crm.unconnected import UnconnectedCrm
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.tokens import TokenStore


@dataclass(frozen=True, slots=True)
class Choice:
    """What the settings say of a connection: the adapter's word, and what that adapter is told."""

    adapter: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountCrm:
    """An account's bare adapter, and of which kind it is: its word, and whether it is asked over a network."""

    adapter: CrmAdapter
    kind: str
    is_remote: bool


@asynccontextmanager
async def open_connections(
    choices: Mapping[str, Choice],
    connection_of: Callable[[str], str | None],
    tokens: TokenStore,
    data_dir: Path,
    clock: Clock,
) -> AsyncIterator[Callable[[AccountView], AccountCrm]]:
    """Open connections, all closed in the end; yields what makes the adapter of an account.

    Args:
        choices: all that are wanted, by name.
        connection_of: the name of an account's connection; None for an account that has none.
        tokens: where OAuth tokens are kept, sealed with a key in `data_dir`, which is made when it is first needed.
        data_dir: leadline's folder.
        clock: the time of day.

    Raises:
        CrmUnavailable: one cannot be opened; the message says what to do.
    """
    async with AsyncExitStack() as stack:
        # leadline bounds how much is asked at once by account; a pool that is full would only hide it.
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
        await stack.enter_async_context(session)
        sealed = SealedTokens(tokens, lambda: load_key(data_dir / "token.key"))
        opened: dict[str, tuple[AnyAdapterType, Connect]] = {}
        for name, choice in choices.items():
            kind = adapter_type(choice.adapter)
            around = Surroundings(
                name=name, session=session, tokens=sealed, clock=clock, data_dir=data_dir, closing=stack
            )
            opened[name] = kind, await kind.open(kind.settings.model_validate(dict(choice.options)), around)

        def connect(account: AccountView) -> AccountCrm:
            name = connection_of(account.id)
            if name is None:
                return AccountCrm(UnconnectedCrm(), "none", is_remote=False)
            kind, connect = opened[name]
            return AccountCrm(connect(account), kind.name, is_remote=kind.is_remote)

        yield connect
