"""A CRM adapter that measures how long each call takes, and counts how it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import CrmMethod

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_OUTCOMES: Final = (  # the first match counts
    (CrmRateLimited, "rate_limited"),
    (CrmUnavailable, "unavailable"),
    (CrmRejected, "rejected"),
    (CrmAuthFailed, "auth_failed"),
    (CrmOutcomeUnknown, "outcome_unknown"),
    (asyncio.CancelledError, "cancelled"),
)

P = ParamSpec("P")
T = TypeVar("T")


class CrmMetrics:
    """Requests to CRMs, by adapter. There is no label for accounts: there may be thousands.

    Args:
        registry: where the metrics are registered, once.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "leadline_crm_seconds",
            "Time that a CRM took for one request of leadline, in seconds.",
            ("adapter", "operation", "outcome"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._lookups = Counter(
            "leadline_crm_lookups",
            "Numbers that were looked up where a remembered answer is accepted, by the source of the answer.",
            ("adapter", "answer"),
            registry=registry,
        )

    def seconds(self, adapter: str, method: CrmMethod, outcome: str) -> Callable[[float], None]:
        """Takes the seconds of one call with this outcome, such as `ok` or `rate_limited`."""
        return self._seconds.labels(adapter, method.value, outcome).observe

    def lookups(self, adapter: str) -> Callable[[str], None]:
        """Takes the source of the answer about one number: `remembered`, `joined` (another's request) or `asked`."""
        counters = {answer: self._lookups.labels(adapter, answer) for answer in ("remembered", "joined", "asked")}
        return lambda answer: counters[answer].inc()


class MetricsCrm(CrmWrapper):
    """`inner`, measured in `metrics` under its adapter's name."""

    def __init__(self, inner: CrmAdapter, metrics: CrmMetrics, adapter: str) -> None:
        super().__init__(inner)
        self._metrics = metrics
        self._adapter = adapter
        self._ok = {method: metrics.seconds(adapter, method, "ok") for method in CrmMethod}

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        start = time.perf_counter()
        try:
            answer = await work(*args, **kwargs)
        except BaseException as error:
            self._metrics.seconds(self._adapter, method, outcome_of(error))(time.perf_counter() - start)
            raise
        self._ok[method](time.perf_counter() - start)
        return answer


def outcome_of(error: BaseException) -> str:
    """The outcome label of an error; `error` for one that no adapter may raise."""
    return next((word for kind, word in _OUTCOMES if isinstance(error, kind)), "error")
