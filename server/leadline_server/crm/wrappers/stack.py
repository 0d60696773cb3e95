"""The one place where a CRM adapter gets its wrappers."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from leadline_server.crm.wrappers import (
    BatchingCrm,
    CacheCrm,
    CachePolicy,
    CrmMetrics,
    DeadlineCrm,
    MetricsCrm,
    RetryCrm,
)
from leadline_server.crm.wrappers.remembered_answers import Answers
from leadline_server.domain.request_not_sent import NOT_SENT
from leadline_server.ports.crm import Connection, CrmAdapter

SECONDS: Final = 10.0
"""How long a CRM may take for one request, in seconds. An interactive LogCall waits no longer either."""


class WrapperStack:
    """Puts the wrappers round adapters.

    Args:
        now: the time of day.
        metrics: where all is measured; None: nowhere.
    """

    def __init__(self, now: Callable[[], datetime], metrics: CrmMetrics | None = None) -> None:
        self._now = now
        self._metrics = metrics

    def connection(
        self,
        adapter: CrmAdapter,
        kind: str,
        *,
        guard: Callable[[CrmAdapter], CrmAdapter],
        region: Callable[[], str],
        cache: CachePolicy | None,
    ) -> Connection:
        """`adapter` with everything round it.

        From the CRM outwards, and why in this order:

        1. the deadline: nothing outside of it waits for ever;
        2. the metrics: they see each request that is really sent, and a CRM that hangs as such;
        3. the account's breaker and rate limit: each request counts, those that are tried again too;
        4. trying again: what a breaker does not let through, because it has opened meanwhile, is not tried again;
        5. gathering: what is asked together is one request, one turn of the rate limit, and one that is tried again;
        6. the cache: an answer from it costs no turn of the rate limit, and is there while the breaker is open.

        Args:
            adapter: the bare adapter.
            kind: what kind of adapter it is, for the metrics.
            guard: puts the account's breaker and rate limit round it.
            region: tells the region that the account's numbers are read in.
            cache: what is remembered of lookups; None where they are cheap and always right.
        """
        crm: CrmAdapter = DeadlineCrm(adapter, SECONDS)
        if self._metrics is not None:
            crm = MetricsCrm(crm, self._metrics, kind)
        crm = BatchingCrm(RetryCrm(guard(crm), NOT_SENT), region)
        if cache is None:
            return Connection(crm)
        answers = Answers(cache, crm.capabilities.search_lag, self._now)
        count = None if self._metrics is None else self._metrics.lookups(kind)
        cached = CacheCrm(crm, answers, region, count)
        return Connection(cached, cached)
