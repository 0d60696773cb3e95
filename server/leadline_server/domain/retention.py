"""Which call logs may be deleted for their age. Pure functions."""

from datetime import datetime

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogState

_FINISHED = (CallLogState.LOGGED, CallLogState.UNLOGGED)


def last_change(log: CallLog) -> datetime:
    """The time of the last report, decision or delivery of the call."""
    return max(log.update_time, log.last_news_time)


def is_finished(log: CallLog) -> bool:
    """Whether nothing is left to be done for the call, by leadline or by a person.

    A FAILED call, and one whose update the CRM refused, is not finished: the CRM lacks what it should have, and the
    ledger's is the only copy.
    """
    return log.shown_state in _FINISHED and log.next_attempt_time is None and not log.update_pending


def may_be_deleted(log: CallLog, unchanged_since: datetime) -> bool:
    """Whether the call is finished, and did not change at `unchanged_since` or later."""
    return is_finished(log) and last_change(log) < unchanged_since
