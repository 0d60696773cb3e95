"""Who delivers a call: one process at a time, for as long as its lease lasts. Pure functions.

Leases are decided inside `CallLogs.change`, so the ledger puts all of them in one order. While a lease on a call runs,
`next_attempt_time` is the end of the lease. Its owner renews it; if the owner dies, the call falls due by itself.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from leadline_server.domain.call_log import CallLog

LEASE: Final = timedelta(seconds=5)
"""How long a call stays with the process that carries it, unless that is renewed; so a crash is noticed after this."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a process takes calls with.

    `lease_owner` names the process. `length` is how long others then keep off: longer than LEASE where the CRM
    may still carry out a write after its sender died.
    """

    lease_owner: str
    length: timedelta = LEASE

    def fields(self, now: datetime) -> dict[str, Any]:
        """The fields of a call log that is taken now."""
        until = now + self.length
        return {"lease_owner": self.lease_owner, "lease_until": until, "next_attempt_time": until}


AT_REST: Final[dict[str, Any]] = {"lease_owner": "", "lease_until": None, "next_attempt_time": None}
"""The fields of a call log that nobody carries, and that nothing is to be done for."""


def at(time: datetime) -> dict[str, Any]:
    """The fields of a call log that nobody carries, and that is due at `time`."""
    return {"lease_owner": "", "lease_until": None, "next_attempt_time": time}


def is_leased(log: CallLog, now: datetime) -> bool:
    """Whether somebody's lease on the call is running."""
    return bool(log.lease_owner) and log.lease_until is not None and log.lease_until > now


def is_leased_by_another(log: CallLog, lease_owner: str, now: datetime) -> bool:
    """Whether the lease of anybody but `lease_owner` is running."""
    return log.lease_owner != lease_owner and is_leased(log, now)


def due_now(log: CallLog, lease: Lease, now: datetime) -> dict[str, Any]:
    """What makes a call due: it is taken, or left to whoever carries it already."""
    return {} if is_leased_by_another(log, lease.lease_owner, now) else lease.fields(now)


def taken(log: CallLog, lease: Lease, now: datetime) -> CallLog:
    """The log of a due call, taken; the very same object where it is not due (any more) or somebody else carries it."""
    is_due = log.next_attempt_time is not None and log.next_attempt_time <= now
    if not is_due or is_leased_by_another(log, lease.lease_owner, now):
        return log
    return replace(log, **lease.fields(now))


def renewed(log: CallLog, lease: Lease, now: datetime) -> CallLog:
    """The log with a lease that begins anew; the very same object where its lease_owner is another, or nobody."""
    return replace(log, **lease.fields(now)) if log.lease_owner == lease.lease_owner else log
