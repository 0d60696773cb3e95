"""Who delivers a call: one process at a time, for as long as its lease lasts. Pure functions.

Leases are decided inside `CallLogs.change`, so the ledger puts all of them in one order. While a call is carried its
`next_attempt_time` is the end of the lease: whoever carries it renews that, and if they die it falls due by itself.
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

    `carrier` names the process. `length` is how long others then keep off: longer than LEASE where the CRM may still
    carry out a write after whoever sent it is gone.
    """

    carrier: str
    length: timedelta = LEASE

    def fields(self, now: datetime) -> dict[str, Any]:
        """The fields of a call log that is taken now."""
        until = now + self.length
        return {"carrier": self.carrier, "carried_until": until, "next_attempt_time": until}


AT_REST: Final[dict[str, Any]] = {"carrier": "", "carried_until": None, "next_attempt_time": None}
"""The fields of a call log that nobody carries, and that nothing is to be done for."""


def at(time: datetime) -> dict[str, Any]:
    """The fields of a call log that nobody carries, and that is due at `time`."""
    return {"carrier": "", "carried_until": None, "next_attempt_time": time}


def is_carried(log: CallLog, now: datetime) -> bool:
    """Whether somebody's lease on the call is running."""
    return bool(log.carrier) and log.carried_until is not None and log.carried_until > now


def is_carried_by_another(log: CallLog, carrier: str, now: datetime) -> bool:
    """Whether the lease of anybody but `carrier` is running."""
    return log.carrier != carrier and is_carried(log, now)


def due_now(log: CallLog, lease: Lease, now: datetime) -> dict[str, Any]:
    """What makes a call due: it is taken, or left to whoever carries it already."""
    return {} if is_carried_by_another(log, lease.carrier, now) else lease.fields(now)


def taken(log: CallLog, lease: Lease, now: datetime) -> CallLog:
    """The log of a due call, taken; the very same object where it is not due (any more) or somebody else carries it."""
    is_due = log.next_attempt_time is not None and log.next_attempt_time <= now
    if not is_due or is_carried_by_another(log, lease.carrier, now):
        return log
    return replace(log, **lease.fields(now))


def renewed(log: CallLog, lease: Lease, now: datetime) -> CallLog:
    """The log with a lease that begins anew; the very same object where its carrier is another, or nobody."""
    return replace(log, **lease.fields(now)) if log.carrier == lease.carrier else log
