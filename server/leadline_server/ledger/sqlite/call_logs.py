"""The call logs in SQLite: reading them, and changing a group of them in one transaction."""

# ruff: noqa: S608 - all SQL here is built from constants

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple, cast

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining, joined_with
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.codec import CALL_LOG, changing_columns, stable_columns
from leadline_server.ledger.sqlite import call_links
from leadline_server.ledger.sqlite import call_log_queries as queries
from leadline_server.ports.ledger import CallKey, CallLogFilter, CallLogGroup, CallLogPage, Change
from leadline_server.storage.sqlite import SqliteDatabase

_SELECT: Final = "SELECT body FROM call_logs WHERE account_id = ? AND call_id = ?"
_STABLE: Final = ("user_id", "direction", "number_key", "start_time")
"""Columns that hardly ever change. An update leaves them out if they did not, so SQLite skips their indexes."""

_CHANGING: Final = ("shown_state", "reason", "update_state", "contact_id", "next_attempt_time", "sequence", "body")
_NOT_IN_BODY: Final = ("sequence", "body")

_KNOWN: Final = "SELECT id, sequence, body FROM call_logs WHERE account_id = ? AND call_id = ?"
_INSERTED: Final = ("account_id", "call_id", *_STABLE, *_CHANGING)
_INSERT: Final = f"INSERT INTO call_logs ({', '.join(_INSERTED)}) VALUES ({', '.join('?' * len(_INSERTED))})"


def _update(columns: Sequence[str]) -> str:
    # SQLite rewrites the indexes of every column that the statement names, changed or not.
    return f"UPDATE call_logs SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"


_UPDATE: Final = _update(_CHANGING)
_UPDATE_ALL: Final = _update((*_STABLE, *_CHANGING))


class SubmittedChange(NamedTuple):
    """A call, and the function that changes its log."""

    key: CallKey
    change: Callable[[CallLog | None], CallLog]
    joining: CallJoining | None = None


@dataclass(slots=True)
class _Entry:
    """One call of a group: its log in the file, and its log after the changes so far."""

    key: CallKey
    before: CallLog | None = None
    row_id: int | None = None
    sequence: int = 0
    after: CallLog | None = None


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
            rows = connection.execute(_SELECT, key).fetchall()
            rows = rows or connection.execute(call_links.SELECT_LOG, key).fetchall()
            return CALL_LOG.decode(rows[0][-1]) if rows else None

        return await self._database.read_inline(select)

    async def linked(self, account_id: str, link_key: str) -> Sequence[CallLog]:
        """The logs with this link key."""
        entries = await self._database.read(lambda connection: _linked(connection, account_id, link_key))
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

    async def changes(self, account_id: str, after: int, limit: int) -> Sequence[Change]:
        """The calls of an account whose latest visible change has a sequence greater than `after`."""
        return await self._database.read(lambda connection: queries.changes(connection, account_id, after, limit))

    async def last_sequence(self, account_id: str) -> int:
        """The sequence of the latest visible change of any account: the file has one order for all of them."""
        return (await self.last_sequences([account_id]))[account_id]

    async def last_sequences(self, account_ids: Collection[str]) -> Mapping[str, int]:
        """The same for each of these accounts."""
        return dict.fromkeys(account_ids, await self._database.read_inline(queries.last_sequence))

    async def pruned_through(self, account_id: str) -> int:
        """The largest sequence of the account's calls that were ever pruned; 0 if none was."""
        return await self._database.read_inline(lambda connection: queries.pruned_through(connection, account_id))

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
    entries = _load(connection, [submitted.key for submitted in batch])
    sequence = known = _last_sequence(connection)
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
        _store(connection, entry)
    if sequence != known:
        connection.execute("UPDATE ledger SET call_log_sequence = ?", (sequence,))
    return results


