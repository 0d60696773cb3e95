"""One metrics port for all workers: the one that is asked collects the figures of all, and labels them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from leadline_server.workers.plan import WorkerPlan

SECONDS: Final = 2.0
"""How long another worker may take to answer. A scrape goes without those that take longer."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""The most bytes of another worker's figures."""

LABEL: Final = "worker"


class SharedFigures(Collector):
    """The figures of all workers, each sample with the label `worker`: its number.

    Args:
        plan: this worker's.
        registry: its figures.
    """

    def __init__(self, plan: WorkerPlan, registry: CollectorRegistry) -> None:
        self._plan = plan
        self._registry = registry
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """This worker's own figures about itself."""
        yield CounterMetricFamily(
            "leadline_worker_starts", "How often this worker was started.", value=self._plan.starts
        )

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Answer the other workers while the body runs."""
        listener = self._listener()
        async with await asyncio.start_unix_server(self._answer, sock=listener):
            yield

    async def merged(self) -> "MergedFigures":
        """The figures of all workers that answer in time, and which those are."""
        numbers = range(1, self._plan.workers + 1)
        answers = await asyncio.gather(*(self._figures_of(number) for number in numbers))
        return MergedFigures(dict(zip(numbers, answers, strict=True)))

    async def _figures_of(self, number: int) -> list[Any] | None:
        """One worker's figures; None: it does not answer."""
        if number == self._plan.number:
            return _encoded(self._registry.collect())
        try:
            async with asyncio.timeout(SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._path(number))
                try:
                    figures: list[Any] = json.loads(await _read(reader))
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError):
            return None
        return figures

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(_encoded(self._registry.collect())).encode())
        writer.close()

    def _listener(self) -> socket.socket:
        """The socket of this worker, in the place of that of the one before it."""
        path = self._path(self._plan.number)
        fresh = path.with_suffix(f".{self._plan.starts}")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(fresh))
        listener.listen()
        fresh.replace(path)
        return listener

    def _path(self, number: int) -> Path:
        return Path(self._plan.folder) / f"worker-{number}.sock"


class MergedFigures:
    """Figures of several workers, as prometheus-client writes those of a registry.

    Args:
        figures: by the worker's number; None: it did not answer.
    """

    def __init__(self, figures: dict[int, list[Any] | None]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """The metrics, each with the samples of all workers."""
        up = GaugeMetricFamily("leadline_worker_up", "1: the worker answers.", labels=(LABEL,))
        metrics: dict[str, Metric] = {}
        for number, families in self._figures.items():
            up.add_metric((str(number),), families is not None)
            for name, documentation, kind, unit, samples in families or ():
                metric = metrics.setdefault(name, Metric(name, documentation, kind, unit))
                metric.samples += (_labelled(number, sample) for sample in samples)
        return [up, *metrics.values()]


def _encoded(metrics: Iterable[Metric]) -> list[Any]:
    return [[metric.name, metric.documentation, metric.type, metric.unit, metric.samples] for metric in metrics]


def _labelled(number: int, sample: list[Any]) -> Sample:
    name, labels, value, timestamp, exemplar = sample[:5]
    example = None if exemplar is None else Exemplar(*exemplar)
    return Sample(name, {LABEL: str(number), **labels}, value, timestamp, example)


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Everything until the end of the stream. Raises ValueError for too much."""
    text = bytearray()
    while chunk := await reader.read(MOST_BYTES):
        text += chunk
        if len(text) > MOST_BYTES:
            raise ValueError("too many figures")
    return bytes(text)
