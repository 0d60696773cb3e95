"""Reports of the call "call-1", and logs in every state, for the tests of progress."""

from datetime import datetime, timedelta
from typing import Any, Final

from leadline_server.domain import outcomes, progress, retrying
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.domain.call_log import CallLog, Decision
from leadline_server.domain.call_log_states import CallLogReason, LogTrigger
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.contact import Contact
from leadline_server.domain.leases import Lease
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.situation import LeaveUnlogged, Wait
from unit.strategies import ALICE, NOW, NUMBER

ANN: Final = Contact(id="c1", name="Ann")
BO: Final = Contact(id="c2", name="Bo")
ERROR: Final = "The CRM is down."
SOON: Final = timedelta(seconds=30)
ME: Final = Lease("me")


def after(**duration: float) -> datetime:
    """The time so long after the first report."""
    return NOW + timedelta(**duration)


def report(
    user_id: str = ALICE,
    *,
    contact_id: str = "",
    trigger: LogTrigger | None = None,
    event: CallEvent | None = None,
    legs: dict[str, dict[str, Any]] | None = None,
    is_final: bool | None = None,
    **fields: Any,
) -> CallReport:
    """One report; a double underscore in a field's name stands for the dot. A chosen contact makes it MANUAL."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    by = LogTrigger.MANUAL if contact_id else LogTrigger.AUTOMATIC
    return CallReport(
        account_id="acme",
        user_id=user_id,
        event=event or CallEvent(call_id="call-1", fields=named, legs=legs or {}, is_final=is_final),
        trigger=trigger or by,
        contact_id=contact_id,
    )


def first_report(user_id: str = ALICE, **changes: Any) -> CallReport:
    """A report that may be a call's first: an inbound call from NUMBER."""
    return report(user_id, **{"direction": CallDirection.INBOUND, "caller__phone_number": NUMBER, **changes})


def by_hand(contact_id: str = "", **fields: Any) -> CallReport:
    """A person asks for the call to be logged."""
    return report(contact_id=contact_id, trigger=LogTrigger.MANUAL, **fields)


def reported(
    log: CallLog | None,
    news: CallReport,
    now: datetime | None = None,
    *,
    can_move: bool = True,
    lease: Lease = ME,
) -> CallLog:
    """The log after a report that comes a second after the first one, if no other time is given."""
    return progress.reported(log, news, now or after(seconds=1), rules="US", can_move=can_move, lease=lease)


def accepted(**changes: Any) -> CallLog:
    """A call that was reported for the first time just now."""
    return reported(None, first_report(**changes), NOW)


def decision(contact: Contact = ANN, reason: CallLogReason = CallLogReason.CONTACT_MATCHED) -> Decision:
    return Decision(contact=contact, reason=reason, explanation=f"It is {contact.name}.")


def logged(log: CallLog, basis: CallLog | None = None, now: datetime | None = None, **of: Any) -> CallLog:
    """The log after the CRM took what `basis`, by default the log itself, says."""
    return outcomes.logged(log, basis or log, decision(**of), ("log-1", "https://crm/1"), now or after(seconds=2))


def retried(log: CallLog, now: datetime) -> CallLog:
    return retrying.retried(log, now, ME)


def unlogged(log: CallLog, basis: CallLog | None = None, reason: CallLogReason = CallLogReason.NO_CONTACT) -> CallLog:
    outcome = LeaveUnlogged(reason=reason, explanation="No contact has it.")
    return outcomes.unlogged(log, basis or log, outcome, after(seconds=2))


def waiting(log: CallLog, basis: CallLog | None = None) -> CallLog:
    return outcomes.waiting(log, basis or log, Wait(explanation="Not final."), after(seconds=2))


def deferred(
    log: CallLog, basis: CallLog | None = None, stands: Decision | None = None, now: datetime | None = None
) -> CallLog:
    return outcomes.deferred(log, basis or log, stands, ERROR, SOON, now or after(seconds=2))


def refused(log: CallLog, basis: CallLog | None = None) -> CallLog:
    return outcomes.refused(log, basis or log, "It is full.", after(seconds=2))


ANSWERED_BY_ALICE: Final = {"l1": {"user_id": ALICE, "result": CallResult.ANSWERED}}
