"""Delivers due calls in the background, whichever process accepted them.

Example: account "demo" has 700 due calls and a concurrency limit of 8. Each look reads the 512 longest due, and starts
8 deliveries. Each delivery that ends starts the next one.
"""

import asyncio
from collections import Counter, defaultdict, deque
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog

from leadline_server.accounts.limits import AccountLimits, AccountLimitsRegistry
from leadline_server.clock import Clock
from leadline_server.delivery.worker import DeliveryWorker
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import CallKey, CallLogs

POLL_SECONDS: Final = 0.5
"""How often the ledger is asked what is due, in seconds."""

BATCH: Final = 512
"""How many due calls one look reads."""

_log = structlog.get_logger(__name__)


class DeliveryScheduler:
    """Delivers due calls: of each account as many at once as its limits allow.

    A look reads the BATCH longest due calls. If more are due, it reads again without the accounts that have reached
    their limits, so that the calls of one CRM that is down do not hide other accounts' calls.

    Attributes:
        due: how many due calls the last look found, by account.
        oldest: how long the oldest due call had waited at the last look.
    """

    def __init__(
        self, call_logs: CallLogs, worker: DeliveryWorker, limits: AccountLimitsRegistry, clock: Clock
    ) -> None:
        self.due: Counter[str] = Counter()
        self.oldest = timedelta(0)
        self._call_logs = call_logs
        self._worker = worker
        self._limits = limits
        self._clock = clock
        self._waiting: defaultdict[str, deque[CallKey]] = defaultdict(deque)
        self._has_more = False

    async def run(self) -> None:
        """Deliver until cancelled. If the ledger fails, it tries again."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._look_and_wait(group)
            finally:
                self._waiting.clear()  # deliveries that end from now on start no others

    async def _look_and_wait(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._look(group)
        except LeadlineError as error:
            _log.warning("delivery loop paused", error=type(error).__name__)
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._limits.recovered.wait()
        self._limits.recovered.clear()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        now = self._clock.now()
        due = await self._call_logs.due(now, BATCH)
        self.due = Counter(key.account_id for key in due)
        self.oldest = await self._age_of_oldest(now) if due else timedelta(0)
        self._has_more = len(due) == BATCH
        full = [account_id for account_id, limits in self._limits if not limits.room] if self._has_more else []
        others = await self._call_logs.due(now, BATCH, full) if full else ()
        self._waiting.clear()
        for key in dict.fromkeys((*due, *others)):
            self._waiting[key.account_id].append(key)
        for account_id in tuple(self._waiting):
            self._begin(account_id, group)

    async def _age_of_oldest(self, now: datetime) -> timedelta:
        time = await self._call_logs.next_due_time()
        return timedelta(0) if time is None else max(timedelta(0), now - time)

    def _begin(self, account_id: str, group: asyncio.TaskGroup) -> None:
        """Start as many of the account's waiting deliveries as its limits allow."""
        waiting, limits = self._waiting[account_id], self._limits.of(account_id)
        room = limits.room
        while waiting and room:
            key = waiting.popleft()
            if self._worker.in_flight.get(key) is None and limits.concurrency.try_acquire():
                group.create_task(self._deliver(key, limits, group))
                room -= 1

    async def _deliver(self, key: CallKey, limits: AccountLimits, group: asyncio.TaskGroup) -> None:
        try:
            await self._worker.take_up(key, limits.concurrency.release)
        except Exception as error:  # noqa: BLE001 - one call that cannot be delivered must not end the loop
            _log.warning("delivery paused", account_id=key.account_id, error=type(error).__name__)
        self._begin(key.account_id, group)
        if self._has_more and not self._waiting[key.account_id]:
            self._limits.recovered.set()  # more calls of this account may be due: look at once
