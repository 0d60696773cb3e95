"""From the settings to adapters at work: every connection that an account names, opened once."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from leadline_server.clock import Clock
from leadline_server.crm.connections import AccountView, AnyAdapterType, Connect, Surroundings
from leadline_server.crm.registry import adapter_type
from leadline_server.crm.sealing import SealedTokens, load_key
from leadline_server.crm.unconnected import UnconnectedCrm
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.ports.crm import Capabilities, CrmAdapter
from leadline_server.ports.tokens import TokenStore


@dataclass(frozen=True, slots=True)
class Choice:
    """What the settings say of a connection.

    Attributes:
        adapter: the adapter's word.
        options: what that adapter is told.
        search_lag: in seconds, where this CRM is known to differ from what the adapter declares; so too
        settle: for the time in which writes settle.
    """

    adapter: str
    options: Mapping[str, Any] = field(default_factory=dict)
    search_lag: float | None = None
    settle: float | None = None


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
    numbering: Mapping[str, NumberingRules] | None = None,
) -> AsyncIterator[Callable[[AccountView], AccountCrm]]:
    """Open connections, all closed in the end; yields what makes the adapter of an account.

    Args:
        choices: all that are wanted, by name.
        connection_of: the name of an account's connection; None for an account that has none.
        tokens: where OAuth tokens are kept, sealed with a key in `data_dir`, which is made when it is first needed.
        data_dir: leadline's folder.
        clock: the time of day.
        numbering: how the accounts' numbers are read, by their ids; of adapters that keep contacts themselves.

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
                name=name,
                session=session,
                tokens=sealed,
                clock=clock,
                data_dir=data_dir,
                numbering=numbering or {},
                closing=stack,
            )
            opened[name] = kind, await kind.open(kind.settings.model_validate(dict(choice.options)), around)

        def connect(account: AccountView) -> AccountCrm:
            name = connection_of(account.id)
            if name is None:
                return AccountCrm(UnconnectedCrm(), "none", is_remote=False)
            kind, connect = opened[name]
            return AccountCrm(_declared(connect(account), choices[name]), kind.name, is_remote=kind.is_remote)

        yield connect


class _DeclaredCrm(CrmWrapper):
    """`inner`, whose times are what the settings say."""

    def __init__(self, inner: CrmAdapter, choice: Choice) -> None:
        super().__init__(inner)
        self._choice = choice

    @property
    def capabilities(self) -> Capabilities:
        """The inner one's, but for the times."""
        declared = self._inner.capabilities
        return replace(
            declared,
            search_lag=_time(self._choice.search_lag, declared.search_lag),
            settle_time=_time(self._choice.settle, declared.settle_time),
        )


def _declared(adapter: CrmAdapter, choice: Choice) -> CrmAdapter:
    is_as_declared = choice.search_lag is None and choice.settle is None
    return adapter if is_as_declared else _DeclaredCrm(adapter, choice)


def _time(seconds: float | None, declared: timedelta) -> timedelta:
    return declared if seconds is None else timedelta(seconds=seconds)
