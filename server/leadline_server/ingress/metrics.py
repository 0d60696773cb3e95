"""Counts what becomes of webhooks."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class IngressMetrics(Collector):
    """How many requests each route refused or took, and how many events came of them.

    The label `route` is a configured name, or empty for an address that is no route: a stranger cannot make labels.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, route: str, outcome: str) -> None:
        """Count a request or an event."""
        self._counts[route, outcome] += 1

    def of(self, outcome: str) -> int:
        """How often something came out, of all routes."""
        return sum(count for (_, known), count in self._counts.items() if known == outcome)

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        family = CounterMetricFamily(
            "leadline_ingress", "Webhooks of phone systems, by what became of them.", labels=("route", "outcome")
        )
        for (route, outcome), count in sorted(self._counts.items()):
            family.add_metric((route, outcome), count)
        yield family
