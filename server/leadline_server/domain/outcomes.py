"""How a call log changes by the outcome of a delivery. Pure functions.

Delivery works on a snapshot of the log, `basis`, while reports go on arriving. Each function takes the current log and
the snapshot, and keeps the newer of both. If a report has come in since, the lease owner keeps the call and continues;
else the outcome ends the lease. A process that lost its lease may record only that the CRM has the call.

Example: a delivery began with input revision 1. A person chose a contact meanwhile, so the log has input revision 2.
The CRM took the call: the log becomes LOGGED, decided on revision 1, and the same process decides again.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypedDict

from leadline_server.domain.call_log import (
    FINAL_WAIT,
    MAX_DELIVERY_AGE,
    MAX_UNANSWERED_AGE,
    CallLog,
    Decision,
    LeaseFields,
    changed,
)
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.leases import AT_REST, at, kept
from leadline_server.domain.situation import LeaveUnlogged, Wait

_CHOSEN: Final = CallLogReason.CONTACT_CHOSEN  # as global names they are read 15 times faster
_LOGGED: Final = CallLogState.LOGGED


def decided(
    log: CallLog, basis: CallLog, outcome: Decision | LeaveUnlogged | Wait, crm_log: tuple[str, str], now: datetime
) -> CallLog:
    """The log after an outcome of `decide` was carried out. `crm_log` is as for `logged`; a Decision alone uses it."""
    if isinstance(outcome, Decision):
        return logged(log, basis, outcome, crm_log, now)
    return (
        unlogged(log, basis, outcome, now) if isinstance(outcome, LeaveUnlogged) else waiting(log, basis, outcome, now)
    )


def logged(log: CallLog, basis: CallLog, decision: Decision, crm_log: tuple[str, str], now: datetime) -> CallLog:
    """The log after the CRM took the call.

    Args:
        log: the current log.
        basis: the log that the delivery began with.
        decision: the decision that the delivery carried out.
        crm_log: the id and the URL of the CRM's log.
        now: the time.
    """
    is_held = _is_held(log, basis)
    if not is_held and log.crm_log_id not in ("", crm_log[0]):
        return log  # another process was faster, and its log counts
    # A person may have confirmed the contact during the write.
    is_confirmed = log.reason is _CHOSEN and log.contact is not None and log.contact.id == decision.contact.id
    return changed(
        log,
        now,
        state=_LOGGED,
        reason=log.reason if is_confirmed else decision.reason,
        explanation=log.explanation if is_confirmed else decision.explanation,
        contact=decision.contact,
        candidates=decision.candidates,
        crm_log_id=crm_log[0],
        crm_log_url=crm_log[1],
        decision=None,
        decided_revision=basis.input_revision,
        delivered_revision=basis.content_revision,
        unsettled_until=None,
        attempts=0,
        last_error="",
        **_lease_after_success(log, basis, now),
    )


def _lease_after_success(log: CallLog, basis: CallLog, now: datetime) -> LeaseFields:
    """A call without news is at rest. One with news stays with its lease owner; without an owner it is due now."""
    if log.lease_owner and not _is_held(log, basis):
        return kept(log)
    if log.input_revision == basis.input_revision and log.content_revision <= basis.content_revision:
        return AT_REST
    return kept(log) if log.lease_owner else at(now)


def unlogged(log: CallLog, basis: CallLog, outcome: LeaveUnlogged, now: datetime) -> CallLog:
    """The log after the decision to write nothing; unchanged if newer inputs need another decision."""
    if log.input_revision != basis.input_revision or not _is_held(log, basis):
        return log
    revision = basis.input_revision
    if log.state is CallLogState.LOGGED:
        # The CRM keeps the log and its contact.
        lease = kept(log) if log.update_pending else AT_REST
        return changed(log, now, decided_revision=revision, attempts=0, last_error="", **lease)
    return changed(
        log,
        now,
        state=CallLogState.UNLOGGED,
        reason=outcome.reason,
        explanation=outcome.explanation,
        candidates=outcome.candidates,
        contact=None,
        decision=None,  # one whose write the CRM refused, since its contact is gone
        decided_revision=revision,
        attempts=0,
        last_error="",
        **AT_REST,
    )


def waiting(log: CallLog, basis: CallLog, outcome: Wait, now: datetime) -> CallLog:
    """The log of a call that is decided once it is final, or after FINAL_WAIT without news."""
    if log.input_revision != basis.input_revision or log.state is CallLogState.LOGGED or not _is_held(log, basis):
        return log
    wait_until = log.last_news_time + FINAL_WAIT
    return changed(
        log,
        now,
        state=CallLogState.PENDING,
        reason=CallLogReason.NOT_FINAL,
        explanation=outcome.explanation,
        candidates=(),
        decision=None,
        decided_revision=basis.input_revision,
        attempts=0,
        last_error="",
        pending_since=wait_until,
        **at(wait_until),
    )


def deferred(
    log: CallLog,
    basis: CallLog,
    decision: Decision | None,
    error: str,
    delay: timedelta,
    now: datetime,
    *,
    settle_time: timedelta | None = None,
) -> CallLog:
    """The log after a failed delivery that may succeed after `delay`; FAILED once it has failed for too long.

    `decision` is the one that was taken before the delivery failed, if any. `settle_time` is how long a request that
    may have been sent can still take effect; None: none was sent.
    """
    if settle_time is not None and _is_held(log, basis):
        log = replace(log, unsettled_until=now + settle_time)
    return _postponed(log, basis, decision, error, delay, now, attempts=1)


def postponed(
    log: CallLog, basis: CallLog, decision: Decision | None, error: str, delay: timedelta, now: datetime
) -> CallLog:
    """The log of a call whose request was not sent to the CRM: as `deferred`, but no attempt is counted."""
    return _postponed(log, basis, decision, error, delay, now, attempts=0)


def _postponed(
    log: CallLog,
    basis: CallLog,
    decision: Decision | None,
    error: str,
    delay: timedelta,
    now: datetime,
    *,
    attempts: int,
) -> CallLog:
    if not _is_held(log, basis):
        return log
    end = _end_of_delivery(log)
    is_over = now > end
    return changed(
        log,
        now,
        decision=decision if log.input_revision == basis.input_revision else None,
        attempts=log.attempts + attempts,
        last_error=error,
        **(AT_REST if is_over else at(min(now + min(delay, MAX_DELIVERY_AGE), end))),
        **_unless_logged(
            log,
            CallLogState.FAILED if is_over else CallLogState.PENDING,
            CallLogReason.CRM_UNAVAILABLE,
            f"The CRM has not taken the call for {MAX_DELIVERY_AGE.days} days; fix the cause and retry."
            if is_over
            else "The CRM has not taken the call yet; leadline keeps the call and tries again.",
        ),
    )


def _end_of_delivery(log: CallLog) -> datetime:
    """The time of the last attempt at the latest.

    An update without an answer is tried for longer. The CRM may have it, and show the call at another contact than
    leadline.
    """
    is_unanswered = log.state is CallLogState.LOGGED and log.unsettled_until is not None
    return log.pending_since + (MAX_UNANSWERED_AGE if is_unanswered else MAX_DELIVERY_AGE)


def refused(log: CallLog, basis: CallLog, error: str, now: datetime) -> CallLog:
    """The log after the CRM refused the call for good; unchanged if newer inputs need another attempt."""
    is_news = log.input_revision != basis.input_revision or log.content_revision != basis.content_revision
    if is_news or not _is_held(log, basis):
        return log
    explanation = "The CRM refuses this call; fix the cause and retry."
    return changed(
        log,
        now,
        attempts=log.attempts + 1,
        last_error=error,
        **AT_REST,
        **_unless_logged(log, CallLogState.FAILED, CallLogReason.CRM_REJECTED, explanation),
    )


class _StateFields(TypedDict):
    state: CallLogState
    reason: CallLogReason | None
    explanation: str


def _unless_logged(log: CallLog, state: CallLogState, reason: CallLogReason, explanation: str) -> _StateFields:
    """The new state; a LOGGED call keeps its own, because a failed update does not take it out of the CRM."""
    if log.state is CallLogState.LOGGED:
        return {"state": log.state, "reason": log.reason, "explanation": log.explanation}
    return {"state": state, "reason": reason, "explanation": explanation}


def _is_held(log: CallLog, basis: CallLog) -> bool:
    """Whether the process that took the snapshot still has the call."""
    return log.lease_owner == basis.lease_owner
