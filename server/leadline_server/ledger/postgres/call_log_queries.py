"""Queries over many call logs: pages of lists, due calls, and changes."""

# ruff: noqa: S608 - all SQL here is built from constants

from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.limits import MOST_PAGE_BYTES
from leadline_server.ledger.call_log_rows import StoredChange, enum_columns, group_of
from leadline_server.ledger.codec import CALL_LOG, from_microseconds, to_microseconds
from leadline_server.ports.ledger import CallKey, CallLogFilter, CallLogGroup, CallLogPage
from leadline_server.storage.postgres.database import Connection, PostgresDatabase, Row

_Condition = tuple[str, tuple[object, ...]]

GET: Final = """
    SELECT body FROM call_logs WHERE account_id = $1 AND call_id = $2
    UNION ALL
    SELECT body FROM call_links AS l JOIN call_logs AS c ON c.account_id = l.account_id AND c.call_id = l.call_id
    WHERE l.account_id = $1 AND l.reported_id = $2
    LIMIT 1
"""
"""Reads the body of a call's log, also if the call has joined another."""

_CHUNK: Final = 64
"""Rows that are fetched at once where documents may be large."""

# The recursion steps from account to account through the index of due calls. An account that is left out costs one
# step, however many of its calls are due.
_WAITING: Final = """
    WITH RECURSIVE waiting (account_id) AS (
        (SELECT account_id FROM call_logs WHERE next_attempt_time IS NOT NULL ORDER BY account_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT c.account_id FROM call_logs AS c
            WHERE c.next_attempt_time IS NOT NULL AND c.account_id > waiting.account_id ORDER BY c.account_id LIMIT 1
        ) FROM waiting WHERE waiting.account_id IS NOT NULL
    )
"""
DUE: Final = f"""
    {_WAITING}
    SELECT d.account_id, d.call_id FROM waiting AS w CROSS JOIN LATERAL (
        SELECT account_id, call_id, next_attempt_time FROM call_logs
        WHERE account_id = w.account_id AND next_attempt_time <= $1 ORDER BY next_attempt_time LIMIT $2
    ) AS d
    WHERE w.account_id <> ALL ($3::text[])
    ORDER BY d.next_attempt_time, d.account_id, d.call_id LIMIT $2
"""
NEXT_DUE: Final = f"""
    {_WAITING}
    SELECT min(d.next_attempt_time) FROM waiting AS w CROSS JOIN LATERAL (
        SELECT next_attempt_time FROM call_logs
        WHERE account_id = w.account_id AND next_attempt_time IS NOT NULL ORDER BY next_attempt_time LIMIT 1
    ) AS d
"""
CHANGES: Final = """
    SELECT sequence, account_id, user_id, call_id, body FROM call_logs
    WHERE account_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
"""
_LAST: Final = """
    SELECT wanted, coalesce(c.sequence, l.sequence_base)
    FROM unnest($1::text[]) AS wanted CROSS JOIN ledger AS l LEFT JOIN account_counters AS c ON c.account_id = wanted
"""
_PRUNED: Final = """
    SELECT coalesce(c.pruned_through, l.sequence_base)
    FROM ledger AS l LEFT JOIN account_counters AS c ON c.account_id = $1
"""


async def page(
    connection: Connection, selection: CallLogFilter, after: tuple[int, str] | None, limit: int
) -> CallLogPage:
    """Implements ports.ledger.CallLogs.list. A position is the start time in microseconds and the call id."""
    statement, values = list_statement(selection, after, limit + 1)
    call_logs: list[CallLog] = []
    position: tuple[int, str] | None = None
    left = MOST_PAGE_BYTES
    async with aclosing(streamed(connection, statement, values, limit + 1)) as rows:
        async for start_time, call_id, body in rows:
            left -= len(body)
            if len(call_logs) == limit or (call_logs and left < 0):
                return CallLogPage(call_logs, position)
            call_logs.append(CALL_LOG.decode(body))
            position = start_time, call_id
    return CallLogPage(call_logs, None)


async def streamed(
    connection: Connection, statement: str, values: Sequence[object], most: int
) -> AsyncGenerator[Row, None]:
    """The rows of a statement. Many rows come in parts, so that large documents that are not taken cost nothing."""
    if most <= _CHUNK:
        for row in await connection.fetch(statement, *values):
            yield row
        return
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(statement, *values, prefetch=_CHUNK):
            yield row


