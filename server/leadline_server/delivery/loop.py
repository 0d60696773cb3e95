"""The delivery loop: takes up what is due, whoever accepted it and whenever."""

import asyncio
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.delivery.courier import Courier
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import CallKey, CallLogs

POLL_SECONDS: Final = 0.5
"""How often the ledger is asked what is due, in seconds."""

_AT_ONCE: Final = 32
_BATCH: Final = 512

_log = structlog.get_logger(__name__)


class DeliveryLoop:
    """Delivers due calls, a bounded number at once."""

    def __init__(self, call_logs: CallLogs, courier: Courier, clock: Clock) -> None:
        self._call_logs = call_logs
        self._courier = courier
        self._clock = clock

    async def run(self) -> None:
        """Deliver until cancelled. A ledger out of order is waited for."""
        while True:
            try:
                await self._deliver_due()
            except LeadlineError as error:
                _log.warning("delivery loop paused", error=type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

    async def _deliver_due(self) -> None:
        due = await self._call_logs.due(self._clock.now(), _BATCH)
        slots = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for key in due:
                if not self._courier.is_carrying(key):
                    group.create_task(self._deliver(key, slots))

    async def _deliver(self, key: CallKey, slots: asyncio.Semaphore) -> None:
        async with slots:
            log = await self._call_logs.get(key)
            if log is None or log.next_attempt_time is None or log.next_attempt_time > self._clock.now():
                return
            try:
                await self._courier.deliver(log, is_new=False)
            except LeadlineError as error:
                _log.warning("delivery paused", account_id=key.account_id, error=type(error).__name__)
