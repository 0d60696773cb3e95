"""Metrics of the RPCs, and the HTTP port that shows metrics and health."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from leadline_server.transport import status
from leadline_server.transport.addresses import AddressUnavailable, reason, split_address

if TYPE_CHECKING:
    from aiohttp import web

_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Durations:
    """How long calls of one kind took: how many fell into each bucket, and all seconds together."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0

    def buckets(self) -> list[tuple[str, int]]:
        """As Prometheus wants them: each with all that are below it."""
        bounds = [*map(str, _BUCKETS), "+Inf"]
        return list(zip(bounds, accumulate(self.counts), strict=True))


class RpcCounts:
    """One RPC's figures; for the event loop's thread alone, so plain numbers do.

    Attributes:
        arrived: calls so far.
        in_flight: calls that are being answered now.
    """

    __slots__ = ("_by_code", "_ok", "arrived", "in_flight")

    def __init__(self) -> None:
        self.arrived = 0
        self.in_flight = 0
        self._ok = _Durations()
        self._by_code = {status.OK: self._ok}

    def begin(self) -> float:
        """A call has arrived; returns the time, for `end`."""
        self.arrived += 1
        self.in_flight += 1
        return perf_counter()

    def end(self, code: str, began: float) -> None:
        """A call has ended with a status code."""
        seconds = perf_counter() - began
        self.in_flight -= 1
        durations = self._ok if code == status.OK else self._by_code.setdefault(code, _Durations())
        durations.counts[bisect_left(_BUCKETS, seconds)] += 1
        durations.seconds += seconds

    def by_code(self) -> Iterator[tuple[str, _Durations]]:
        """The durations of ended calls by status code."""
        yield from self._by_code.items()


class RpcMetrics(Collector):
    """How many RPCs of each kind there are, how they end and how long they take: read only when somebody asks.

    Args:
        registry: where the metrics are registered, once.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: dict[str, RpcCounts] = {}
        registry.register(self)

    @property
    def arrived(self) -> int:
        """RPCs so far."""
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
            for code, durations in counts.by_code():
                seconds.add_metric((rpc, code), durations.buckets(), durations.seconds)
        yield seconds
        yield in_flight


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
            raise AddressUnavailable(address, reason(error)) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
