"""Stores the result of an attempt: in the ledger, in leadline's own log, and in the counts for /metrics."""

import logging
import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.delivery.attempt import DeliveryAttempt, Result
from leadline_server.delivery.backoff import delay_after, is_perhaps_sent
from leadline_server.delivery.in_flight import LeaseLost
from leadline_server.domain import outcomes
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.delay import bounded_seconds
from leadline_server.domain.errors import LeadlineError
from leadline_server.domain.request_not_sent import NOT_SENT
from leadline_server.domain.situation import LeaveUnlogged, Wait
from leadline_server.ports.crm import CrmLog
from leadline_server.ports.ledger import CallKey, CallLogs

_COUNTED_AS: Final = {CrmLog: "logged", LeaveUnlogged: "unlogged", Wait: "waiting"}

_log = structlog.get_logger(__name__)


class ResultWriter:
    """Changes call logs by the results of attempts.

    Attributes:
        results: how many attempts ended in which way, as in `metrics.RESULTS`.
        logs: how many logs an attempt left in which state, and for which reason.
    """

    def __init__(self, call_logs: CallLogs, clock: Clock, jitter: Callable[[], float] = random.random) -> None:
        self.results: Counter[str] = Counter()
        self.logs: Counter[tuple[CallLogState, CallLogReason | None]] = Counter()
        self._call_logs = call_logs
        self._clock = clock
        self._jitter = jitter

    async def store(self, key: CallKey, attempt: DeliveryAttempt, result: Result | Exception) -> CallLog:
        """The log after the attempt, on disk.

        Raises:
            LedgerUnavailable: the ledger failed; the call falls due when its lease ends.
        """
        if isinstance(result, LeaseLost):
            self.results["lost"] += 1
            return existing(await self._call_logs.get(key))
        if isinstance(result, TimeoutError):
            attempt.account.limits.breaker.failed()
        change = self.change_by(attempt, result)
        log = (await self._call_logs.change(key, lambda log: change(existing(log)))).after
        self.note(attempt, result, log)
        return log

    def change_by(self, attempt: DeliveryAttempt, result: Result | Exception) -> Callable[[CallLog], CallLog]:
        """How the result of an attempt changes the call's log. It counts nothing and stores nothing."""
        if isinstance(result, Exception):
            return self._change_by_failure(attempt, result)
        basis, now = attempt.log, self._clock.now()
        outcome, crm_log = (attempt.decision, result) if isinstance(result, CrmLog) else (result, CrmLog(""))
        if outcome is None:
            raise TypeError("an attempt wrote to the CRM without a decision")
        ids = crm_log.id, crm_log.url
        return lambda log: outcomes.decided(log, basis, outcome, ids, now)

    def note(self, attempt: DeliveryAttempt, result: Result | Exception, log: CallLog) -> None:
        """Count a result that is stored, and write failures to leadline's own log. `log` is the log after it."""
        self.logs[log.shown_state, log.reason] += 1  # their names take 3,500 instructions
        if not isinstance(result, Exception):
            self.results[_COUNTED_AS[type(result)]] += 1
        elif isinstance(result, CrmRejected):
            self._note_refusal(attempt.log, result)
        elif isinstance(result, NOT_SENT):
            self.results["postponed"] += 1
        else:
            self.results["deferred"] += 1
            self._note_deferral(attempt.log, result, log)

    def _change_by_failure(self, attempt: DeliveryAttempt, error: Exception) -> Callable[[CallLog], CallLog]:
        basis, now = attempt.log, self._clock.now()
        if isinstance(error, CrmRejected):
            message = error.message
            return lambda log: outcomes.refused(log, basis, message, now)
        decision, sentence = attempt.decision, _sentence(error)
        if isinstance(error, NOT_SENT):
            pause = timedelta(seconds=bounded_seconds(error.retry_after or 0.0))
            return lambda log: outcomes.postponed(log, basis, decision, sentence, pause, now)
        can = attempt.account.capabilities
        delay = delay_after(error, basis.attempts, can, self._jitter())
        settle_time = can.settle_time if is_perhaps_sent(error) else None
        return lambda log: outcomes.deferred(log, basis, decision, sentence, delay, now, settle_time=settle_time)

    def _note_refusal(self, basis: CallLog, error: CrmRejected) -> None:
        is_update = basis.state is CallLogState.LOGGED
        self.results["update_refused" if is_update else "refused"] += 1
        _log.warning(
            "delivery refused",
            account_id=basis.account_id,
            call_id=basis.call_id,
            is_update=is_update,
            error=type(error).__name__,
        )

    def _note_deferral(self, basis: CallLog, error: Exception, log: CallLog) -> None:
        is_expected = isinstance(error, LeadlineError | TimeoutError)
        due = log.next_attempt_time
        _log.log(
            logging.WARNING if is_expected else logging.ERROR,
            "delivery deferred",
            account_id=basis.account_id,
            call_id=basis.call_id,
            error=type(error).__name__,
            retry_seconds=None if due is None else (due - self._clock.now()).total_seconds(),
            exc_info=None if is_expected else error,
        )


def existing(log: CallLog | None) -> CallLog:
    """The log of a call that is being delivered. Retention never deletes it during the delivery."""
    if log is None:
        raise LookupError("a call log vanished during its delivery")
    return log


def _sentence(error: Exception) -> str:
    """The error for people. The text of an adapter's unexpected error stays in leadline's own log."""
    if isinstance(error, LeadlineError):
        return error.message
    return "The CRM did not answer in time." if isinstance(error, TimeoutError) else "The adapter failed unexpectedly."
