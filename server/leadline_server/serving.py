"""The server's process, from its start to its end."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import structlog
import uvloop
from prometheus_client import CollectorRegistry, Gauge
from structlog.typing import Processor

from leadline_server.accounts.registry import Account
from leadline_server.allocator import share_arenas
from leadline_server.app import App, open_app
from leadline_server.concurrency.loop_watch import watched_loop
from leadline_server.config import Settings
from leadline_server.config_tables import AccountConfig
from leadline_server.config_values import is_postgres
from leadline_server.domain.crm_errors import CrmError
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.ledger_health import watch_ledger
from leadline_server.logs import configure_logs
from leadline_server.parts import PLAIN
from leadline_server.ports.crm_guarantees import CrmMethod, LookupRecall
from leadline_server.scheduling import prefer_throughput
from leadline_server.storage.sqlite import wal_warning
from leadline_server.transport.addresses import AddressUnavailable, check_free, split_address
from leadline_server.transport.admission.quotas import Quotas, QuotaSettings
from leadline_server.transport.admission.stored_bytes import watched_storage
from leadline_server.transport.certificates import UnusableCertificate
from leadline_server.transport.client_cas import watched_cas
from leadline_server.transport.connections import connection_limits
from leadline_server.transport.metrics import metrics_endpoint
from leadline_server.transport.server import Server
from leadline_server.transport.tls import PortsTls, ServerCertificate
from leadline_server.transport.tls_port import TlsPort
from leadline_server.transport.tracer import CallRecords

if TYPE_CHECKING:  # Exports imports OpenTelemetry, and a server that serves alone has no workers
    from leadline_server.tracing.export import Exports
    from leadline_server.workers.worker import Worker

_log = structlog.get_logger(__name__)


def run(settings: Settings, announce: Callable[[str], object], worker: "Worker | None" = None) -> str | None:
    """Serve until SIGTERM or SIGINT. Returns the reason if the server could not start, else None.

    Args:
        settings: the settings.
        announce: called with the addresses when the server is ready, to print them for people.
        worker: this process as one of several; None: it serves alone.
    """
    share_arenas()
    prefer_throughput()
    added = (_trace_ids(settings), None if worker is None else worker.add_number)
    configure_logs(settings.log_level, settings.log_format, *filter(None, added))
    try:
        uvloop.run(_serve(settings, announce, worker))
    except (AddressUnavailable, LedgerUnavailable, CrmError, UnusableCertificate) as error:
        return str(error)
    return None


async def _serve(settings: Settings, announce: Callable[[str], object], worker: "Worker | None") -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if worker is None:
        for listener in settings.listeners:
            check_free(listener.address)  # before the ledger is opened and deliveries start
    else:
        worker.when_orphaned(stopping.set)
    registry = CollectorRegistry()
    certificate = _certificate(settings, registry)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(watched_loop(registry))
        exports = await stack.enter_async_context(_exports(settings))
        parts, emit = (PLAIN, _drop) if exports is None else (exports.parts, exports.emit)
        app = await stack.enter_async_context(open_app(settings, registry=registry, parts=parts, emit=emit))
        connections = connection_limits(
            settings.max_connections, settings.max_connection_age, shares_ports=worker is not None
        )
        server = Server(
            app.commands,
            registry,
            _quotas(settings),
            connections,
            authenticator=app.authenticator,
            has_reflection=settings.reflection or app.authenticator is None,
            records=CallRecords(app.observations, None if exports is None else exports.tracing),
        )
        await stack.enter_async_context(watched_storage(app.ledger.accounts, server.door))
        tls = PortsTls.of(certificate)
        port = server.bind(settings.listen, tls.grpc)
        merged = None
        if worker is not None:
            figures = worker.figures(registry)
            await stack.enter_async_context(figures.answering())
            merged = figures.merged
        metrics = metrics_endpoint(
            settings.metrics_listen,
            registry,
            lambda: server.is_serving,
            tls.metrics,
            app.authenticator,
            for_platform=settings.platform_metrics,
            merged=merged,
        )
        metrics_port = await stack.enter_async_context(metrics)
        http = _HttpPort(connections.http, tls.http, shares_port=worker is not None)
        http_port = await stack.enter_async_context(_http(settings, server, app, registry, http))
        await server.start()
        if certificate is not None and certificate.takes_client_certificates:
            await stack.enter_async_context(watched_cas(certificate, server.ids, registry))
        if is_postgres(settings.ledger):
            watching = asyncio.create_task(watch_ledger(app.ledger, server.tell_ledger))
            stack.callback(watching.cancel)
        tune_garbage_collector()
        # One write, so that a program that waits for the first line can read all of them.
        announce(
            f"leadline serves gRPC on {_with_port(settings.listen, port)}"
            f" (metrics on {_scheme(settings)}://{_with_port(settings.metrics_listen, metrics_port)}/metrics,"
            f" data in {settings.data_dir.absolute()}).\n"
            + _http_line(settings, http_port)
            + "Accounts: "
            + ", ".join(settings.accounts)
            + ". Stop with Ctrl-C."
        )
        for account_id in settings.accounts:
            warn_of_crm(await app.commands.accounts.get(account_id))
        if warning := wal_warning():
            _log.warning("old sqlite", detail=warning)
        await stopping.wait()
        _log.info("draining", seconds=settings.grace_period)
        await server.drain(settings.grace_period)
    _log.info("stopped")


def _trace_ids(settings: Settings) -> Processor | None:
    """The processor that adds the ids of traces to log lines; None where nothing is traced."""
    if not settings.otlp_endpoint:
        return None
    from leadline_server.tracing.spans import trace_ids

    return trace_ids


@asynccontextmanager
async def _exports(settings: Settings) -> "AsyncIterator[Exports | None]":
    """Where traces and the audit trail go while the body runs; None: nowhere."""
    if not settings.otlp_endpoint:
        yield None
        return
    from leadline_server.tracing.export import otlp_exports

    async with otlp_exports(settings.otlp_endpoint, settings.trace_ratio) as exports:
        yield exports


def _drop(_: object) -> None:
    pass


def _certificate(settings: Settings, registry: CollectorRegistry) -> ServerCertificate | None:
    """The server's certificate, if the settings name one. Raises UnusableCertificate."""
    if settings.everyone_may_call:
        Gauge("leadline_everyone_may_call", "1: ports serve without protection.", registry=registry).set(1)
        _log.warning(
            "everyone may call",
            detail="everyone_may_call is on: everyone who reaches a port may read and write every account.",
        )
    if settings.tls_files is None:
        return None
    certificate = ServerCertificate(settings.tls_files, settings.tls_min_version)
    registry.register(certificate)
    return certificate


