"""The metrics of delivery on /metrics. They are read when /metrics is; a delivery itself only adds to a count."""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leadline_server.accounts.limits import AccountLimitsRegistry
from leadline_server.delivery.placeholder_budget import PlaceholderBudget
from leadline_server.delivery.result_writer import ResultWriter
from leadline_server.delivery.scheduler import DeliveryScheduler
from leadline_server.delivery.worker import DeliveryWorker

RESULTS: Final = ("logged", "unlogged", "waiting", "deferred", "postponed", "refused", "update_refused", "lost")
"""How an attempt may end. An update of a call that is LOGGED is `update_refused`."""


MOST_ACCOUNTS: Final = 100
"""The most values of the label `account_id`: those with the largest figures."""

OTHERS: Final = "(others)"
"""The label of the sum of all other accounts."""


def largest(figures: Mapping[str, float], *, rest: bool = True) -> Iterator[tuple[str, float]]:
    """The largest figures by account, and with `rest` the sum of the others."""
    ranked = sorted(figures.items(), key=lambda pair: pair[1], reverse=True)
    yield from ranked[:MOST_ACCOUNTS]
    if rest and len(ranked) > MOST_ACCOUNTS:
        yield OTHERS, sum(figure for _, figure in ranked[MOST_ACCOUNTS:])


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
        for account_id, count in largest(self._budget.refused):
            refused.add_metric([account_id], count)
        yield refused
        yield CounterMetricFamily(
            "leadline_placeholders_created", "Placeholders that calls created.", value=self._budget.created
        )
        logs = CounterMetricFamily(
            "leadline_call_logs", "Call logs that an attempt left in a state.", labels=["state", "reason"]
        )
        for (log_state, reason), count in self._result_writer.logs.items():
            logs.add_metric([log_state.name, "" if reason is None else reason.name], count)
        yield logs
        due = GaugeMetricFamily(
            "leadline_calls_due", "Calls that were due and not in progress at the last check.", labels=["account_id"]
        )
        state = GaugeMetricFamily(
            "leadline_crm_breaker",
            "0: the CRM is asked. 1: one call tries it. 2: it does not answer. 3: it refuses the credentials.",
            labels=["account_id"],
        )
        for account_id, count in largest({name: self._scheduler.due[name] for name, _ in self._limits}):
            due.add_metric([account_id], count)
        for account_id, number in largest({name: limits.breaker.state for name, limits in self._limits}, rest=False):
            state.add_metric([account_id], number)
        yield due
        yield state
        yield GaugeMetricFamily(
            "leadline_oldest_due_seconds",
            "How long the call had waited that was due longest at the last look, in seconds.",
            value=self._scheduler.oldest.total_seconds(),
        )
        in_progress = len(self._worker.in_flight.values())
        yield GaugeMetricFamily("leadline_deliveries_in_flight", "Deliveries in progress.", value=in_progress)
