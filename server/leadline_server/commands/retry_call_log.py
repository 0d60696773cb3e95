"""RetryCallLog: a person mended the cause, and asks for another attempt."""

import asyncio

from leadline_server.accounts.registry import AccountRegistry
from leadline_server.clock import Clock
from leadline_server.commands.log_call import MOST_SECONDS
from leadline_server.concurrency.deadline import Budget
from leadline_server.delivery.worker import DeliveryWorker
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.errors import CallLogNotFound, LedgerUnavailable
from leadline_server.domain.progress import retried
from leadline_server.ports.ledger import CallKey, CallLogs


class RetryCallLog:
    """Decides and delivers a call anew; one with nothing left to do stays as it is."""

    def __init__(
        self,
        registry: AccountRegistry,
        call_logs: CallLogs,
        worker: DeliveryWorker,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._call_logs = call_logs
        self._worker = worker
        self._clock = clock

    async def execute(self, key: CallKey, budget: Budget) -> CallLog:
        """Try again, and answer with where the call stands when the budget ends, or earlier.

        Raises:
            AccountNotFound: there is no such account.
            CallLogNotFound: the call was never reported.
        """
        lease = self._worker.lease(await self._registry.get(key.account_id))
        now = self._clock.now()

        def change(log: CallLog | None) -> CallLog:
            if log is None:
                raise CallLogNotFound(key.call_id)
            return retried(log, now, lease)

        log = await self._call_logs.change(key, change)
        if log.next_attempt_time is None:
            return log
        self._worker.invite(key.account_id)
        try:
            async with asyncio.timeout(budget.share(MOST_SECONDS)):
                return await self._worker.deliver(log, is_new=False)
        except (TimeoutError, LedgerUnavailable):
            return log  # that it is to be tried is on disk
