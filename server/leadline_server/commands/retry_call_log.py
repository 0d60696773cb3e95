"""RetryCallLog: a person fixed the cause of a failure, and asks for another attempt."""

import asyncio
from functools import partial

from leadline_server.accounts.registry import Account
from leadline_server.clock import Clock
from leadline_server.concurrency.deadline import MOST_SECONDS, Budget
from leadline_server.delivery.in_ledger import InLedgerDelivery, WantedChange
from leadline_server.delivery.worker import DeliveryWorker
from leadline_server.domain.access.principals import Principal
from leadline_server.domain.access.rules import may_open
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.errors import CallLogNotFound
from leadline_server.domain.leases import Lease
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.retrying import retried
from leadline_server.ports.ledger import CallKey, CallLogs


class RetryCallLog:
    """Decides and delivers a call again. A call with nothing left to do stays as it is."""

    def __init__(self, call_logs: CallLogs, worker: DeliveryWorker, in_ledger: InLedgerDelivery, clock: Clock) -> None:
        self._call_logs = call_logs
        self._worker = worker
        self._in_ledger = in_ledger
        self._clock = clock

    async def execute(self, account: Account, key: CallKey, principal: Principal, budget: Budget) -> CallLog:
        """Try again, and return the call log when it is delivered or when the budget ends.

        Raises:
            CallLogNotFound: the call was never reported, or is another user's than the principal's.
        """
        now = self._clock.now()

        def change(log: CallLog | None, lease: Lease) -> CallLog:
            if log is None or not may_open(principal, "RetryCallLog", log.user_id, log.reporters):
                raise CallLogNotFound(key.call_id)
            return retried(log, now, lease)

        if account.in_ledger is not None:
            wanted = WantedChange(key, partial(change, lease=self._in_ledger.lease))
            delivered = await self._in_ledger.deliver(account, wanted)
            if delivered is not None and delivered.is_whole:
                return delivered.log
        lease = self._worker.lease(account.capabilities)
        log = (await self._call_logs.change(key, partial(change, lease=lease))).after
        if log.next_attempt_time is None:
            return log
        account.limits.breaker.invite()  # the person has reason to think that the CRM works
        try:
            async with asyncio.timeout(budget.share(MOST_SECONDS)):
                return await self._worker.deliver(account, log, lease, is_new=False)
        except (TimeoutError, LedgerUnavailable):
            return log  # the wish for another attempt is on disk
