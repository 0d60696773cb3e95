"""Brings forward the next attempts that an earlier leadline scheduled far too late, when a ledger is opened."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from leadline_server.domain.leases import at, is_due_too_late
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.codec import CALL_LOG, to_microseconds

_SOON: Final = timedelta(days=1)
"""An attempt within this time is left as it is: no CRM may ask for a longer delay."""

_LATE: Final = "SELECT id, body FROM call_logs WHERE next_attempt_time > ?"
_UPDATE: Final = "UPDATE call_logs SET next_attempt_time = ?, body = ? WHERE id = ?"

_log = structlog.get_logger(__name__)


def repair_late_attempts(connection: sqlite3.Connection) -> None:
    """Let each call fall due now whose next attempt lies beyond the longest delivery age.

    The call was not tried while it waited, so its delivery gets MAX_DELIVERY_AGE from now on.
    Documents that cannot be read stay as they are. `leadline ledger check` reports them.
    """
    now = datetime.now(UTC)
    repaired = 0
    for row_id, body in connection.execute(_LATE, (to_microseconds(now + _SOON),)).fetchall():
        try:
            log = CALL_LOG.decode(body)
        except (LedgerUnavailable, TypeError):  # in a damaged file a column may hold anything
            continue
        if is_due_too_late(log):
            after = replace(log, pending_since=now, **at(now))
            connection.execute(_UPDATE, (to_microseconds(now), CALL_LOG.encode(after), row_id))
            repaired += 1
    if repaired:
        _log.warning("late attempts brought forward", calls=repaired)
