"""Which process delivers a call: one at a time, until its lease ends. Pure functions.

`CallLogs.change` applies them, so the ledger puts all lease changes of a call in one order. While a lease is running,
`next_attempt_time` is its end. The owner renews the lease; if the owner dies, the call falls due by itself.

Example: process "a1" takes a call at 12:00:00, with `lease_until` and `next_attempt_time` 12:00:05. It dies. Another
process finds the call due at 12:00:05 and takes it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from leadline_server.domain.call_log import MAX_DELIVERY_AGE, CallLog
from leadline_server.domain.lease_fields import LeaseFields

LEASE: Final = timedelta(seconds=5)
"""How long a lease lasts unless its owner renews it. So the crash of a process is noticed after this time."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease that a process acquires calls with.

    `lease_owner` names the process. `length` is longer than LEASE where the CRM may carry out a write after the process
    that sent it died.
    """

    lease_owner: str
    length: timedelta = LEASE

    def fields(self, now: datetime) -> LeaseFields:
        """The fields of a call log that is acquired now."""
        until = now + self.length
        return {"lease_owner": self.lease_owner, "lease_until": until, "next_attempt_time": until}


AT_REST: Final[LeaseFields] = {"lease_owner": "", "lease_until": None, "next_attempt_time": None}
"""The fields of a call log that has no lease and nothing to be done."""


def at(time: datetime) -> LeaseFields:
    """The fields of a call log that has no lease and is due at `time`."""
    return {"lease_owner": "", "lease_until": None, "next_attempt_time": time}


def is_leased(log: CallLog, now: datetime) -> bool:
    """Whether a lease on the call is running."""
    return bool(log.lease_owner) and log.lease_until is not None and log.lease_until > now


def is_leased_by_another(log: CallLog, lease_owner: str, now: datetime) -> bool:
    """Whether a lease of another process than `lease_owner` is running."""
    return log.lease_owner != lease_owner and is_leased(log, now)


def is_due_too_late(log: CallLog) -> bool:
    """Whether the next attempt lies beyond the time for which a delivery is tried. No leadline schedules one so now.

    Example: an earlier leadline took a CRM's `Retry-After: 99999999999` as it was, and waits until the year 5195.
    """
    if log.next_attempt_time is None or log.lease_owner:
        return False
    return log.next_attempt_time - max(log.pending_since, log.update_time) > MAX_DELIVERY_AGE


def kept(log: CallLog) -> LeaseFields:
    """The fields of the log as they are."""
    return {
        "lease_owner": log.lease_owner,
        "lease_until": log.lease_until,
        "next_attempt_time": log.next_attempt_time,
    }


def due_now(log: CallLog, lease: Lease, now: datetime) -> LeaseFields:
    """The fields of a call that becomes due: `lease` acquires it, unless another process has it already."""
    return kept(log) if is_leased_by_another(log, lease.lease_owner, now) else lease.fields(now)


def acquired(log: CallLog, lease: Lease, now: datetime) -> CallLog:
    """The log with `lease`; the very same object if the call is not due, or if another process has it."""
    is_due = log.next_attempt_time is not None and log.next_attempt_time <= now
    if not is_due or is_leased_by_another(log, lease.lease_owner, now):
        return log
    return replace(log, **lease.fields(now))


def renewed(log: CallLog, lease: Lease, now: datetime) -> CallLog:
    """The log with a lease that starts anew; the very same object if another process has it, or none."""
    return replace(log, **lease.fields(now)) if log.lease_owner == lease.lease_owner else log