def warn_of_crm(account: Account) -> None:
    """Say that an account's preferences and its CRM do not go well together."""
    can, wishes = account.capabilities, account.settings.defaults
    creates = wishes.unknown_contact_action is UnknownContactAction.CREATE_PLACEHOLDER
    if creates and can.lookup_recall is not LookupRecall.COMPLETE:
        _log.warning(
            "lookups may miss contacts",
            account_id=account.id,
            detail="The CRM finds numbers only in the forms that leadline asks for, and the account creates"
            " placeholders. Name the forms that people write in number_formats, or expect duplicates.",
        )
    changes = CrmMethod.UPDATE_CALL_LOG in can.methods and not can.has_fixed_fields
    if CrmMethod.CREATE_CALL_LOG in can.methods and not changes and not wishes.wait_until_final:
        _log.warning(
            "logs cannot change",
            account_id=account.id,
            detail="The CRM fixes some fields of a log when it is created, so a call that is logged while it rings may"
            " keep them. Set the preference wait_until_final to log calls once, when they are over.",
        )


@asynccontextmanager
async def _http(
    settings: Settings, server: Server, app: App, registry: CollectorRegistry, about: "_HttpPort"
) -> AsyncIterator[int]:
    """The HTTP port while the body runs, and its number; 0 where HTTP is off."""
    if not settings.http_listen:
        yield 0
        return
    try:
        from leadline_server.http.receiver import receiver_of
        from leadline_server.http.server import HttpOptions, http_server
    except ModuleNotFoundError as error:
        _log.warning(
            "http is off", detail=f"{error.name} is missing. Install leadline[http], or set http_listen to ''."
        )
        yield 0
        return
    options = HttpOptions(
        public_url=settings.public_url,
        hosts=tuple(filter(None, map(str.strip, settings.http_hosts.split(",")))),
        is_open=settings.authentication or settings.everyone_may_call,
        has_console=settings.console,
        embed_origins=settings.embedding_origins,
        grace=settings.grace_period,
        connections=about.connections,
        tls=about.tls,
        shares_port=about.shares_port,
        authenticator=app.authenticator,
    )
    receiver = receiver_of(app, settings, server.door, registry)
    async with http_server(settings.http_listen, server.methods, receiver, options) as port:
        yield port


class _HttpPort(NamedTuple):
    """The HTTP port's share of the connections, its TLS, and whether other workers listen on it."""

    connections: int
    tls: TlsPort | None
    shares_port: bool


def _quotas(settings: Settings) -> QuotaSettings:
    """The quotas of all accounts."""
    default = Quotas(
        calls_per_second=settings.account_calls_per_second,
        bytes_per_minute=settings.account_bytes_per_minute,
        in_flight_bytes=settings.account_in_flight_bytes,
        watches=settings.account_watches,
        stored_bytes=settings.account_stored_bytes,
        waiting=settings.account_waiting,
    )
    own = {account_id: _own_quotas(account, default) for account_id, account in settings.accounts.items()}
    return QuotaSettings(default, own)


def _own_quotas(account: AccountConfig, default: Quotas) -> Quotas:
    names = ("calls_per_second", "bytes_per_minute", "in_flight_bytes", "watches", "stored_bytes")
    own = {name: value for name in names if (value := getattr(account, name)) is not None}
    return replace(default, **own)


def _http_line(settings: Settings, port: int) -> str:
    if not port:
        return ""
    address = f"{_scheme(settings)}://{_with_port(settings.http_listen, port)}"
    page = f" The page for people is {address}/" if settings.console else ""
    return f"JSON over HTTP on {address}.{page}\n"


def tune_garbage_collector() -> None:
    """Collect garbage rarely, and never the objects of the start: collecting took a tenth of the time of each call.

    The threshold is low enough that no call waits long: a collection of 2,000 new objects takes 3 milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 50)
    gc.enable()  # the command line turned it off, since modules that are imported make no garbage


def _scheme(settings: Settings) -> str:
    return "http" if settings.tls_files is None else "https"


def _with_port(address: str, port: int) -> str:
    host, _ = split_address(address)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
