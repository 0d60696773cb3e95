"""The server's process, from its start to its end."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from leadline_server.accounts.registry import AccountRegistry
from leadline_server.app import App, open_app
from leadline_server.concurrency.loop_watch import watched_loop
from leadline_server.config import AccountConfig, Settings
from leadline_server.domain.errors import CrmError, LedgerUnavailable
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.logs import configure_logs
from leadline_server.ports.crm import LookupRecall
from leadline_server.storage.sqlite import wal_warning
from leadline_server.transport.addresses import AddressUnavailable, check_free, split_address
from leadline_server.transport.admission.quotas import Quotas, QuotaSettings
from leadline_server.transport.connections import connection_limits
from leadline_server.transport.metrics import metrics_endpoint
from leadline_server.transport.server import Server

_log = structlog.get_logger(__name__)


def run(settings: Settings, announce: Callable[[str], object]) -> str | None:
    """Serve until SIGTERM or SIGINT. Returns the reason if the server could not start, else None.

    Args:
        settings: the settings.
        announce: called with the addresses when the server is ready, to print them for people.
    """
    configure_logs(settings.log_level, settings.log_format)
    try:
        uvloop.run(_serve(settings, announce))
    except (AddressUnavailable, LedgerUnavailable, CrmError) as error:
        return str(error)
    return None


async def _serve(settings: Settings, announce: Callable[[str], object]) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    for address in filter(None, (settings.listen, settings.metrics_listen, settings.http_listen)):
        check_free(address)  # before the ledger is opened and deliveries start
    registry = CollectorRegistry()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(watched_loop(registry))
        app = await stack.enter_async_context(open_app(settings, registry=registry))
        connections = connection_limits(settings.max_connections, settings.max_connection_age)
        server = Server(
            app.commands,
            registry,
            _quotas(settings),
            connections,
            authenticator=app.authenticator,
            has_reflection=settings.reflection or app.authenticator is None,
        )
        port = server.bind(settings.listen)
        metrics = metrics_endpoint(settings.metrics_listen, registry, lambda: server.is_serving, app.authenticator)
        metrics_port = await stack.enter_async_context(metrics)
        http_port = await stack.enter_async_context(_http(settings, server, app, registry, connections.http))
        await server.start()
        tune_garbage_collector()
        # One write, so that a program that waits for the first line can read all of them.
        announce(
            f"leadline serves gRPC on {_with_port(settings.listen, port)}"
            f" (metrics on http://{_with_port(settings.metrics_listen, metrics_port)}/metrics,"
            f" data in {settings.data_dir.absolute()}).\n"
            + _http_line(settings, http_port)
            + "Accounts: "
            + ", ".join(settings.accounts)
            + ". Stop with Ctrl-C."
        )
        for account_id in settings.accounts:
            await _warn_of_recall(app.commands.accounts, account_id)
        if warning := wal_warning():
            _log.warning("old sqlite", detail=warning)
        await stopping.wait()
        _log.info("draining", seconds=settings.grace_period)
        await server.drain(settings.grace_period)
    _log.info("stopped")


async def _warn_of_recall(accounts: AccountRegistry, account_id: str) -> None:
    """Say that an account creates contacts for unknown numbers, and that its CRM may not find all known ones."""
    account = await accounts.get(account_id)
    creates = account.settings.defaults.unknown_contact_action is UnknownContactAction.CREATE_PLACEHOLDER
    if creates and account.crm.capabilities.lookup_recall is not LookupRecall.COMPLETE:
        _log.warning(
            "lookups may miss contacts",
            account_id=account_id,
            detail="The CRM finds numbers only in the forms that leadline asks for, and the account creates"
            " placeholders. Name the forms that people write in number_formats, or expect duplicates.",
        )


@asynccontextmanager
async def _http(
    settings: Settings, server: Server, app: App, registry: CollectorRegistry, connections: int
) -> AsyncIterator[int]:
    """The HTTP port while the body runs, and its number; 0 where HTTP is off."""
    if not settings.http_listen:
        yield 0
        return
    try:
        from leadline_server.http.receiver import receiver_of
        from leadline_server.http.server import http_server
    except ModuleNotFoundError as error:
        _log.warning(
            "http is off", detail=f"{error.name} is missing. Install leadline[http], or set http_listen to ''."
        )
        yield 0
        return
    served = http_server(
        settings.http_listen,
        server.methods,
        receiver_of(app, settings, server.door, registry),
        public_url=settings.public_url,
        has_console=settings.console,
        grace=settings.grace_period,
        connections=connections,
        authenticator=app.authenticator,
    )
    async with served as port:
        yield port


def _quotas(settings: Settings) -> QuotaSettings:
    """The quotas of all accounts."""
    default = Quotas(
        calls_per_second=settings.account_calls_per_second,
        bytes_per_minute=settings.account_bytes_per_minute,
        in_flight_bytes=settings.account_in_flight_bytes,
        watches=settings.account_watches,
        waiting=settings.account_waiting,
    )
    own = {account_id: _own_quotas(account, default) for account_id, account in settings.accounts.items()}
    return QuotaSettings(default, own)


def _own_quotas(account: AccountConfig, default: Quotas) -> Quotas:
    names = ("calls_per_second", "bytes_per_minute", "in_flight_bytes", "watches")
    own = {name: value for name in names if (value := getattr(account, name)) is not None}
    return replace(default, **own)


def _http_line(settings: Settings, port: int) -> str:
    if not port:
        return ""
    address = f"http://{_with_port(settings.http_listen, port)}"
    page = f" The page for people is {address}/" if settings.console else ""
    return f"JSON over HTTP on {address}.{page}\n"


def tune_garbage_collector() -> None:
    """Collect garbage rarely, and never the objects of the start: collecting took a tenth of the time of each call.

    The threshold is low enough that no call waits long: a collection of 2,000 new objects takes 3 milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 50)


def _with_port(address: str, port: int) -> str:
    host, _ = split_address(address)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
