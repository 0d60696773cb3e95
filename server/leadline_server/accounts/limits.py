"""The limits of each account: circuit breaker, concurrency limit and rate limit.

They keep a CRM that is down or slow from slowing other accounts. Example: with a concurrency limit of 8, at most 8
calls of account "demo" are delivered at once, however slow its CRM is.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial

import structlog

from leadline_server.concurrency.circuit_breaker import CircuitBreaker
from leadline_server.concurrency.concurrency_limit import ConcurrencyLimit
from leadline_server.concurrency.rate_limiter import RateLimiter

_log = structlog.get_logger(__name__)


class AccountLimits:
    """One account's limits: `concurrency` bounds its deliveries, `breaker` and `rate` all requests to its CRM."""

    def __init__(self, breaker: CircuitBreaker, concurrency: ConcurrencyLimit, rate: RateLimiter | None) -> None:
        self.breaker = breaker
        self.concurrency = concurrency
        self.rate = rate

    @property
    def room(self) -> int:
        """How many deliveries may start now. After a pause of the breaker it is one, which tries the CRM."""
        if self.breaker.is_closed:
            return self.concurrency.free
        return min(self.concurrency.free, 1) if self.breaker.may_try else 0


class AccountLimitsRegistry:
    """The limits by account.

    Args:
        concurrency: deliveries of one account at once.
        rate: calls to one account's CRM a second; 0 for no limit.
        now: a clock in seconds that never goes back, for the pauses of the breakers.
    """

    def __init__(self, concurrency: int, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._concurrency = concurrency
        self._rate = rate
        self._limits: dict[str, AccountLimits] = {}
        self.recovered = asyncio.Event()
        """Set whenever a CRM answers again, so that its calls need not wait for the next look."""

    def of(self, account_id: str) -> AccountLimits:
        """The account's limits."""
        limits = self._limits.get(account_id)
        if limits is None:
            limits = self._limits[account_id] = AccountLimits(
                CircuitBreaker(partial(self._announce, account_id), self._now),
                ConcurrencyLimit(self._concurrency),
                RateLimiter(self._rate, self._rate, self._now) if self._rate else None,
            )
        return limits

    def __iter__(self) -> Iterator[tuple[str, AccountLimits]]:
        return iter(self._limits.items())

    def _announce(self, account_id: str) -> None:
        _log.info("crm answers again", account_id=account_id)
        self.recovered.set()
