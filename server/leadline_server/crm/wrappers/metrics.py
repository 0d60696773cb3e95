"""A CRM adapter that is measured: how long each operation takes, and how it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from leadline_server.crm.wrappers.wrapper import CrmWrapper, Operation
from leadline_server.domain.errors import (
    CrmAuthFailed,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.ports.crm import CrmAdapter

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_OUTCOMES: Final = (  # the first that fits
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
    """What is asked of CRMs, by adapter; accounts are not told apart.

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
            "Numbers that were looked up where a remembered answer would do, by where the answer came from.",
            ("adapter", "answer"),
            registry=registry,
        )

    def seconds(self, adapter: str, operation: Operation, outcome: str) -> Callable[[float], None]:
        """Takes the seconds of one operation that ended so."""
        return self._seconds.labels(adapter, operation.value, outcome).observe

    def lookups(self, adapter: str) -> Callable[[str], None]:
        """Takes where the answer about one number came from: `remembered`, `joined` (another's request) or `asked`."""
        counters = {answer: self._lookups.labels(adapter, answer) for answer in ("remembered", "joined", "asked")}
        return lambda answer: counters[answer].inc()


class MetricsCrm(CrmWrapper):
    """`inner`, measured in `metrics` under the name of its kind of adapter."""

    def __init__(self, inner: CrmAdapter, metrics: CrmMetrics, adapter: str) -> None:
        super().__init__(inner)
        self._metrics = metrics
        self._adapter = adapter
        self._went_well = {operation: metrics.seconds(adapter, operation, "ok") for operation in Operation}

    async def _do(self, operation: Operation, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        began = time.perf_counter()
        try:
            answer = await work(*args, **kwargs)
        except BaseException as error:
            self._metrics.seconds(self._adapter, operation, outcome_of(error))(time.perf_counter() - began)
            raise
        self._went_well[operation](time.perf_counter() - began)
        return answer


def outcome_of(error: BaseException) -> str:
    """The word for how an operation failed; `error` for what no adapter may raise."""
    return next((word for kind, word in _OUTCOMES if isinstance(error, kind)), "error")
