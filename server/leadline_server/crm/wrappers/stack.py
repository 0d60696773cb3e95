"""The one place that puts the wrappers around a CRM adapter, in their order."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from leadline_server.concurrency.circuit_breaker import CircuitBreaker
from leadline_server.concurrency.rate_limiter import RateLimiter
from leadline_server.crm.wrappers.batching import BatchingCrm
from leadline_server.crm.wrappers.bounded import BoundedCrm
from leadline_server.crm.wrappers.cache import CacheCrm
from leadline_server.crm.wrappers.circuit_breaker import CircuitBreakerCrm
from leadline_server.crm.wrappers.clean_texts import CleanTextsCrm
from leadline_server.crm.wrappers.deadline import DeadlineCrm
from leadline_server.crm.wrappers.metrics import CrmMetrics, MetricsCrm
from leadline_server.crm.wrappers.rate_limit import RateLimitCrm
from leadline_server.crm.wrappers.remembered_answers import CachePolicy, RememberedLookups
from leadline_server.crm.wrappers.retry import RetryCrm
from leadline_server.crm.wrappers.spelled import SpelledCrm
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.request_not_sent import NOT_SENT
from leadline_server.ports.crm import CrmAdapter, CrmConnection

SECONDS: Final = 10.0
"""How long a CRM may take for one request, in seconds. An interactive LogCall waits no longer either."""


class WrapperStack:
    """Puts the wrappers around adapters.

    Args:
        now: the time of day.
        metrics: where requests are counted and timed; None: nowhere.
    """

    def __init__(self, now: Callable[[], datetime], metrics: CrmMetrics | None = None) -> None:
        self._now = now
        self._metrics = metrics

    def connection(
        self,
        adapter: CrmAdapter,
        kind: str,
        *,
        breaker: CircuitBreaker,
        rate: RateLimiter | None,
        rules: Callable[[], RulesOrRegion],
        cache: CachePolicy | None,
    ) -> CrmConnection:
        """`adapter` with every wrapper around it.

        From the CRM outwards, with the reason for each position:

        0. bounds, then clean texts: no other part sees more than leadline reads of an answer, or a harmful character;
        1. spellings: the adapter is asked for every spelling of a number;
        2. deadline: no other wrapper waits forever;
        3. metrics: they see every request that is sent, and a CRM that hangs as a failure;
        4. rate limit and circuit breaker: every request counts, also a repeated one;
        5. retry: it does not repeat a request that the breaker stops because it opened meanwhile;
        6. batching: a batch of lookups is one request, takes one turn of the rate limit, and is repeated as one;
        7. cache: a remembered answer takes no turn of the rate limit, and is there while the breaker is open.

        Args:
            adapter: the bare adapter.
            kind: the adapter's name, such as `hubspot`, for the metrics.
            breaker: the account's circuit breaker.
            rate: the account's rate limit; None: there is none.
            rules: returns how the account's numbers are read.
            cache: how long answers to lookups are remembered; None: not at all.
        """
        crm: CrmAdapter = DeadlineCrm(SpelledCrm(CleanTextsCrm(BoundedCrm(adapter))), SECONDS)
        if self._metrics is not None:
            crm = MetricsCrm(crm, self._metrics, kind)
        crm = BatchingCrm(RetryCrm(_limited(crm, breaker, rate), NOT_SENT), rules)
        if cache is None:
            return CrmConnection(crm, adapter)
        count = None if self._metrics is None else self._metrics.lookups(kind)
        cached = CacheCrm(crm, RememberedLookups(cache, crm.capabilities.search_lag, self._now), rules, count)
        return CrmConnection(cached, adapter, cached)


def local_connection(
    adapter: CrmAdapter, breaker: CircuitBreaker, rate: RateLimiter | None, *, has_clean_texts: bool = False
) -> CrmConnection:
    """`adapter` with the account's limits: a CRM on this machine bounds its answers, is fast, and up to date."""
    crm = _limited(adapter if has_clean_texts else CleanTextsCrm(adapter), breaker, rate)
    return CrmConnection(crm, adapter)


def _limited(crm: CrmAdapter, breaker: CircuitBreaker, rate: RateLimiter | None) -> CrmAdapter:
    """The breaker stands outside the rate limit: a request that it stops takes no turn."""
    return CircuitBreakerCrm(crm if rate is None else RateLimitCrm(crm, rate), breaker)
