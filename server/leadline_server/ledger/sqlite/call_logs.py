"""The call logs in SQLite: reading them, and changing a group of them in one transaction."""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple, cast

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.domain.joining import CallJoining
from leadline_server.ledger.codec import CALL_LOG
from leadline_server.ledger.sqlite import call_log_queries as queries
from leadline_server.ledger.sqlite.call_links import change_and_join, linked_entries
from leadline_server.ledger.sqlite.call_log_rows import last_sequence, load, store
from leadline_server.ports.ledger import CallKey, CallLogFilter, CallLogGroup, CallLogPage, Change
from leadline_server.storage.sqlite import SqliteDatabase

_SELECT: Final = "SELECT body FROM call_logs WHERE account_id = ? AND call_id = ?"
_SELECT_LINKED: Final = """
    SELECT body FROM call_links AS l JOIN call_logs AS c ON c.account_id = l.account_id AND c.call_id = l.call_id
    WHERE l.account_id = ? AND l.reported_id = ?
"""


class SubmittedChange(NamedTuple):
    """A call, and the function that changes its log."""

    key: CallKey
    change: Callable[[CallLog | None], CallLog]
    joining: CallJoining | None = None


class SqliteCallLogs:
    """Implements ports.ledger.CallLogs.

    A change reads and writes in one transaction, under the file's write lock. So changes of one call are serialised
    over all processes, and sequences follow the order of commits. Documents are decoded on each read: that takes 5 to
    10 us, too little to be worth a cache.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._subscribers: dict[object, Callable[[], None]] = {}
        database.after_commit(self._notify)

    async def get(self, key: CallKey) -> CallLog | None:
        """The call log; None if the call was never reported."""

        def select(connection: sqlite3.Connection) -> CallLog | None:
            rows = connection.execute(_SELECT, key).fetchall() or connection.execute(_SELECT_LINKED, key).fetchall()
            return CALL_LOG.decode(rows[0][-1]) if rows else None

        return await self._database.read_inline(select)

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        """The logs with this link key."""
        entries = await self._database.read(lambda connection: linked_entries(connection, account_id, link_key))
        return [entry.before for entry in entries if entry.before is not None]

    async def change(
        self, key: CallKey, change: Callable[[CallLog | None], CallLog], joining: CallJoining | None = None
    ) -> CallLogChange:
        """Replace the call log by the result of `change`, join it with others, and return the log before and after."""
        return await self._database.write_batched(apply_changes, SubmittedChange(key, change, joining))

    async def list(self, selection: CallLogFilter, after: tuple[int, str] | None, limit: int) -> CallLogPage:
        """Up to `limit` call logs that follow position `after`, by start time, newest first, then by call id."""
        return await self._database.read(lambda connection: queries.page(connection, selection, after, limit))

    async def count(
        self, selection: CallLogFilter, *, by_reason: bool, by_user: bool, limit: int
    ) -> Sequence[CallLogGroup]:
        """How many call logs `selection` selects, split by state and reason, by user, or by both."""
        return await self._database.read(
            lambda connection: queries.count(connection, selection, by_reason=by_reason, by_user=by_user, limit=limit)
        )

    async def due(self, now: datetime, limit: int, without: Collection[str] = ()) -> Sequence[CallKey]:
        """Up to `limit` calls whose `next_attempt_time` is not after `now`, without those of the accounts `without`."""
        return await self._database.read(lambda connection: queries.due(connection, now, limit, without))

    async def next_due_time(self) -> datetime | None:
        """When the next call falls due; None if no call waits."""
        return await self._database.read_inline(queries.next_due_time)

    async def changes(self, after: int, limit: int) -> Sequence[Change]:
        """The calls whose latest visible change has a sequence greater than `after`."""
        return await self._database.read(lambda connection: queries.changes(connection, after, limit))

    async def last_sequence(self) -> int:
        """The sequence of the latest visible change; 0 before the first."""
        return await self._database.read_inline(queries.last_sequence)

    async def pruned_through(self) -> int:
        """The largest sequence of the calls that were ever pruned; 0 if none was."""
        return await self._database.read_inline(queries.pruned_through)

    def subscribe(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` on the event loop after every commit of this ledger object that changed a row of any table.

        Returns the unsubscriber.
        """
        subscription = object()
        self._subscribers[subscription] = on_change

        def unsubscribe() -> None:
            self._subscribers.pop(subscription, None)

        return unsubscribe

    def _notify(self) -> None:
        for on_change in tuple(self._subscribers.values()):
            on_change()


def apply_changes(
    connection: sqlite3.Connection, batch: Sequence[SubmittedChange]
) -> Sequence[CallLogChange | Exception]:
    """Apply changes in order, within a transaction. The result of a change that raises is its exception."""
    if all(submitted.joining is None for submitted in batch):
        return _apply_together(connection, batch)
    results: list[CallLogChange | Exception] = []
    for joins, group in groupby(batch, key=lambda submitted: submitted.joining is not None):
        results += (_apply_each if joins else _apply_together)(connection, list(group))
    return results


def _apply_together(
    connection: sqlite3.Connection, batch: Sequence[SubmittedChange]
) -> Sequence[CallLogChange | Exception]:
    entries = load(connection, [submitted.key for submitted in batch])
    sequence = known = last_sequence(connection)
    results: list[CallLogChange | Exception] = []
    for key, change, _ in batch:
        entry = entries[key]
        try:
            changed = change(entry.after)
        except Exception as error:  # noqa: BLE001 - it becomes the result of this change
            results.append(error)
            continue
        if entry.after is None or changed.revision != entry.after.revision:
            sequence += 1
            entry.sequence = sequence
        results.append(CallLogChange(entry.after, changed))
        entry.after = changed
    for entry in entries.values():
        store(connection, entry)
    if sequence != known:
        connection.execute("UPDATE ledger SET call_log_sequence = ?", (sequence,))
    return results


def _apply_each(
    connection: sqlite3.Connection, batch: Sequence[SubmittedChange]
) -> Sequence[CallLogChange | Exception]:
    results: list[CallLogChange | Exception] = []
    for key, change, joining in batch:
        try:
            results.append(change_and_join(connection, key, change, cast("CallJoining", joining)))
        except (sqlite3.Error, LedgerUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - it becomes the result of this change
            results.append(error)
    return results
