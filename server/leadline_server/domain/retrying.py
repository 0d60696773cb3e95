"""How a person's retry changes a call log. A pure function."""

from dataclasses import replace
from datetime import datetime

from leadline_server.domain.call_log import CallLog, revised, undecided
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.leases import Lease, due_now


def retried(log: CallLog, now: datetime, lease: Lease) -> CallLog:
    """The log after a person asked to try again; the very same object if there is nothing to do."""
    if log.state is CallLogState.LOGGED and log.is_decided and not log.update_pending:
        return log
    after = replace(
        undecided(log) if log.state is CallLogState.FAILED else log,
        input_revision=log.input_revision + (log.state is not CallLogState.LOGGED),
        decision=None,
        attempts=0,
        pending_since=now,
        replay_id="",  # a person wants this one now, so it counts against the account's limits
        **due_now(log, lease, now),
    )
    return revised(log, after, now)
