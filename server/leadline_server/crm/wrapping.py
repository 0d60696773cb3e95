"""The one place where a CRM adapter gets its wrappers."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from leadline_server.crm.wrappers import (
    BoundedCrm,
    CachedCrm,
    CachePolicy,
    CrmMetrics,
    GatheringCrm,
    MeasuredCrm,
    RetryingCrm,
    SpelledCrm,
)
from leadline_server.crm.wrappers.answers import Answers
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.ports.crm import Connection, CrmAdapter

SECONDS: Final = 10.0
"""How long a CRM may take for one request, in seconds. An interactive LogCall waits no longer either."""


class Wrapping:
    """Puts the wrappers round adapters.

    Args:
        now: the time of day.
        not_asked: what the guards raise where they do not let the CRM be asked.
        metrics: where all is measured; None: nowhere.
    """

    def __init__(
        self, now: Callable[[], datetime], not_asked: tuple[type[Exception], ...], metrics: CrmMetrics | None = None
    ) -> None:
        self._now = now
        self._not_asked = not_asked
        self._metrics = metrics

    def connection(
        self,
        adapter: CrmAdapter,
        kind: str,
        *,
        guard: Callable[[CrmAdapter], CrmAdapter],
        rules: Callable[[], RulesOrRegion],
        cache: CachePolicy | None,
    ) -> Connection:
        """`adapter` with everything round it.

        From the CRM outwards, and why in this order:

        1. other spellings of a number: whatever remembers or shares a lookup knows it by one spelling;
        2. the deadline: nothing outside of it waits for ever;
        3. the metrics: they see each request that is really sent, and a CRM that hangs as such;
        4. the account's breaker and rate limit: each request counts, those that are tried again too;
        5. trying again: what a breaker does not let through, because it has opened meanwhile, is not tried again;
        6. gathering: what is asked together is one request, one turn of the rate limit, and one that is tried again;
        7. the cache: an answer from it costs no turn of the rate limit, and is there while the breaker is open.

        Args:
            adapter: the bare adapter.
            kind: what kind of adapter it is, for the metrics.
            guard: puts the account's breaker and rate limit round it.
            rules: tells how the account's numbers are read.
            cache: what is remembered of lookups; None where they are cheap and always right.
        """
        crm: CrmAdapter = BoundedCrm(SpelledCrm(adapter), SECONDS)
        if self._metrics is not None:
            crm = MeasuredCrm(crm, self._metrics, kind)
        crm = GatheringCrm(RetryingCrm(guard(crm), self._not_asked), rules)
        if cache is None:
            return Connection(crm)
        answers = Answers(cache, crm.capabilities.search_lag, self._now)
        count = None if self._metrics is None else self._metrics.lookups(kind)
        cached = CachedCrm(crm, answers, rules, count)
        return Connection(cached, cached)
