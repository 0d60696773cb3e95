"""Metrics of the RPCs, and the HTTP port that shows metrics and health."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from leadline_server.transport import status
from leadline_server.transport.addresses import AddressUnavailable, split_address

if TYPE_CHECKING:
    from aiohttp import web

_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RpcMetrics:
    """How many RPCs of each kind there are, how they end and how long they take.

    Args:
        registry: where the metrics are registered, once.

    Attributes:
        arrived: RPCs so far.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "leadline_rpc_seconds",
            "Time from a request's arrival to its answer, in seconds.",
            ("rpc", "code"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.arrived = 0
        self._in_flight = Gauge(
            "leadline_rpcs_in_flight", "RPCs that are being answered now.", ("rpc",), registry=registry
        )

    def in_flight(self, rpc: str) -> Gauge:
        """The gauge of one RPC."""
        return self._in_flight.labels(rpc)

    def finished(self, rpc: str) -> Callable[[str, float], None]:
        """A function to call at the end of each such RPC, with its code and the seconds it took."""
        observe_ok = self._seconds.labels(rpc, status.OK).observe
        seconds = self._seconds

        def observe(code: str, elapsed: float) -> None:
            if code == status.OK:
                observe_ok(elapsed)
            else:
                seconds.labels(rpc, code).observe(elapsed)

        return observe


@asynccontextmanager
async def metrics_endpoint(
    address: str, registry: CollectorRegistry, is_serving: Callable[[], bool]
) -> AsyncIterator[int]:
    """Serve `/metrics` (Prometheus text format) and `/healthz` over HTTP while the body runs.

    Args:
        address: `host:port`; port 0 takes a free one.
        registry: what `/metrics` shows.
        is_serving: `/healthz` is 200 while this holds, else 503.

    Yields:
        The port.

    Raises:
        AddressUnavailable: the address is taken, or not of this machine.
    """
    from aiohttp import web

    async def metrics(_request: "web.Request") -> "web.Response":
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
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise AddressUnavailable(address, error.strerror or str(error)) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
