"""Checking the calls of a SQLite ledger: each document against its columns and against what must always hold."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from leadline_server.domain.call_log import CallLog, CallLogState
from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.ledger.codec import CALL_LOG
from leadline_server.ledger.sqlite.call_log_changes import stored_columns
from leadline_server.ledger.sqlite.integrity_findings import Finding, finding

_COLUMNS: Final = (
    "account_id",
    "call_id",
    "user_id",
    "number_key",
    "start_time",
    "shown_state",
    "reason",
    "contact_id",
    "next_attempt_time",
)
# Not by an index, which may be what is wrong; so with the doubles.
_CALLS: Final = f"SELECT {', '.join(_COLUMNS)}, body FROM call_logs NOT INDEXED"  # noqa: S608 - constants
_DOUBLES: Final = """
    SELECT account_id || '/' || call_id, count(*) FROM call_logs NOT INDEXED
    GROUP BY account_id, call_id HAVING count(*) > 1
"""

_REPORT_ANEW: Final = "Report these calls again once a backup is restored, or report the bug if there was no damage."
_RETRY: Final = "RetryCallLog, or `leadline calls retry ID`, decides and delivers them anew."


def check_calls(connection: sqlite3.Connection) -> Sequence[Finding]:
    """The findings about documents, columns, states and keys."""
    states: Counter[str] = Counter()
    problems: dict[str, list[str]] = {"documents": [], "columns": [], "due": [], "logged": []}
    try:
        for row in connection.execute(_CALLS):
            states.update(_check_call(row, problems))
        doubles = [f"{name}: {count} rows" for name, count in connection.execute(_DOUBLES)]
    except sqlite3.DatabaseError as error:
        return [finding("calls", "", [f"cannot be read: {error}"], _REPORT_ANEW)]
    counts = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    summaries = {
        "documents": f"{states.total():,} calls{f': {counts}' if counts else ''}",
        "columns": "as in the documents",
        "due": "what waits has a time",
        "logged": "what is logged has its contact and its log",
    }
    found = [
        finding(name, summary, problems[name], _RETRY if name == "due" else _REPORT_ANEW)
        for name, summary in summaries.items()
    ]
    return [*found, finding("keys", "one row a call", doubles, _REPORT_ANEW)]


def _check_call(row: Sequence[Any], problems: dict[str, list[str]]) -> Iterator[str]:
    """The call's state, for counting; what is wrong with it goes to `problems`."""
    name = f"{row[0]}/{row[1]}"
    try:
        log = CALL_LOG.decode(row[-1])
    except (LedgerUnavailable, TypeError):  # a column may hold anything, in a file that is damaged
        problems["documents"].append(f"{name}: its document cannot be read")
        yield "unreadable"
        return
    expected = stored_columns(log)
    wrong = [column for column, value in zip(_COLUMNS, row, strict=False) if value != expected[column]]
    if wrong:
        problems["columns"].append(f"{name}: {', '.join(wrong)}")
    if _is_forgotten(log):
        problems["due"].append(f"{name}: nothing would ever be done for it")
    if log.state is CallLogState.LOGGED and (log.contact is None or not log.crm_log_id):
        problems["logged"].append(f"{name}: it is LOGGED, without a contact or without an id of the CRM's log")
    yield log.shown_state.name


def _is_forgotten(log: CallLog) -> bool:
    """Whether the call waits for something that has no time. An update that the CRM refused waits for a person."""
    if log.next_attempt_time is not None:
        return False
    return log.shown_state is CallLogState.PENDING or (log.update_pending and not log.last_error)
