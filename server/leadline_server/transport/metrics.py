"""Metrics of the RPCs, and the HTTP port that shows metrics and health."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from leadline_server.auth.authenticator import Authenticator
from leadline_server.domain.access.principals import Role
from leadline_server.domain.access.rules import Permission, allowed
from leadline_server.domain.access.table import METRICS
from leadline_server.domain.access_errors import Unauthenticated
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.transport.addresses import AddressUnavailable, listen, reason, split_address
from leadline_server.transport.admission.door import Door
from leadline_server.transport.rpc_counts import RpcCounts, RpcDurations, TracedCall
from leadline_server.transport.tls_port import TlsPort

if TYPE_CHECKING:
    from aiohttp import web

MAX_CONNECTIONS: Final = 64
"""The most connections of the metrics port. Beyond them the oldest is closed, so that health checks get through."""


class Figures(Protocol):
    """Metrics that prometheus-client can write: those of a registry, or of several workers."""

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""


class RpcMetrics(Collector):
    """How many calls each RPC has, how they end, and how long they take. They are counted when /metrics is read.

    Args:
        registry: where the metrics are registered, once.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: dict[str, RpcCounts] = {}
        registry.register(self)

    @property
    def arrived(self) -> int:
        """How many RPCs arrived so far."""
        return sum(counts.arrived for counts in self._counts.values())

    def of(self, rpc: str) -> RpcCounts:
        """The figures of one RPC."""
        return self._counts.setdefault(rpc, RpcCounts())

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        seconds = HistogramMetricFamily(
            "leadline_rpc_seconds",
            "Time from a request's arrival to its answer, in seconds.",
            labels=("rpc", "code"),
        )
        in_flight = GaugeMetricFamily("leadline_rpcs_in_flight", "RPCs that are being answered now.", labels=("rpc",))
        refused = CounterMetricFamily(
            "leadline_rpcs_refused", "RPCs that ended with an error, by its reason.", labels=("rpc", "code", "reason")
        )
        for rpc, counts in self._counts.items():
            in_flight.add_metric((rpc,), counts.in_flight)
            for code, durations in counts.by_code.items():
                seconds.add_metric((rpc, code), _buckets(durations), durations.seconds)
            for labels, count in counts.refused.items():
                refused.add_metric((rpc, *labels), count)
        yield seconds
        yield in_flight
        yield refused


