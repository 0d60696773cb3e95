"""Queries over many call logs: pages of lists, due calls, and changes."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Final

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.limits import MOST_PAGE_BYTES
from leadline_server.ledger.call_log_rows import StoredChange, enum_columns, group_of, within
from leadline_server.ledger.codec import CALL_LOG, from_microseconds, to_microseconds
from leadline_server.ports.ledger import CallKey, CallLogFilter, CallLogGroup, CallLogPage, Change

_Condition = tuple[str, tuple[object, ...]]

_DUE: Final = """
    SELECT account_id, call_id FROM call_logs WHERE next_attempt_time <= ? ORDER BY next_attempt_time, id LIMIT ?
"""
# The recursion steps from account to account through an index. An account that is left out costs one step, however many
# of its calls are due.
_DUE_OF_OTHERS: Final = """
    WITH RECURSIVE waiting (account_id) AS (
        SELECT min(account_id) FROM call_logs WHERE next_attempt_time IS NOT NULL
        UNION ALL
        SELECT (
            SELECT min(c.account_id) FROM call_logs AS c
            WHERE c.next_attempt_time IS NOT NULL AND c.account_id > waiting.account_id
        ) FROM waiting WHERE waiting.account_id IS NOT NULL
    )
    SELECT c.account_id, c.call_id FROM (
        SELECT d.id, d.next_attempt_time FROM waiting CROSS JOIN call_logs AS d ON d.account_id = waiting.account_id
        WHERE waiting.account_id NOT IN (SELECT value FROM json_each(:without)) AND d.next_attempt_time <= coalesce((
            SELECT next_attempt_time FROM call_logs
            WHERE account_id = waiting.account_id AND next_attempt_time <= :now
            ORDER BY next_attempt_time LIMIT 1 OFFSET :limit
        ), :now)
        ORDER BY d.next_attempt_time, d.id LIMIT :limit
    ) AS first CROSS JOIN call_logs AS c ON c.id = first.id
    ORDER BY first.next_attempt_time, first.id
"""
_NEXT_DUE: Final = """
    SELECT next_attempt_time FROM call_logs WHERE next_attempt_time IS NOT NULL ORDER BY next_attempt_time LIMIT 1
"""
_CHANGES: Final = """
    SELECT sequence, account_id, user_id, call_id, body FROM call_logs WHERE account_id = ? AND sequence > ?
    ORDER BY sequence LIMIT ?
"""
# The ledger's own value is that of a restored copy: all that was before it counts as pruned.
_PRUNED_THROUGH: Final = """
    SELECT max(pruned_through, coalesce((SELECT pruned_through FROM stored_blocks WHERE account_id = ?), 0)) FROM ledger
"""


def page(
    connection: sqlite3.Connection, selection: CallLogFilter, after: tuple[int, str] | None, limit: int
) -> CallLogPage:
    """Implements ports.ledger.CallLogs.list. A position is the start time in microseconds and the call id."""
    statement, values = list_statement(selection, after)
    rows = connection.execute(statement, (*values, limit + 1))
    call_logs: list[CallLog] = []
    position, left = None, MOST_PAGE_BYTES
    for start_time, call_id, body in rows:
        left -= len(body)
        if len(call_logs) == limit or (call_logs and left < 0):
            return CallLogPage(call_logs, position)
        call_logs.append(CALL_LOG.decode(body))
        position = start_time, call_id
    return CallLogPage(call_logs, None)


def list_statement(selection: CallLogFilter, after: tuple[int, str] | None) -> tuple[str, tuple[object, ...]]:
    """The statement of a list, and its values except the limit. It reads an index in order, so SQLite sorts nothing."""
    conditions = list(_conditions(selection, after))
    where = " AND ".join(condition for condition, _ in conditions)
    statement = (
        f"SELECT start_time, call_id, body FROM call_logs WHERE {where}"  # noqa: S608 - the conditions are constants
        " ORDER BY start_time DESC, call_id LIMIT ?"
    )
    return statement, tuple(value for _, values in conditions for value in values)


def count(
    connection: sqlite3.Connection, selection: CallLogFilter, *, by_reason: bool, by_user: bool, limit: int
) -> Sequence[CallLogGroup]:
    """Implements ports.ledger.CallLogs.count."""
    conditions = list(_conditions(selection, None))
    where = " AND ".join(condition for condition, _ in conditions)
    columns = ("shown_state, reason" if by_reason else "NULL, NULL", "user_id" if by_user else "NULL")
    statement = (
        f"SELECT {', '.join(columns)}, count(*) FROM call_logs WHERE {where}"  # noqa: S608 - constants, as above
        " GROUP BY 1, 2, 3 HAVING count(*) > 0 ORDER BY 1, 2, 3 LIMIT ?"
    )
    values = (*(value for _, several in conditions for value in several), limit)
    return [group_of(*row) for row in connection.execute(statement, values).fetchall()]


def _conditions(selection: CallLogFilter, after: tuple[int, str] | None) -> Iterator[_Condition]:
    yield "account_id = ?", (selection.account_id,)
    if selection.user_id:
        yield "user_id = ?", (selection.user_id,)
    if selection.phone_number:
        yield "number_key = ?", (selection.phone_number,)
    if selection.contact_id:
        yield "contact_id = ?", (selection.contact_id,)
    for column, values in enum_columns(selection).items():
        if values:
            yield f"{column} IN (SELECT value FROM json_each(?))", (_array(values),)  # noqa: S608 - a constant
    if selection.start_time is not None:
        yield "start_time >= ?", (to_microseconds(selection.start_time),)
    if selection.end_time is not None:
        yield "start_time < ?", (to_microseconds(selection.end_time),)
    if after is not None:
        start_time, call_id = after
        yield "start_time <= ? AND (start_time < ? OR call_id > ?)", (start_time, start_time, call_id)


def _array(values: Sequence[int]) -> str:
    # One parameter for any number of values, so that one prepared statement serves them all.
    return json.dumps([int(value) for value in values])


def due(connection: sqlite3.Connection, now: datetime, limit: int, without: Collection[str] = ()) -> list[CallKey]:
    """Implements ports.ledger.CallLogs.due."""
    if not without:
        return [CallKey(*row) for row in connection.execute(_DUE, (to_microseconds(now), limit)).fetchall()]
    values = {"now": to_microseconds(now), "limit": limit, "without": json.dumps(list(without))}
    return [CallKey(*row) for row in connection.execute(_DUE_OF_OTHERS, values).fetchall()]


def next_due_time(connection: sqlite3.Connection) -> datetime | None:
    """Implements ports.ledger.CallLogs.next_due_time."""
    rows = connection.execute(_NEXT_DUE).fetchall()
    return from_microseconds(rows[0][0]) if rows else None


def changes(connection: sqlite3.Connection, account_id: str, after: int, limit: int) -> Sequence[Change]:
    """Implements ports.ledger.CallLogs.changes."""
    rows = connection.execute(_CHANGES, (account_id, after, limit))
    return [StoredChange(*row) for row in within(rows, MOST_PAGE_BYTES)]


def last_sequence(connection: sqlite3.Connection) -> int:
    """The sequence of the latest visible change of any account."""
    [(sequence,)] = connection.execute("SELECT call_log_sequence FROM ledger").fetchall()
    return int(sequence)


def pruned_through(connection: sqlite3.Connection, account_id: str) -> int:
    """Implements ports.ledger.CallLogs.pruned_through."""
    [(sequence,)] = connection.execute(_PRUNED_THROUGH, (account_id,)).fetchall()
    return int(sequence)