def _apply_each(
    connection: sqlite3.Connection, batch: Sequence[SubmittedChange]
) -> Sequence[CallLogChange | Exception]:
    results: list[CallLogChange | Exception] = []
    for key, change, joining in batch:
        try:
            results.append(_change_and_join(connection, key, change, cast("CallJoining", joining)))
        except (sqlite3.Error, LedgerUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - it becomes the result of this change
            results.append(error)
    return results


def _linked(connection: sqlite3.Connection, account_id: str, link_key: str) -> Sequence[_Entry]:
    """The calls with this link key, as the file has them."""
    return list(_load(connection, call_links.with_key(connection, account_id, link_key)).values())


def _change_and_join(
    connection: sqlite3.Connection, key: CallKey, change: Callable[[CallLog | None], CallLog], joining: CallJoining
) -> CallLogChange:
    """Change one call, and join it with those of its conversation, within a transaction.

    Raises what `change` raises, before anything is written.
    """
    entry = _load(connection, [key])[key]
    after = change(entry.before)
    link_key = joining.link_key(after)
    others = _linked(connection, key.account_id, link_key) if link_key else []
    entries = {one.key: one for one in (*others, entry)}
    logs = [one.before for one in others if one.before is not None and one.key != entry.key]
    before, after, gone = joined_with(joining, entry.before, after, logs)
    survivor = entry if before is None else entries[CallKey(key.account_id, before.call_id)]
    _put(connection, survivor, after)
    for log in gone:
        call_links.move(connection, log, after.call_id)
    if link_key or key.call_id != after.call_id:
        call_links.put(connection, key, after.call_id, link_key)
    return CallLogChange(before, after)


def _put(connection: sqlite3.Connection, entry: _Entry, after: CallLog) -> None:
    entry.after = after
    if entry.before is None or entry.before.revision != after.revision:
        entry.sequence = _last_sequence(connection) + 1
        connection.execute("UPDATE ledger SET call_log_sequence = ?", (entry.sequence,))
    _store(connection, entry)


def stored_columns(log: CallLog) -> dict[str, Any]:
    """The values of the columns beside a call log's body, except its sequence."""
    values = (log.account_id, log.call_id, *stable_columns(log), *_changing(log, 0))
    return {name: value for name, value in zip(_INSERTED, values, strict=True) if name not in _NOT_IN_BODY}


def _load(connection: sqlite3.Connection, keys: Iterable[CallKey]) -> dict[CallKey, _Entry]:
    """Read calls from the file. Keys of calls that share a log share an entry."""
    entries: dict[CallKey, _Entry] = {}
    for key in keys:
        if key not in entries:
            entries[key] = _entry(connection, key) or _joined(connection, key, entries) or _Entry(key)
    return entries


def _last_sequence(connection: sqlite3.Connection) -> int:
    """The last sequence that was given to a change."""
    [(last,)] = connection.execute("SELECT call_log_sequence FROM ledger").fetchall()
    return int(last)


def _store(connection: sqlite3.Connection, entry: _Entry) -> None:
    """Write the call of `entry` to the file, if it changed."""
    if entry.after is None or entry.after is entry.before:
        return
    stable, changing = stable_columns(entry.after), _changing(entry.after, entry.sequence)
    if entry.before is None:
        connection.execute(_INSERT, (*entry.key, *stable, *changing))
    elif stable == stable_columns(entry.before):
        connection.execute(_UPDATE, (*changing, entry.row_id))
    else:
        connection.execute(_UPDATE_ALL, (*stable, *changing, entry.row_id))


def _entry(connection: sqlite3.Connection, key: CallKey) -> _Entry | None:
    found = connection.execute(_KNOWN, key).fetchone()
    if found is None:
        return None
    row_id, sequence, body = found
    log = CALL_LOG.decode(body)
    return _Entry(key, log, row_id, sequence, log)


def _joined(connection: sqlite3.Connection, key: CallKey, entries: dict[CallKey, _Entry]) -> _Entry | None:
    """The entry of the log that a call has joined; None if it has joined none."""
    found = connection.execute(call_links.LINKED_TO, key).fetchone()
    if found is None:
        return None
    main = CallKey(key.account_id, *found)
    if main not in entries:
        entries[main] = _entry(connection, main) or _Entry(main)
    return entries[main]


def _changing(log: CallLog, sequence: int) -> tuple[Any, ...]:
    return (*changing_columns(log), sequence, CALL_LOG.encode(log))