class AdmissionMetrics(Collector):
    """Calls that wait for their turn, and calls that were refused because of a quota.

    Args:
        door: admits the calls.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        waiting = GaugeMetricFamily("leadline_calls_waiting", "Calls that wait for their turn.", labels=("kind",))
        waiting.add_metric(("lookups",), self._door.lookups.waiting)
        waiting.add_metric(("others",), self._door.others.waiting)
        refused = CounterMetricFamily("leadline_calls_refused", "Calls refused because of a quota.", labels=("quota",))
        for quota, count in self._door.refused.items():
            refused.add_metric((quota,), count)
        yield waiting
        yield refused


class AuthenticationMetrics(Collector):
    """Credentials that were not accepted.

    Args:
        failed: how many, by the reason.
    """

    def __init__(self, failed: Mapping[str, int]) -> None:
        self._failed = failed

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        failed = CounterMetricFamily(
            "leadline_authentications_failed", "Credentials that were not accepted, by the reason.", labels=("reason",)
        )
        for why, count in self._failed.items():
            failed.add_metric((why,), count)
        yield failed


def _buckets(durations: RpcDurations) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
    """The buckets as Prometheus wants them: each counts all calls up to its bound, and may name a traced call."""
    bounds = [*map(str, RpcDurations.BUCKETS), "+Inf"]
    counted = zip(bounds, accumulate(durations.counts), strict=True)
    return [
        (bound, count) if call is None else (bound, count, _example(call))
        for (bound, count), call in zip(counted, map(durations.traced.get, range(len(bounds))), strict=True)
    ]


def _example(call: TracedCall) -> Exemplar:
    return Exemplar({"trace_id": call.trace_id}, call.seconds, call.time)


@asynccontextmanager
async def metrics_endpoint(
    address: str,
    registry: CollectorRegistry,
    is_serving: Callable[[], bool],
    tls: TlsPort | None = None,
    authenticator: Authenticator | None = None,
    *,
    for_platform: bool = False,
    merged: "Callable[[], Awaitable[Figures]] | None" = None,
) -> AsyncIterator[int]:
    """Serve `/metrics` (Prometheus' text format, or OpenMetrics) and `/healthz` over HTTP while the body runs.

    Args:
        address: `host:port`; port 0 takes a free one.
        registry: the metrics that `/metrics` shows.
        is_serving: `/healthz` answers 200 if this returns True, else 503.
        tls: its TLS; None: none.
        authenticator: finds the principals of requests for `/metrics`; None: everyone may read them.
        for_platform: whether the role `platform` may read them, too.
        merged: the metrics of all workers that share the port; None: there are no others.

    Yields:
        The port.

    Raises:
        AddressUnavailable: the address is taken, or not of this machine.
    """
    from aiohttp import web

    readers = frozenset({Role.PLATFORM} if for_platform else ())

    async def metrics(request: "web.Request") -> "web.Response":
        if authenticator is not None and (status := await _refusal(authenticator, request, readers)):
            return web.Response(status=status)
        # Only OpenMetrics has exemplars. Prometheus asks for it.
        write, content_type = choose_encoder(request.headers.get("Accept", ""))
        figures = registry if merged is None else await merged()
        return web.Response(body=write(figures), headers={"Content-Type": content_type})

    async def healthz(_request: "web.Request") -> "web.Response":
        return web.Response(text="ok\n") if is_serving() else web.Response(status=503, text="not serving\n")

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        make = partial(_connection, runner)
        listening = _plain if tls is None else partial(_secured, tls=tls)
        async with listening(address, make, shares_port=merged is not None) as port:
            yield port
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _plain(address: str, make: Callable[[], asyncio.Protocol], *, shares_port: bool) -> AsyncIterator[int]:
    try:
        host, port = split_address(address)
        listener = await asyncio.get_running_loop().create_server(make, host or None, port, reuse_port=shares_port)
    except OSError as error:
        raise AddressUnavailable(address, reason(error)) from error
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()


@asynccontextmanager
async def _secured(
    address: str, make: Callable[[], asyncio.Protocol], tls: TlsPort, *, shares_port: bool
) -> AsyncIterator[int]:
    listener = listen(address, shares_port=shares_port)
    async with tls.accepting(listener, make):
        yield int(listener.getsockname()[1])


class _Head:
    """A request for metrics, as an authenticator reads it."""

    def __init__(self, request: "web.Request") -> None:
        self._request = request

    def invocation_metadata(self) -> list[tuple[str, str]]:
        """The request's headers."""
        return [(name.lower(), value) for name, value in self._request.headers.items()]

    def peer(self) -> str:
        """Where it comes from."""
        return f"{self._request.remote}:0"

    def auth_context(self) -> dict[str, list[bytes]]:
        """The properties of the connection's client certificate, by name."""
        return {}


async def _refusal(authenticator: Authenticator, request: "web.Request", readers: Collection[Role]) -> int:
    """The HTTP status to refuse a request for metrics with; 0 if it may pass. `readers` may pass, too."""
    try:
        principal = (await authenticator.authenticate(_Head(request))).principal
    except Unauthenticated:
        return 401
    except LedgerUnavailable:
        return 503
    may_read = principal.role in readers or allowed(principal, METRICS, "", "") is Permission.ALLOWED
    return 0 if may_read else 403


def _connection(runner: "web.AppRunner") -> asyncio.Protocol:
    """The protocol of a new connection. aiohttp has no limit of connections and of the time of a request's head."""
    server = runner.server
    if server is None:
        raise RuntimeError("The runner is not set up.")
    opened = server.connections
    for oldest in opened[: max(0, len(opened) + 1 - MAX_CONNECTIONS)]:
        oldest.force_close()
    return server()
