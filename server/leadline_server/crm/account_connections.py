"""Opens the connections that accounts have of their own, when they are first used and after each change."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.crm.account_settings_check import Catalogue, read_settings
from leadline_server.crm.connections import AccountCrm, Connections, MakeContext, NamedCrm, unconnected
from leadline_server.crm.egress import Egress
from leadline_server.crm.http_sessions import checked_session
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext
from leadline_server.domain.crm_errors import CrmError
from leadline_server.domain.errors import InvalidRequest
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import AccountConnections, Ledger, account_owner

AGAIN_SECONDS: Final = 5.0
"""How long a connection that could not be opened is not tried again."""

CLOSE_SECONDS: Final = 60.0
"""How long a connection that was replaced stays open, for the requests in progress."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Opened:
    revision: int
    crm: AccountCrm
    closing: AsyncExitStack
    opened_at: float


class OwnConnections:
    """The open ones of a process.

    Args:
        store: has their settings and secrets.
        context: makes contexts whose sessions reach checked hosts only.
        embedded: makes the embedded CRM of an account.
        catalogue: the definitions that they may name.
        clock: the clock.
    """

    def __init__(
        self,
        store: AccountConnections,
        context: MakeContext,
        embedded: Callable[[AccountView], Awaitable[AccountCrm]],
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        self._store = store
        self._context = context
        self._embedded = embedded
        self._catalogue = catalogue
        self._clock = clock
        self._opened: dict[str, _Opened] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def connect(self, account: AccountView, revision: int) -> AccountCrm:
        """The account's CRM by its own connection. If it cannot be opened, one that says why, and tries again later."""
        known = self._opened.get(account.id)
        if known is not None and known.revision == revision and not self._is_due(known):
            return known.crm
        closing = AsyncExitStack()
        try:
            crm = await self._open(account, closing)
        except (CrmError, LedgerUnavailable, InvalidRequest) as error:
            said = ", ".join(one.description for one in getattr(error, "violations", ())) or error.message
            _log.warning("connection not opened", account_id=account.id, detail=said)
            crm = unconnected(f"The account's connection cannot be opened: {said}", is_connected=False)
        opened = _Opened(revision, crm, closing, self._clock.monotonic())
        self._opened[account.id] = opened
        if known is not None:
            self._close_later(known.closing)
        return crm

    async def close(self) -> None:
        """Close all of them."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        for opened in self._opened.values():
            await opened.closing.aclose()

    def _is_due(self, known: _Opened) -> bool:
        return not known.crm.is_connected and self._clock.monotonic() - known.opened_at >= AGAIN_SECONDS

    async def _open(self, account: AccountView, closing: AsyncExitStack) -> AccountCrm:
        own = await self._store.get(account.id, with_secrets=True)
        if own is None:
            return unconnected()
        kind, settings = read_settings(own.adapter, own.options, own.secrets, self._catalogue)
        if not kind.is_remote:
            return await self._embedded(account)
        name = account_owner(account.id)
        connect = await kind.open(settings, self._context(name, closing))
        return AccountCrm(NamedCrm(connect(account), name), kind.name, is_remote=True)

    def _close_later(self, closing: AsyncExitStack) -> None:
        async def close() -> None:
            try:
                await asyncio.sleep(CLOSE_SECONDS)
            finally:
                await closing.aclose()

        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@asynccontextmanager
async def open_own_connections(
    ledger: Ledger,
    settings_connections: Connections,
    egress: Egress,
    catalogue: Catalogue,
    clock: Clock,
    process_id: str,
    data_dir: Path,
) -> AsyncIterator[OwnConnections]:
    """The connections of accounts, closed in the end.

    Args:
        ledger: has their settings, secrets and tokens.
        settings_connections: has the embedded CRM.
        egress: which hosts they may reach.
        catalogue: the definitions that they may name.
        clock: the clock.
        process_id: the id of this process.
        data_dir: leadline's folder.
    """
    async with checked_session(egress) as session:

        def context(name: str, closing: AsyncExitStack) -> AdapterContext:
            return AdapterContext(
                name=name,
                session=session,
                tokens=ledger.tokens,
                clock=clock,
                data_dir=data_dir,
                closing=closing,
                process_id=process_id,
                egress=egress,
                is_checked=True,
            )

        own = OwnConnections(ledger.account_connections, context, settings_connections.embedded, catalogue, clock)
        try:
            yield own
        finally:
            await own.close()