def list_statement(
    selection: CallLogFilter, after: tuple[int, str] | None, limit: int
) -> tuple[str, tuple[object, ...]]:
    """The statement of a list, and its values. It reads an index in order, so that nothing is sorted."""
    where, values = _where(_conditions(selection, after))
    statement = (
        f"SELECT start_time, call_id, body FROM call_logs WHERE {where}"
        f" ORDER BY start_time DESC, call_id LIMIT ${len(values) + 1}"
    )
    return statement, (*values, limit)


async def count(
    connection: Connection, selection: CallLogFilter, *, by_reason: bool, by_user: bool, limit: int
) -> Sequence[CallLogGroup]:
    """Implements ports.ledger.CallLogs.count."""
    where, values = _where(_conditions(selection, None))
    state, reason = ("shown_state", "reason") if by_reason else ("NULL::smallint", "NULL::smallint")
    columns = (state, reason, "user_id" if by_user else "NULL::text")
    statement = (
        f"SELECT {', '.join(columns)}, count(*) FROM call_logs WHERE {where}"
        f" GROUP BY 1, 2, 3 HAVING count(*) > 0 ORDER BY 1, 2 NULLS FIRST, 3 LIMIT ${len(values) + 1}"
    )
    return [group_of(*row) for row in await connection.fetch(statement, *values, limit)]


async def due(database: PostgresDatabase, now: datetime, limit: int, without: Collection[str]) -> Sequence[CallKey]:
    """Implements ports.ledger.CallLogs.due."""
    return [CallKey(*row) for row in await database.fetch(DUE, to_microseconds(now), limit, list(without))]


async def next_due_time(database: PostgresDatabase) -> datetime | None:
    """Implements ports.ledger.CallLogs.next_due_time."""
    [(time,)] = await database.fetch(NEXT_DUE)
    return None if time is None else from_microseconds(time)


async def changes(connection: Connection, account_id: str, after: int, limit: int) -> Sequence[StoredChange]:
    """Implements ports.ledger.CallLogs.changes."""
    taken: list[StoredChange] = []
    left = MOST_PAGE_BYTES
    async with aclosing(streamed(connection, CHANGES, (account_id, after, limit), limit)) as rows:
        async for row in rows:
            change = StoredChange(*row)
            left -= change.size
            if taken and left < 0:
                break
            taken.append(change)
    return taken


async def last_sequences(database: PostgresDatabase, account_ids: Collection[str]) -> dict[str, int]:
    """Implements ports.ledger.CallLogs.last_sequences."""
    return {account_id: int(last) for account_id, last in await database.fetch(_LAST, list(account_ids))}


async def pruned_through(database: PostgresDatabase, account_id: str) -> int:
    """Implements ports.ledger.CallLogs.pruned_through."""
    [(sequence,)] = await database.fetch(_PRUNED, account_id)
    return int(sequence)


def _conditions(selection: CallLogFilter, after: tuple[int, str] | None) -> Iterator[_Condition]:
    yield "account_id = {}", (selection.account_id,)
    if selection.user_id:
        yield "user_id = {}", (selection.user_id,)
    if selection.phone_number:
        yield "number_key = {}", (selection.phone_number,)
    if selection.contact_id:
        yield "contact_id = {}", (selection.contact_id,)
    for column, values in enum_columns(selection).items():
        if values:
            yield f"{column} = ANY ({{}}::smallint[])", ([int(value) for value in values],)
    if selection.start_time is not None:
        yield "start_time >= {}", (to_microseconds(selection.start_time),)
    if selection.end_time is not None:
        yield "start_time < {}", (to_microseconds(selection.end_time),)
    if after is not None:
        start_time, call_id = after
        yield "start_time <= {} AND (start_time < {} OR call_id > {})", (start_time, start_time, call_id)


def _where(conditions: Iterator[_Condition]) -> tuple[str, tuple[Any, ...]]:
    """The conditions with numbered parameters, and their values."""
    texts: list[str] = []
    values: list[object] = []
    for text, given in conditions:
        texts.append(text.format(*(f"${len(values) + place + 1}" for place in range(len(given)))))
        values += given
    return " AND ".join(texts), tuple(values)
