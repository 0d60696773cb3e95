"""The metrics of delivery on /metrics. They are read when /metrics is; a delivery itself only adds to a count."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leadline_server.accounts.limits import AccountLimitsRegistry
from leadline_server.delivery.placeholder_budget import PlaceholderBudget
from leadline_server.delivery.result_writer import ResultWriter
from leadline_server.delivery.scheduler import DeliveryScheduler
from leadline_server.delivery.worker import DeliveryWorker

RESULTS: Final = ("logged", "unlogged", "waiting", "deferred", "postponed", "refused", "lost")
"""How an attempt may end."""


class DeliveryMetrics(Collector):
    """A collector for a registry."""

    def __init__(
        self,
        worker: DeliveryWorker,
        result_writer: ResultWriter,
        scheduler: DeliveryScheduler,
        limits: AccountLimitsRegistry,
        budget: PlaceholderBudget,
    ) -> None:
        self._worker = worker
        self._result_writer = result_writer
        self._scheduler = scheduler
        self._limits = limits
        self._budget = budget

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        deliveries = CounterMetricFamily(
            "leadline_deliveries", "Attempts to deliver a call, by how they ended.", labels=["outcome"]
        )
        for result in RESULTS:
            deliveries.add_metric([result], self._result_writer.results[result])
        yield deliveries
        refused = CounterMetricFamily(
            "leadline_placeholders_refused",
            "Calls that stay unlogged because a limit of placeholders is reached.",
            labels=["account_id"],
        )
        for account_id, count in self._budget.refused.items():
            refused.add_metric([account_id], count)
        yield refused
        due = GaugeMetricFamily(
            "leadline_calls_due", "Calls that were due and not under way at the last look.", labels=["account_id"]
        )
        state = GaugeMetricFamily(
            "leadline_crm_breaker",
            "0: the CRM is asked. 1: one call tries it. 2: it does not answer. 3: it refuses the credentials.",
            labels=["account_id"],
        )
        for account_id, limits in self._limits:
            due.add_metric([account_id], self._scheduler.due[account_id])
            state.add_metric([account_id], limits.breaker.state)
        yield due
        yield state
        in_progress = len(self._worker.in_flight.values())
        yield GaugeMetricFamily("leadline_deliveries_in_flight", "Deliveries that are under way.", value=in_progress)
