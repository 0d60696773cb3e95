"""What delivery shows on /metrics: read from it when asked, so that an ordinary delivery only counts to one more."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leadline_server.accounts.limits import AccountLines
from leadline_server.delivery.result_writer import Recorder
from leadline_server.delivery.scheduler import DeliveryLoop
from leadline_server.delivery.worker import Courier

RESULTS: Final = ("logged", "unlogged", "waiting", "deferred", "put_off", "refused", "lost")
"""How an attempt may end."""


class DeliveryMetrics(Collector):
    """A collector for a registry."""

    def __init__(self, courier: Courier, recorder: Recorder, loop: DeliveryLoop, lines: AccountLines) -> None:
        self._courier = courier
        self._recorder = recorder
        self._loop = loop
        self._lines = lines

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        deliveries = CounterMetricFamily(
            "leadline_deliveries", "Attempts to deliver a call, by how they ended.", labels=["outcome"]
        )
        for result in RESULTS:
            deliveries.add_metric([result], self._recorder.results[result])
        yield deliveries
        due = GaugeMetricFamily(
            "leadline_calls_due", "Calls that were due and not under way at the last look.", labels=["account_id"]
        )
        state = GaugeMetricFamily(
            "leadline_crm_breaker",
            "0: the CRM is asked. 1: one call tries it. 2: it does not answer. 3: it refuses the credentials.",
            labels=["account_id"],
        )
        for account_id, line in self._lines:
            due.add_metric([account_id], self._loop.due[account_id])
            state.add_metric([account_id], line.breaker.state)
        yield due
        yield state
        under_way = len(self._courier.runs.values())
        yield GaugeMetricFamily("leadline_deliveries_in_flight", "Deliveries that are under way.", value=under_way)
