"""The metrics of delivery: bounded labels, and the age of the queue."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from leadline_server.delivery.metrics import OTHERS, DeliveryMetrics, largest
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from prometheus_client import CollectorRegistry


def test_of_many_accounts_the_largest_have_labels_and_the_others_are_summed() -> None:
    figures = {f"account-{number}": float(number) for number in range(150)}
    shown = dict(largest(figures))
    assert len(shown) == 101
    assert shown["account-149"] == 149
    assert shown[OTHERS] == sum(range(50))
    assert OTHERS not in dict(largest(figures, rest=False))
    assert dict(largest({"a": 0.0})) == {"a": 0.0}


def _sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


class _Limits:
    def __iter__(self) -> Iterator[Any]:
        return iter([("demo", SimpleNamespace(breaker=SimpleNamespace(state=2)))])


def test_logs_are_counted_by_state_and_reason_and_the_queue_has_an_age() -> None:
    registry = CollectorRegistry()
    writer = SimpleNamespace(results={}, logs={(CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED): 3})
    writer.results = dict.fromkeys(
        ("logged", "unlogged", "waiting", "deferred", "postponed", "refused", "update_refused", "lost"), 0
    )
    scheduler = SimpleNamespace(due={"demo": 7}, oldest=timedelta(seconds=90))
    worker = SimpleNamespace(in_flight={})
    budget = SimpleNamespace(refused={"demo": 1}, created=4)
    registry.register(DeliveryMetrics(*cast("Any", (worker, writer, scheduler, _Limits(), budget))))
    assert _sample(registry, "leadline_call_logs_total", state="LOGGED", reason="CONTACT_MATCHED") == 3
    assert _sample(registry, "leadline_oldest_due_seconds") == 90
    assert _sample(registry, "leadline_placeholders_created_total") == 4
    assert _sample(registry, "leadline_calls_due", account_id="demo") == 7
    assert _sample(registry, "leadline_crm_breaker", account_id="demo") == 2
