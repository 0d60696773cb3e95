"""The gRPC server: its options, its services, and how it starts and stops."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_SERVICE_NAME
from grpc_health.v1.health import aio as health  # type: ignore[attr-defined] # exported by assignment
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from leadline.admin.v1 import account_service_pb2, audit_service_pb2, key_service_pb2
from leadline.v1 import (
    call_log_service_pb2,
    contact_service_pb2,
    directory_service_pb2,
    placeholder_service_pb2,
    preferences_service_pb2,
)
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from leadline_server.auth.authenticator import Authenticator
from leadline_server.commands import Commands
from leadline_server.transport.account_service import AccountServicer
from leadline_server.transport.addresses import AddressUnavailable, check_free
from leadline_server.transport.admission.door import Door
from leadline_server.transport.admission.quotas import QuotaSettings
from leadline_server.transport.audit_service import AuditServicer
from leadline_server.transport.call_log_service import CallLogServicer
from leadline_server.transport.channelz import server_ids
from leadline_server.transport.connection_watch import REQUEST_SECONDS, ConnectionWatch
from leadline_server.transport.connections import ConnectionLimits
from leadline_server.transport.contact_service import ContactServicer
from leadline_server.transport.directory_service import DirectoryServicer
from leadline_server.transport.endpoint import MAX_MESSAGE_BYTES
from leadline_server.transport.key_service import KeyServicer
from leadline_server.transport.metrics import AdmissionMetrics, AuthenticationMetrics, RpcMetrics
from leadline_server.transport.placeholder_service import PlaceholderServicer
from leadline_server.transport.preferences_service import PreferencesServicer
from leadline_server.transport.registration import register
from leadline_server.transport.served_methods import ServedMethod, served_methods
from leadline_server.transport.standard import StandardServices
from leadline_server.transport.streams import Streams, write
from leadline_server.transport.tracer import CallRecords

MAX_PENDING: Final = 20_000
"""How many calls may wait before they begin, in a burst or while the machine is busy."""

OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # Above our own limit, so that a request that is a little too large gets our error, not gRPC's.
    ("grpc.max_receive_message_length", 4 * MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", 1000),
    # Calls that have arrived and have not begun. By default gRPC ends calls CANCELLED beyond 1000 of them, and clients
    # do not retry that. A waiting call takes some 13 KB, and ends with its deadline.
    # ConnectionWatch reads gRPC's statistics of connections. This is gRPC's default.
    ("grpc.enable_channelz", 1),
    ("grpc.server.max_pending_requests", MAX_PENDING),
    ("grpc.server.max_pending_requests_hard_limit", MAX_PENDING),
    # A peer that does not confirm its SETTINGS is no HTTP/2 client. By default gRPC keeps it for a minute.
    ("grpc.http2.settings_timeout", 20_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_idle_ms", 15 * 60_000),
    # A connection that does not begin with HTTP/2 is closed. By default gRPC keeps it for two minutes.
    ("grpc.server_handshake_timeout_ms", 20_000),
)
"""Channel arguments of the server (gRPC's channel_arg_names.h and server.h, and its keepalive guide)."""

_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_QUIET_SECONDS: Final = 0.02
_QUIET_ENOUGH: Final = 5
_QUIET_CHECKS: Final = 50
_HEALTH_SECONDS: Final = 0.5  # time for health watchers to receive NOT_SERVING


class Server:
    """leadline's gRPC server: the services, reflection and health.

    Args:
        commands: the commands that its RPCs run.
        registry: where the metrics of its RPCs are registered.
        quotas: what accounts may use.
        connections: its connections.
        authenticator: finds the principals of calls; None: everyone may call everything.
        has_reflection: whether callers may ask for the contract.
        records: where bulk reads and traces of calls are recorded.
        request_seconds: how long a request may take to arrive.
    """

    def __init__(
        self,
        commands: Commands,
        registry: CollectorRegistry,
        quotas: QuotaSettings | None = None,
        connections: ConnectionLimits | None = None,
        *,
        authenticator: Authenticator | None = None,
        has_reflection: bool = True,
        records: CallRecords = CallRecords(),  # noqa: B008 - a constant
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._streams = Streams()
        self._authenticator = authenticator
        self._stream_checks: asyncio.Task[None] | None = None
        self._health = _Health()
        self._is_serving = False
        self._has_ledger = True
        limits = connections or ConnectionLimits()
        self._shares_ports = limits.shares_ports
        others = server_ids()
        self._server = grpc.aio.server(options=(*OPTIONS, *limits.options))
        self._watches = [ConnectionWatch(server_id, request_seconds) for server_id in server_ids() - others]
        self._watching: list[asyncio.Task[None]] = []
        door = self.door = Door(commands.accounts.knows, quotas or QuotaSettings())
        metrics = self._metrics = RpcMetrics(registry)
        collectors: list[Collector] = [AdmissionMetrics(door), *self._watches]
        if authenticator is not None:
            collectors.append(AuthenticationMetrics(authenticator.attempts.counts))
        for collector in collectors:
            registry.register(collector)
        servicers = {
            _service(contact_service_pb2, "ContactService"): ContactServicer(commands),
            _service(call_log_service_pb2, "CallLogService"): CallLogServicer(commands),
            _service(preferences_service_pb2, "PreferencesService"): PreferencesServicer(commands),
            _service(directory_service_pb2, "DirectoryService"): DirectoryServicer(commands),
            _service(placeholder_service_pb2, "PlaceholderService"): PlaceholderServicer(commands),
            _service(key_service_pb2, "KeyService"): KeyServicer(commands),
            _service(account_service_pb2, "AccountService"): AccountServicer(commands),
            _service(audit_service_pb2, "AuditService"): AuditServicer(commands),
        }
        self.methods: dict[str, ServedMethod] = {}
        """The RPCs by their paths: `/leadline.v1.ContactService/FindContact`."""
        for service, servicer in servicers.items():
            methods = served_methods(service, servicer, metrics.of, self._streams, door, authenticator, records)
            self.methods |= {f"/{method.service}/{method.name}": method for method in methods}
            handlers = {method.name: method.handler for method in methods}
            register(self._server, service.full_name, handlers)
        self._names = [service.full_name for service in servicers]
        standard = StandardServices(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, standard)  # type: ignore[no-untyped-call] # ships no types
        if not has_reflection:
            return
        reflected = reflection.aio.ReflectionServicer((*self._names, HEALTH_SERVICE_NAME, reflection.SERVICE_NAME))  # type: ignore[no-untyped-call] # ships no types
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, standard)  # type: ignore[no-untyped-call] # ships no types

    @property
    def is_serving(self) -> bool:
        """Whether the server takes new calls, and its ledger writes."""
        return self._is_serving and self._has_ledger

    async def tell_ledger(self, works: bool) -> None:  # noqa: FBT001 - a callback has no keywords
        """Tell health checks whether the ledger takes writes. Calls are taken all the same, and refused."""
        self._has_ledger = works
        await self._set_health(_SERVING if works else _NOT_SERVING)

    @property
    def ids(self) -> list[int]:
        """GRPC's numbers of this server: one."""
        return [watch.server_id for watch in self._watches]

    def bind(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Bind an address before `start`, and return the port. `127.0.0.1:0` takes a free port.

        Args:
            address: `host:port`.
            credentials: for TLS; None: none.

        Raises:
            AddressUnavailable: the address is taken, malformed, or not of this machine.
        """
        if not self._shares_ports:  # else the supervisor has reserved it
            check_free(address)
        try:
            if credentials is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise AddressUnavailable(address, "the port is taken, or the address is not of this machine") from error

    async def start(self) -> None:
        """Start to take calls."""
        await self._set_health(_NOT_SERVING)
        await self._server.start()
        if self._authenticator is not None:
            self._stream_checks = asyncio.create_task(self._streams.check(self._authenticator.still))
        await self._set_health(_SERVING)
        self._watching = [asyncio.create_task(watch.run()) for watch in self._watches]
        self._is_serving = True

    async def drain(self, grace: float) -> None:
        """Stop: tell health checks, end watches, refuse new calls, and finish the others within `grace` seconds."""
        self._is_serving = False
        with suppress(TimeoutError):  # a health watcher that does not read must not delay the others
            async with asyncio.timeout(_HEALTH_SECONDS):
                await self._health.enter_graceful_shutdown()
        self._streams.end()
        await self._until_quiet()
        await self._server.stop(grace)
        for watching in self._watching:
            watching.cancel()
        if self._stream_checks is not None:
            self._stream_checks.cancel()
            with suppress(asyncio.CancelledError):
                await self._stream_checks

    async def _until_quiet(self) -> None:
        """Wait until no more calls arrive, for a second at most.

        gRPC's stop cancels calls that have not begun, and clients do not retry those. A handler answers UNAVAILABLE,
        which clients retry.
        """
        quiet = 0
        for _ in range(_QUIET_CHECKS):
            before = self._metrics.arrived
            await asyncio.sleep(_QUIET_SECONDS)
            quiet = quiet + 1 if self._metrics.arrived == before else 0
            if quiet == _QUIET_ENOUGH:
                return

    async def _set_health(self, status: Any) -> None:
        for name in ("", *self._names):
            await self._health.set(name, status)


class _Health(health.HealthServicer):
    """grpc.health.v1. Its watches end when the server stops; otherwise each of them would take the whole grace."""

    is_stopping = False

    async def enter_graceful_shutdown(self) -> None:
        """Answer NOT_SERVING from now on. Each watch sends that as its last message."""
        self.is_stopping = True
        await super().enter_graceful_shutdown()

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - the health protocol's name
        """Follow a service's health until the server stops."""
        with suppress(_LastMessageSent):
            await super().Watch(request, _Watcher(self, context))


class _LastMessageSent(Exception):
    """A health watch has sent its last message."""


class _Watcher:
    """The context of a health watch. It ends the watch after the last message."""

    def __init__(self, servicer: _Health, context: Any) -> None:
        self._health = servicer
        self._context = context

    async def write(self, response: Any) -> None:
        """Send a status. Raises _LastMessageSent after the last one."""
        await write(self._context, response)
        if self._health.is_stopping and response.status == _NOT_SERVING:
            raise _LastMessageSent


def _service(module: Any, name: str) -> ServiceDescriptor:
    service: ServiceDescriptor = module.DESCRIPTOR.services_by_name[name]
    return service
