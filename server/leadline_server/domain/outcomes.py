"""How a call log changes by what came of a delivery. Pure functions.

Delivery works on a snapshot while reports go on arriving. So every function here takes the current log and the snapshot
(`basis`), and keeps what is newer. While there is something newer, the lease owner keeps the
call and continues; else the outcome ends the lease. A process that lost its lease may record only that the CRM has
the call.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from leadline_server.domain.call_log import (
    FINAL_WAIT,
    MAX_DELIVERY_AGE,
    CallLog,
    CallLogReason,
    CallLogState,
    Standing,
    changed,
)
from leadline_server.domain.contact import ContactMatch
from leadline_server.domain.leases import AT_REST, at


def logged(log: CallLog, basis: CallLog, standing: Standing, crm_log: tuple[str, str], now: datetime) -> CallLog:
    """The log after the CRM took it: `crm_log` is the id and the URL of what it made."""
    is_held = _is_held(log, basis)
    if not is_held and log.crm_log_id not in ("", crm_log[0]):
        return log  # somebody else was faster, and theirs is the log that counts
    # A person may have confirmed the contact while it was being written.
    is_confirmed = (
        log.reason is CallLogReason.CONTACT_CHOSEN and log.contact is not None and log.contact.id == standing.contact.id
    )
    changes = {
        "state": CallLogState.LOGGED,
        "reason": log.reason if is_confirmed else standing.reason,
        "explanation": log.explanation if is_confirmed else standing.explanation,
        "contact": standing.contact,
        "candidates": standing.candidates,
        "crm_log_id": crm_log[0],
        "crm_log_url": crm_log[1],
        "standing": None,
        "decided_revision": basis.input_revision,
        "delivered_revision": basis.content_revision,
        "unsettled_until": None,
        "attempts": 0,
        "last_error": "",
    }
    if is_held or not log.lease_owner:
        if log.input_revision == basis.input_revision and log.content_revision <= basis.content_revision:
            changes |= AT_REST
        elif not log.lease_owner:
            changes |= at(now)
    return changed(log, changes, now)


def unlogged(
    log: CallLog,
    basis: CallLog,
    reason: CallLogReason,
    explanation: str,
    candidates: tuple[ContactMatch, ...],
    now: datetime,
) -> CallLog:
    """The log after the decision to write nothing; unchanged where newer inputs ask for another decision."""
    if log.input_revision != basis.input_revision or not _is_held(log, basis):
        return log
    if log.state is CallLogState.LOGGED:
        # What is in the CRM stays there, with the contact that it has.
        decided = {"decided_revision": basis.input_revision, "attempts": 0, "last_error": ""}
        return changed(log, decided if log.update_pending else {**decided, **AT_REST}, now)
    changes = {
        "state": CallLogState.UNLOGGED,
        "reason": reason,
        "explanation": explanation,
        "candidates": candidates,
        "contact": None,
        "decided_revision": basis.input_revision,
        "attempts": 0,
        "last_error": "",
        **AT_REST,
    }
    return changed(log, changes, now)


def waiting(log: CallLog, basis: CallLog, explanation: str, now: datetime) -> CallLog:
    """The log of a call that is to be decided when it is final, or silent for FINAL_WAIT."""
    if log.input_revision != basis.input_revision or log.state is CallLogState.LOGGED or not _is_held(log, basis):
        return log
    wait_until = log.last_news_time + FINAL_WAIT
    changes = {
        "state": CallLogState.PENDING,
        "reason": CallLogReason.NOT_FINAL,
        "explanation": explanation,
        "candidates": (),
        "decided_revision": basis.input_revision,
        "attempts": 0,
        "last_error": "",
        "pending_since": wait_until,
        **at(wait_until),
    }
    return changed(log, changes, now)


def deferred(
    log: CallLog,
    basis: CallLog,
    standing: Standing | None,
    error: str,
    delay: timedelta,
    now: datetime,
    *,
    settle_time: timedelta = timedelta(0),
) -> CallLog:
    """The log after a delivery that may succeed later, in `delay`; FAILED when it has been tried for too long.

    `settle_time` is how long what was perhaps sent may still take effect.
    """
    after = _postponed(log, basis, standing, error, delay, now, attempts=1)
    return replace(after, unsettled_until=now + settle_time) if settle_time and after is not log else after


def postponed(
    log: CallLog, basis: CallLog, standing: Standing | None, error: str, delay: timedelta, now: datetime
) -> CallLog:
    """The log of a call that the CRM was not even asked about: as if deferred, but it was no attempt."""
    return _postponed(log, basis, standing, error, delay, now, attempts=0)


def _postponed(
    log: CallLog,
    basis: CallLog,
    standing: Standing | None,
    error: str,
    delay: timedelta,
    now: datetime,
    *,
    attempts: int,
) -> CallLog:
    if not _is_held(log, basis):
        return log
    is_current = log.input_revision == basis.input_revision
    is_over = now - log.pending_since > MAX_DELIVERY_AGE
    changes: dict[str, Any] = {
        "standing": standing if is_current else None,
        "attempts": log.attempts + attempts,
        "last_error": error,
        **(AT_REST if is_over else at(now + delay)),
    }
    if log.state is not CallLogState.LOGGED:
        changes |= {
            "state": CallLogState.FAILED if is_over else CallLogState.PENDING,
            "reason": CallLogReason.CRM_UNAVAILABLE,
            "explanation": (
                f"The CRM was out of reach for {MAX_DELIVERY_AGE.days} days; retry when it is back."
                if is_over
                else "The CRM cannot be reached; the call is kept and delivered when it is back."
            ),
        }
    return changed(log, changes, now)


def refused(log: CallLog, basis: CallLog, error: str, now: datetime) -> CallLog:
    """The log after the CRM refused it for good; unchanged where newer inputs ask for another attempt."""
    is_news = log.input_revision != basis.input_revision or log.content_revision != basis.content_revision
    if is_news or not _is_held(log, basis):
        return log
    changes: dict[str, Any] = {"attempts": log.attempts + 1, "last_error": error, **AT_REST}
    if log.state is not CallLogState.LOGGED:
        changes |= {
            "state": CallLogState.FAILED,
            "reason": CallLogReason.CRM_REJECTED,
            "explanation": "The CRM refuses this call; mend the cause and retry.",
        }
    return changed(log, changes, now)


def _is_held(log: CallLog, basis: CallLog) -> bool:
    """Whether the call is still with whoever took the snapshot."""
    return log.lease_owner == basis.lease_owner
