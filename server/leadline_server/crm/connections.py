"""Opens the CRM connections that the settings name, each once, and makes the adapter of each account."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from leadline_server.clock import Clock
from leadline_server.crm.adapter_registry import adapter_type
from leadline_server.crm.egress import Egress
from leadline_server.crm.http_sessions import trusted_session
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext, AnyAdapterType, Connect
from leadline_server.crm.unconnected_crm import NOT_CONNECTED, UnconnectedCrm
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.crm_errors import CrmAuthFailed
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import Capabilities, CrmMethod
from leadline_server.ports.ledger import TokenStore

_EMBEDDED: Final = "embedded"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """One connection of the settings.

    Attributes:
        adapter: the adapter's name, such as `hubspot`.
        options: the adapter's own settings.
        search_lag: in seconds, if it differs from what the adapter declares.
        settle: the settle time in seconds, if it differs likewise.
    """

    adapter: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    search_lag: float | None = None
    settle: float | None = None


@dataclass(frozen=True, slots=True)
class AccountCrm:
    """An account's adapter without wrappers.

    Attributes:
        adapter: the adapter.
        kind: the name of its kind, such as `hubspot`.
        is_remote: whether the CRM is reached over a network.
        has_clean_texts: whether its texts need no cleaning.
        is_connected: whether the connection could be opened.
    """

    adapter: CrmAdapter
    kind: str
    is_remote: bool
    has_clean_texts: bool = False
    is_connected: bool = True


MakeContext = Callable[[str, AsyncExitStack], AdapterContext]
"""Makes the context of a connection from its name, and a stack for what is closed with it."""


class Connections:
    """The connections of the settings. Call it with an account for the account's CRM.

    Args:
        configs: the connections by name.
        connection_of: returns the name of an account's connection; None for an account without one.
        context: makes contexts.
        closing: closes everything in the end.
    """

    def __init__(
        self,
        configs: Mapping[str, ConnectionSpec],
        connection_of: Callable[[str], str | None],
        context: MakeContext,
        closing: AsyncExitStack,
    ) -> None:
        self._configs = configs
        self._connection_of = connection_of
        self._context = context
        self._closing = closing
        self._opened: dict[str, tuple[AnyAdapterType, Connect]] = {}
        self._opening = asyncio.Lock()

    async def open(self, name: str) -> None:
        """Open a connection once. Raises CrmUnavailable."""
        async with self._opening:
            if name in self._opened:
                return
            config = self._configs.get(name, ConnectionSpec(name))
            kind = adapter_type(config.adapter)
            settings = kind.settings.model_validate(dict(config.options))
            self._opened[name] = kind, await kind.open(settings, self._context(name, self._closing))

    async def embedded(self, account: AccountView) -> AccountCrm:
        """The embedded CRM of an account that the settings do not have."""
        await self.open(_EMBEDDED)
        return self._of(account, _EMBEDDED)

    def __call__(self, account: AccountView) -> AccountCrm:
        """The CRM of an account of the settings. Its connection must be open."""
        name = self._connection_of(account.id)
        return unconnected() if name is None else self._of(account, name)

    def _of(self, account: AccountView, name: str) -> AccountCrm:
        kind, connect = self._opened[name]
        adapter, config = connect(account), self._configs.get(name, ConnectionSpec(name))
        if kind.is_remote or config.search_lag is not None or config.settle is not None:
            adapter = NamedCrm(adapter, name, config)
        return AccountCrm(adapter, kind.name, kind.is_remote, kind.has_clean_texts)


def unconnected(reason: str = NOT_CONNECTED, *, is_connected: bool = True) -> AccountCrm:
    """An account without a CRM. `is_connected` is false if its connection is to be tried again."""
    return AccountCrm(UnconnectedCrm(reason), "none", is_remote=False, has_clean_texts=True, is_connected=is_connected)


class LedgerOfConnections(Protocol):
    """The parts of a ledger that connections need."""

    @property
    def tokens(self) -> TokenStore:
        """The OAuth tokens."""
        ...

    @property
    def storage(self) -> object:
        """The database, for a CRM that lives in it."""
        ...


@asynccontextmanager
async def open_connections(
    configs: Mapping[str, ConnectionSpec],
    connection_of: Callable[[str], str | None],
    ledger: LedgerOfConnections,
    data_dir: Path,
    clock: Clock,
    process_id: str,
    numbering: Mapping[str, NumberingRules] | None = None,
    egress: Egress | None = None,
) -> AsyncIterator[Connections]:
    """Open connections until the body ends.

    Args:
        configs: the connections to open, by name.
        connection_of: returns the name of an account's connection; None for an account without one.
        ledger: stores OAuth tokens, and may have a CRM's tables.
        data_dir: leadline's folder.
        clock: the time of day.
        process_id: the id of this process.
        numbering: how the accounts' numbers are read, by their ids: for adapters that keep contacts themselves.
        egress: how connections leave this machine.

    Raises:
        CrmUnavailable: a connection cannot be opened; the message says what to do.
    """
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(trusted_session(egress or Egress()))

        def context(name: str, closing: AsyncExitStack) -> AdapterContext:
            return AdapterContext(
                name=name,
                session=session,
                tokens=ledger.tokens,
                clock=clock,
                data_dir=data_dir,
                numbering=numbering or {},
                closing=closing,
                process_id=process_id,
                egress=egress or Egress(),
                storage=ledger.storage,
            )

        connections = Connections(configs, connection_of, context, stack)
        for name in configs:
            await connections.open(name)
        yield connections


class NamedCrm(CrmWrapper):
    """`inner` with the times that the settings give. An error about credentials names the connection."""

    def __init__(self, inner: CrmAdapter, name: str, config: ConnectionSpec | None = None) -> None:
        super().__init__(inner)
        self._name = name
        self._config = config or ConnectionSpec("")
        self._declared: Capabilities | None = None
        self._capabilities: Capabilities

    @property
    def capabilities(self) -> Capabilities:
        """Those of `inner`, apart from the times. A delivery reads them up to nine times, so they are kept."""
        declared = self._inner.capabilities
        if declared is not self._declared:
            self._declared = declared
            self._capabilities = replace(
                declared,
                search_lag=_time(self._config.search_lag, declared.search_lag),
                settle_time=_time(self._config.settle, declared.settle_time),
            )
        return self._capabilities

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        del method
        try:
            return await work(*args, **kwargs)
        except CrmAuthFailed as error:
            error.message = f"Connection {self._name!r}: {error.message}"
            error.args = (error.message,)
            raise


def _time(seconds: float | None, declared: timedelta) -> timedelta:
    return declared if seconds is None else timedelta(seconds=seconds)
