"""Metrics of the RPCs, and the HTTP port that shows metrics and health."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from leadline_server.auth.attempts import FailedAttempts
from leadline_server.auth.authenticator import Authenticator
from leadline_server.domain.access.rules import Permission, allowed
from leadline_server.domain.access.table import METRICS
from leadline_server.domain.errors import LedgerUnavailable, Unauthenticated
from leadline_server.transport.addresses import AddressUnavailable, reason, split_address
from leadline_server.transport.admission.door import Door
from leadline_server.transport.endpoint import RpcCounts, RpcDurations

if TYPE_CHECKING:
    import ssl

    from aiohttp import web

MAX_CONNECTIONS: Final = 64
"""The most connections of the metrics port. Beyond them the oldest is closed, so that health checks get through."""


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
        for rpc, counts in self._counts.items():
            in_flight.add_metric((rpc,), counts.in_flight)
            for code, durations in counts.by_code.items():
                seconds.add_metric((rpc, code), _buckets(durations), durations.seconds)
        yield seconds
        yield in_flight


class AuthenticationMetrics(Collector):
    """Attempts to authenticate that failed.

    Args:
        attempts: counts them.
    """

    def __init__(self, attempts: FailedAttempts) -> None:
        self._attempts = attempts

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        failed = CounterMetricFamily(
            "leadline_failed_authentications", "Attempts to authenticate that failed, by reason.", labels=("reason",)
        )
        for name, count in self._attempts.counts.items():
            failed.add_metric((name,), count)
        yield failed


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


def _buckets(durations: RpcDurations) -> list[tuple[str, int]]:
    """The buckets as Prometheus wants them: each counts all calls up to its bound."""
    bounds = [*map(str, RpcDurations.BUCKETS), "+Inf"]
    return list(zip(bounds, accumulate(durations.counts), strict=True))


@asynccontextmanager
async def metrics_endpoint(
    address: str,
    registry: CollectorRegistry,
    is_serving: Callable[[], bool],
    ssl_context: "ssl.SSLContext | None" = None,
    authenticator: Authenticator | None = None,
) -> AsyncIterator[int]:
    """Serve `/metrics` (Prometheus text format) and `/healthz` over HTTP while the body runs.

    Args:
        address: `host:port`; port 0 takes a free one.
        registry: the metrics that `/metrics` shows.
        is_serving: `/healthz` answers 200 if this returns True, else 503.
        ssl_context: for TLS; None: none.
        authenticator: finds the principals of requests for `/metrics`; None: everyone may read them.

    Yields:
        The port.

    Raises:
        AddressUnavailable: the address is taken, or not of this machine.
    """
    from aiohttp import web

    async def metrics(request: "web.Request") -> "web.Response":
        if authenticator is not None and (status := await _refusal(authenticator, request)):
            return web.Response(status=status)
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_request: "web.Request") -> "web.Response":
        return web.Response(text="ok\n") if is_serving() else web.Response(status=503, text="not serving\n")

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        host, port = split_address(address)
        try:
            listener = await asyncio.get_running_loop().create_server(
                lambda: _connection(runner), host or None, port, ssl=ssl_context
            )
        except OSError as error:
            raise AddressUnavailable(address, reason(error)) from error
        try:
            yield int(listener.sockets[0].getsockname()[1])
        finally:
            listener.close()
    finally:
        await runner.cleanup()


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


async def _refusal(authenticator: Authenticator, request: "web.Request") -> int:
    """The HTTP status to refuse a request for metrics with; 0 if it may pass."""
    try:
        principal = (await authenticator.authenticate(_Head(request))).principal
    except Unauthenticated:
        return 401
    except LedgerUnavailable:
        return 503
    return 0 if allowed(principal, METRICS, "", "") is Permission.ALLOWED else 403


def _connection(runner: "web.AppRunner") -> asyncio.Protocol:
    """The protocol of a new connection. aiohttp has no limit of connections and of the time of a request's head."""
    server = runner.server
    if server is None:
        raise RuntimeError("The runner is not set up.")
    opened = server.connections
    for oldest in opened[: max(0, len(opened) + 1 - MAX_CONNECTIONS)]:
        oldest.force_close()
    return server()
