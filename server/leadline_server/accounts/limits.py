"""The line to each account's CRM: what keeps one that is dead or slow from troubling the others.

This is the one place where the breaker, the slots and the rate limit are put together.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from functools import partial

import structlog

from leadline_server.concurrency.circuit_breaker import Breaker
from leadline_server.concurrency.concurrency_limit import RateLimit, Slots

_log = structlog.get_logger(__name__)


class AccountLine:
    """One account's: `slots` bound its deliveries, `breaker` and `rate` whatever is asked of its CRM."""

    def __init__(self, breaker: Breaker, slots: Slots, rate: RateLimit | None) -> None:
        self.breaker = breaker
        self.slots = slots
        self.rate = rate

    @property
    def room(self) -> int:
        """How many deliveries may begin now; after a pause one, to try the CRM."""
        if self.breaker.is_closed:
            return self.slots.free
        return min(self.slots.free, 1) if self.breaker.may_probe else 0


class AccountLines:
    """The lines by account.

    Args:
        concurrency: deliveries of one account at once.
        rate: calls to one account's CRM a second; 0 for no limit.
        now: a clock in seconds that never goes back, by which the CRMs are left alone.
    """

    def __init__(self, concurrency: int, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._concurrency = concurrency
        self._rate = rate
        self._lines: dict[str, AccountLine] = {}
        self.recovered = asyncio.Event()
        """Set whenever a CRM answers again: what waited for it can go on."""

    def of(self, account_id: str) -> AccountLine:
        """The account's line."""
        line = self._lines.get(account_id)
        if line is None:
            line = self._lines[account_id] = AccountLine(
                Breaker(partial(self._announce, account_id), self._now),
                Slots(self._concurrency),
                RateLimit(self._rate, self._now) if self._rate else None,
            )
        return line

    def __iter__(self) -> Iterator[tuple[str, AccountLine]]:
        return iter(self._lines.items())

    def _announce(self, account_id: str) -> None:
        _log.info("crm answers again", account_id=account_id)
        self.recovered.set()
