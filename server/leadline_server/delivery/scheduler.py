"""The delivery loop: takes up what is due, whoever accepted it and whenever."""

import asyncio
from collections import Counter, defaultdict, deque
from contextlib import suppress
from typing import Final

import structlog

from leadline_server.accounts.limits import AccountLimitsRegistry
from leadline_server.clock import Clock
from leadline_server.delivery.worker import DeliveryWorker
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import CallKey, CallLogs

POLL_SECONDS: Final = 0.5
"""How often the ledger is asked what is due, in seconds."""

BATCH: Final = 512
"""How many due calls are looked at."""

_log = structlog.get_logger(__name__)


class DeliveryScheduler:
    """Delivers due calls, of each account as many at once as its limits have room for.

    Of what is due the BATCH longest due calls are looked at. Where there are more, those of accounts that cannot go on
    are looked past, so that a dead CRM's calls hide nobody else's.

    Attributes:
        due: the due calls that were seen at the last look, by account.
    """

    def __init__(
        self, call_logs: CallLogs, worker: DeliveryWorker, limits: AccountLimitsRegistry, clock: Clock
    ) -> None:
        self.due: Counter[str] = Counter()
        self._call_logs = call_logs
        self._worker = worker
        self._limits = limits
        self._clock = clock
        self._waiting: defaultdict[str, deque[CallKey]] = defaultdict(deque)
        self._has_more = False

    async def run(self) -> None:
        """Deliver until cancelled. A ledger out of order is waited for."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._look_and_wait(group)
            finally:
                self._waiting.clear()  # what ends from now on begins nothing more

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
        self._has_more = len(due) == BATCH
        full = [account_id for account_id, limits in self._limits if not limits.room] if self._has_more else []
        others = await self._call_logs.due(now, BATCH, full) if full else ()
        self._waiting.clear()
        for key in dict.fromkeys((*due, *others)):
            self._waiting[key.account_id].append(key)
        for account_id in tuple(self._waiting):
            self._begin(account_id, group)

    def _begin(self, account_id: str, group: asyncio.TaskGroup) -> None:
        """Begin as many of the account's waiting deliveries as it has room for."""
        waiting, limits = self._waiting[account_id], self._limits.of(account_id)
        room = limits.room
        while waiting and room:
            key = waiting.popleft()
            if self._worker.in_flight.get(key) is None and limits.concurrency.try_acquire():
                group.create_task(self._deliver(key, group))
                room -= 1

    async def _deliver(self, key: CallKey, group: asyncio.TaskGroup) -> None:
        try:
            await self._worker.take_up(key)
        except Exception as error:  # noqa: BLE001 - one call that cannot be delivered must not end the loop
            _log.warning("delivery paused", account_id=key.account_id, error=type(error).__name__)
        self._begin(key.account_id, group)
        if self._has_more and not self._waiting[key.account_id]:
            self._limits.recovered.set()  # there may be more of this account's: look at once
