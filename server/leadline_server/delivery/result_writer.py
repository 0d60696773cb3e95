"""Records what came of an attempt: in the ledger, in leadline's log, and in the counts."""

import logging
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import structlog

from leadline_server.accounts.limits import AccountLimitsRegistry
from leadline_server.accounts.registry import AccountRegistry
from leadline_server.clock import Clock
from leadline_server.delivery.attempt import Attempt, Result, Written
from leadline_server.delivery.backoff import delay_after, is_perhaps_sent
from leadline_server.delivery.in_flight import LeaseLost
from leadline_server.domain import outcomes
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.decision import LeaveUnlogged, Wait
from leadline_server.domain.errors import CrmRejected, LeadlineError
from leadline_server.domain.request_not_sent import NOT_SENT
from leadline_server.ports.crm import Capabilities
from leadline_server.ports.ledger import CallKey, CallLogs

_log = structlog.get_logger(__name__)


class ResultWriter:
    """Turns results of attempts into outcomes.

    Attributes:
        results: how many attempts ended in which way.
    """

    def __init__(
        self,
        call_logs: CallLogs,
        registry: AccountRegistry,
        limits: AccountLimitsRegistry,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.results: Counter[str] = Counter()
        self._call_logs = call_logs
        self._registry = registry
        self._limits = limits
        self._clock = clock
        self._jitter = jitter

    async def record(self, key: CallKey, attempt: Attempt, result: Result | Exception) -> CallLog:
        """The log with what came of the attempt, on disk.

        Raises:
            LedgerUnavailable: it could not be recorded; the call falls due when its lease is over.
        """
        basis, now = attempt.log, self._clock.now()
        if isinstance(result, Written):
            standing, crm_log = result.standing, (result.crm_log.id, result.crm_log.url)
            self.results["logged"] += 1
            return await self._change(key, lambda log: outcomes.logged(log, basis, standing, crm_log, now))
        if isinstance(result, LeaveUnlogged):
            self.results["unlogged"] += 1
            reason, sentence, candidates = result.reason, result.explanation, result.candidates
            return await self._change(key, lambda log: outcomes.unlogged(log, basis, reason, sentence, candidates, now))
        if isinstance(result, Wait):
            self.results["waiting"] += 1
            explanation = result.explanation
            return await self._change(key, lambda log: outcomes.waiting(log, basis, explanation, now))
        return await self._record_failure(key, attempt, result)

    async def _record_failure(self, key: CallKey, attempt: Attempt, error: Exception) -> CallLog:
        basis, now = attempt.log, self._clock.now()
        if isinstance(error, LeaseLost):
            self.results["lost"] += 1
            return known(await self._call_logs.get(key))
        if isinstance(error, CrmRejected):
            self.results["refused"] += 1
            message = error.message
            return await self._change(key, lambda log: outcomes.refused(log, basis, message, now))
        standing, sentence = attempt.standing, _sentence(error)
        if isinstance(error, NOT_SENT):
            self.results["postponed"] += 1
            pause = timedelta(seconds=error.retry_after or 0.0)
            return await self._change(key, lambda log: outcomes.postponed(log, basis, standing, sentence, pause, now))
        capabilities = (await self._registry.get(basis.account_id)).crm.capabilities
        delay = self._delay(basis, error, capabilities)
        settle_time = capabilities.settle_time if is_perhaps_sent(error) else timedelta(0)
        self.results["deferred"] += 1
        return await self._change(
            key,
            lambda log: outcomes.deferred(log, basis, standing, sentence, delay, now, settle_time=settle_time),
        )

    def _delay(self, log: CallLog, error: Exception, capabilities: Capabilities) -> timedelta:
        """Until the next attempt; the failure is logged, and the breaker told of a CRM that hung."""
        if isinstance(error, TimeoutError):
            self._limits.of(log.account_id).breaker.failed()
        delay = delay_after(error, log.attempts, capabilities, self._jitter())
        is_expected = isinstance(error, LeadlineError | TimeoutError)
        _log.log(
            logging.WARNING if is_expected else logging.ERROR,
            "delivery deferred",
            account_id=log.account_id,
            call_id=log.call_id,
            error=type(error).__name__,
            retry_seconds=delay.total_seconds(),
            exc_info=None if is_expected else error,
        )
        return delay

    async def _change(self, key: CallKey, change: Callable[[CallLog], CallLog]) -> CallLog:
        return await self._call_logs.change(key, lambda log: change(known(log)))


def known(log: CallLog | None) -> CallLog:
    """The log of a call that is being delivered: nothing deletes it meanwhile."""
    if log is None:
        raise LookupError("a call log vanished during its delivery")
    return log


def _sentence(error: Exception) -> str:
    """The error for people; what an adapter did not mean to say stays in leadline's own log."""
    if isinstance(error, LeadlineError):
        return error.message
    return "The CRM did not answer in time." if isinstance(error, TimeoutError) else "The adapter failed unexpectedly."
