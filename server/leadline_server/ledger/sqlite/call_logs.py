"""Call logs in SQLite: reading and changing them. The queries over many are in `call_log_queries`."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from leadline_server.domain.call_log import CallLog
from leadline_server.ledger.codec import CALL_LOG, to_microseconds
from leadline_server.ledger.sqlite import call_log_queries as queries
from leadline_server.ports.ledger import CallKey, CallLogFilter, CallLogPage, Change
from leadline_server.storage.sqlite import SqliteDatabase

_COLUMNS: Final = (
    "user_id",
    "shown_state",
    "reason",
    "number_key",
    "contact_id",
    "start_time",
    "next_attempt_time",
    "sequence",
    "body",
)
_LISTED: Final = ", ".join(_COLUMNS)
_SELECT: Final = f"SELECT id, {_LISTED} FROM call_logs WHERE account_id = ? AND call_id = ?"  # noqa: S608 - constants
_INSERT: Final = f"INSERT INTO call_logs (account_id, call_id, {_LISTED}) VALUES (?{', ?' * (len(_COLUMNS) + 1)})"  # noqa: S608 - constants
_NEXT_SEQUENCE: Final = "UPDATE ledger SET call_log_sequence = call_log_sequence + 1 RETURNING call_log_sequence"

_Row = tuple[object, ...]


class SqliteCallLogs:
    """A ledger.CallLogs.

    A change reads, changes and writes within the commit that it shares with others, under the file's write lock: so
    changes of one call are serialised over all processes, and sequences follow the order of commits. Documents are
    decoded anew each time, in less time than it takes to tell whether a cached one is still the one in the file.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._subscribers: dict[object, Callable[[], None]] = {}
        database.after_commit(self._notify)

    async def get(self, key: CallKey) -> CallLog | None:
        """The call log; None if the call was never reported."""

        def select(connection: sqlite3.Connection) -> CallLog | None:
            rows = connection.execute(_SELECT, key).fetchall()
            return CALL_LOG.decode(rows[0][-1]) if rows else None

        return await self._database.read(select)

    async def change(self, key: CallKey, change: Callable[[CallLog | None], CallLog]) -> CallLog:
        """Replace the call log by what `change` makes of it, and return that."""
        return await self._database.write(lambda connection: _change(connection, key, change))

    async def list(self, selection: CallLogFilter, after: tuple[int, str] | None, limit: int) -> CallLogPage:
        """Up to `limit` call logs by start time, newest first, then call id, beginning after position `after`."""
        return await self._database.read(lambda connection: queries.page(connection, selection, after, limit))

    async def due(self, now: datetime, limit: int) -> Sequence[CallKey]:
        """The calls whose `next_attempt_time` is not after `now`, the longest due first."""
        return await self._database.read(lambda connection: queries.due(connection, now, limit))

    async def next_due_time(self) -> datetime | None:
        """When the next call falls due; None if nothing waits."""
        return await self._database.read(queries.next_due_time)

    async def changes(self, after: int, limit: int) -> Sequence[Change]:
        """The current states of the calls whose latest visible change comes after sequence `after`."""
        return await self._database.read(lambda connection: queries.changes(connection, after, limit))

    async def last_sequence(self) -> int:
        """The sequence of the latest visible change; 0 before the first."""
        return await self._database.read(queries.last_sequence)

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` on the event loop after every commit of this ledger object that changed anything.

        That may have been a claim, say, and no call. Returns the unsubscriber.
        """
        subscription = object()
        self._subscribers[subscription] = on_change

        def unsubscribe() -> None:
            self._subscribers.pop(subscription, None)

        return unsubscribe

    def _notify(self) -> None:
        for on_change in tuple(self._subscribers.values()):
            on_change()


def _change(connection: sqlite3.Connection, key: CallKey, change: Callable[[CallLog | None], CallLog]) -> CallLog:
    rows = connection.execute(_SELECT, key).fetchall()
    if not rows:
        first = change(None)
        values = _row(first, _next_sequence(connection))
        connection.execute(_INSERT, (*key, *values))
        return first
    row_id, *old = rows[0]
    before = CALL_LOG.decode(old[-1])
    after = change(before)
    if after is not before:
        sequence = old[-2] if after.revision == before.revision else _next_sequence(connection)
        _update(connection, row_id, old, _row(after, sequence))
    return after


def _next_sequence(connection: sqlite3.Connection) -> int:
    [(sequence,)] = connection.execute(_NEXT_SEQUENCE).fetchall()
    return int(sequence)


def _row(log: CallLog, sequence: int) -> _Row:
    due = log.next_attempt_time
    return (
        log.user_id,
        log.shown_state,
        log.reason,
        log.number_key or None,
        None if log.contact is None else log.contact.id,
        to_microseconds(log.call.start_time or log.create_time),
        None if due is None else to_microseconds(due),
        sequence,
        CALL_LOG.encode(log),
    )


def _update(connection: sqlite3.Connection, row_id: int, old: Sequence[object], new: _Row) -> None:
    # SQLite rewrites the indexes of every column that is named, changed or not: so only those that changed are.
    changed = [place for place, value in enumerate(new) if value != old[place]]
    if changed:
        assignments = ", ".join(f"{_COLUMNS[place]} = ?" for place in changed)
        statement = f"UPDATE call_logs SET {assignments} WHERE id = ?"  # noqa: S608 - constants
        connection.execute(statement, (*(new[place] for place in changed), row_id))
