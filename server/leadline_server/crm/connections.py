"""Opens the CRM connections that the settings name, each once, and makes the adapter of each account."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import aiohttp

from leadline_server.clock import Clock
from leadline_server.crm.adapter_registry import adapter_type
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext, AnyAdapterType, Connect
from leadline_server.crm.unconnected_crm import UnconnectedCrm
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.errors import CrmAuthFailed
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.ports.crm import Capabilities, CrmAdapter, CrmMethod
from leadline_server.ports.ledger import TokenStore

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
    """

    adapter: CrmAdapter
    kind: str
    is_remote: bool
    has_clean_texts: bool = False


@asynccontextmanager
async def open_connections(
    configs: Mapping[str, ConnectionSpec],
    connection_of: Callable[[str], str | None],
    tokens: TokenStore,
    data_dir: Path,
    clock: Clock,
    process_id: str,
    numbering: Mapping[str, NumberingRules] | None = None,
) -> AsyncIterator[Callable[[AccountView], AccountCrm]]:
    """Open connections until the body ends; yields a function that makes the adapter of an account.

    Args:
        configs: the connections to open, by name.
        connection_of: returns the name of an account's connection; None for an account without one.
        tokens: stores OAuth tokens.
        data_dir: leadline's folder.
        clock: the time of day.
        process_id: the id of this process.
        numbering: how the accounts' numbers are read, by their ids: for adapters that keep contacts themselves.

    Raises:
        CrmUnavailable: a connection cannot be opened; the message says what to do.
    """
    async with AsyncExitStack() as stack:
        # Each account limits its own requests. A full connection pool would only hide where they wait.
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())
        await stack.enter_async_context(session)
        opened: dict[str, tuple[AnyAdapterType, Connect]] = {}
        for name, config in configs.items():
            kind = adapter_type(config.adapter)
            context = AdapterContext(
                name=name,
                session=session,
                tokens=tokens,
                clock=clock,
                data_dir=data_dir,
                numbering=numbering or {},
                closing=stack,
                process_id=process_id,
            )
            opened[name] = kind, await kind.open(kind.settings.model_validate(dict(config.options)), context)

        def connect(account: AccountView) -> AccountCrm:
            name = connection_of(account.id)
            if name is None:
                return AccountCrm(UnconnectedCrm(), "none", is_remote=False, has_clean_texts=True)
            kind, connect = opened[name]
            adapter, config = connect(account), configs[name]
            if kind.is_remote or config.search_lag is not None or config.settle is not None:
                adapter = _ConfiguredCrm(adapter, name, config)
            return AccountCrm(adapter, kind.name, kind.is_remote, kind.has_clean_texts)

        yield connect


class _ConfiguredCrm(CrmWrapper):
    """`inner` with the times that the settings give. An error about credentials names the connection."""

    def __init__(self, inner: CrmAdapter, name: str, config: ConnectionSpec) -> None:
        super().__init__(inner)
        self._name = name
        self._config = config

    @property
    def capabilities(self) -> Capabilities:
        """Those of `inner`, apart from the times."""
        declared = self._inner.capabilities
        return replace(
            declared,
            search_lag=_time(self._config.search_lag, declared.search_lag),
            settle_time=_time(self._config.settle, declared.settle_time),
        )

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await super()._do(method, work, *args, **kwargs)
        except CrmAuthFailed as error:
            error.message = f"Connection {self._name!r}: {error.message}"
            error.args = (error.message,)
            raise


def _time(seconds: float | None, declared: timedelta) -> timedelta:
    return declared if seconds is None else timedelta(seconds=seconds)
