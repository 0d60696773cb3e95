"""The integrity check of calls in a SQLite ledger: each document, its columns, and rules that always hold."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from leadline_server.domain.call_log import MAX_DELIVERY_AGE, CallLog
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.leases import is_due_too_late
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.codec import CALL_LOG
from leadline_server.ledger.sqlite.call_log_changes import COLUMNS, row_of
from leadline_server.ledger.sqlite.integrity_findings import Finding, finding
from leadline_server.ports.ledger import CallKey

_COLUMNS: Final = (
    "account_id",
    "call_id",
    "user_id",
    "direction",
    "number_key",
    "start_time",
    "shown_state",
    "reason",
    "contact_id",
    "next_attempt_time",
)
# Without an index, because an index may be damaged. The same holds for the duplicates.
_CALLS: Final = f"SELECT {', '.join(_COLUMNS)}, body FROM call_logs NOT INDEXED"  # noqa: S608 - constants
_DUPLICATES: Final = """
    SELECT account_id || '/' || call_id, count(*) FROM call_logs NOT INDEXED
    GROUP BY account_id, call_id HAVING count(*) > 1
"""

_HAS_LINK: Final = "SELECT 1 FROM call_links WHERE account_id = ? AND reported_id = ? AND call_id = ?"
_LOOSE_LINKS: Final = """
    SELECT l.account_id || '/' || l.reported_id FROM call_links AS l
    LEFT JOIN call_logs AS c ON c.account_id = l.account_id AND c.call_id = l.call_id
    LEFT JOIN call_logs AS own ON own.account_id = l.account_id AND own.call_id = l.reported_id
    WHERE c.id IS NULL OR (l.call_id <> l.reported_id AND own.id IS NOT NULL)
"""

_REPORT_AGAIN: Final = "Restore a backup and report these calls again. If there was no damage, report a bug."
_RETRY: Final = "RetryCallLog, or `leadline calls retry ID`, decides and delivers them again."
_REMEDIES: Final = {"due": _RETRY, "attempts": "Start the server: it brings these attempts forward."}


def check_calls(connection: sqlite3.Connection) -> Sequence[Finding]:
    """The findings about documents, columns, states and keys."""
    states: Counter[str] = Counter()
    problems: dict[str, list[str]] = {
        "documents": [],
        "columns": [],
        "due": [],
        "attempts": [],
        "logged": [],
        "links": [],
    }
    try:
        for row in connection.execute(_CALLS):
            states.update(_check_call(row, problems, connection))
        loose = [f"{name}: it finds no log, or a log beside its own" for (name,) in connection.execute(_LOOSE_LINKS)]
        problems["links"] += loose
        duplicates = [f"{name}: {count} rows" for name, count in connection.execute(_DUPLICATES)]
    except sqlite3.DatabaseError as error:
        return [finding("calls", "", [f"cannot be read: {error}"], _REPORT_AGAIN)]
    counts = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    summaries = {
        "documents": f"{states.total():,} calls{f': {counts}' if counts else ''}",
        "columns": "as in the documents",
        "due": "every waiting call has a next attempt",
        "attempts": f"no next attempt is later than {MAX_DELIVERY_AGE.days} days",
        "logged": "every logged call has its contact and its CRM log",
        "links": "every call that joined another finds its log",
    }
    found = [
        finding(name, summary, problems[name], _REMEDIES.get(name, _REPORT_AGAIN))
        for name, summary in summaries.items()
    ]
    return [*found, finding("keys", "one row a call", duplicates, _REPORT_AGAIN)]


def _check_call(row: Sequence[Any], problems: dict[str, list[str]], connection: sqlite3.Connection) -> Iterator[str]:
    """Append the call's problems to `problems`, and yield its state for counting."""
    name = f"{row[0]}/{row[1]}"
    try:
        log = CALL_LOG.decode(row[-1])
    except (LedgerUnavailable, TypeError):  # in a damaged file a column may hold anything
        problems["documents"].append(f"{name}: its document cannot be read")
        yield "unreadable"
        return
    expected = dict(zip(COLUMNS, row_of(CallKey(log.account_id, log.call_id), log, 0), strict=True))
    wrong = [column for column, value in zip(_COLUMNS, row, strict=False) if value != expected[column]]
    if wrong:
        problems["columns"].append(f"{name}: {', '.join(wrong)}")
    if _lacks_next_attempt(log):
        problems["due"].append(f"{name}: it waits, and has no next attempt")
    if is_due_too_late(log):
        problems["attempts"].append(f"{name}: its next attempt is at {log.next_attempt_time}")
    if log.state is CallLogState.LOGGED and (log.contact is None or not log.crm_log_id):
        problems["logged"].append(f"{name}: it is LOGGED, but has no contact or no id of a CRM log")
    problems["links"] += [f"{name}: {call_id} does not find it" for call_id in _without_link(log, connection)]
    yield log.shown_state.name


def _without_link(log: CallLog, connection: sqlite3.Connection) -> Iterator[str]:
    """The ids of calls that joined the log, and that do not find it."""
    for part in log.joined.calls if log.joined is not None else ():
        link = (log.account_id, part.id, log.call_id)
        if part.id != log.call_id and connection.execute(_HAS_LINK, link).fetchone() is None:
            yield part.id


def _lacks_next_attempt(log: CallLog) -> bool:
    """Whether the call waits and no attempt is scheduled. An update that the CRM refused waits for a person."""
    if log.next_attempt_time is not None:
        return False
    return log.shown_state is CallLogState.PENDING or (log.update_pending and not log.last_error)
