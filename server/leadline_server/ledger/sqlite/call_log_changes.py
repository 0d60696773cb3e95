"""Changes of call logs in SQLite: a group of them in one transaction, or those of transactions that share a commit."""

# ruff: noqa: S608 - all SQL here is built from constants

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final, NamedTuple

from leadline_server.domain.call_log import CallLog, CallLogChange, new_call_log_change
from leadline_server.domain.joining import CallJoining, joined_with
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger.codec import CALL_LOG, changing_columns, stable_columns
from leadline_server.ledger.sqlite import call_links
from leadline_server.ports.ledger import CallKey
from leadline_server.storage.row_batch import RowBatch

_STABLE: Final = ("user_id", "direction", "number_key", "start_time")
"""Columns that hardly ever change. An update leaves them out if they did not, so SQLite skips their indexes."""

_CHANGING: Final = ("shown_state", "reason", "update_state", "contact_id", "next_attempt_time", "sequence", "body")
COLUMNS: Final = ("account_id", "call_id", *_STABLE, *_CHANGING)
"""The columns of `row_of`."""

_INTO: Final = f"INSERT INTO call_logs ({', '.join(COLUMNS)})"
_INSERT: Final = f"{_INTO} VALUES ({', '.join('?' * len(COLUMNS))})"

# The table has a trigger, so SQLite copies each page that the statement changes, to be able to undo it. The rows of a
# group change the same pages: with eight of them, one statement takes 29,000 instructions a call less than eight do.
_INSERT_ALL: Final = RowBatch(COLUMNS, f"{_INTO} SELECT * FROM given WHERE account_id IS NOT NULL")
_MOST_BYTES: Final = 1024 * 1024
"""Of the documents of one statement: SQLite has each of them in memory three times until its end."""

# One statement instead of two takes 9,000 instructions less.
_KNOWN: Final = """
    SELECT id, sequence, body, NULL FROM call_logs WHERE account_id = ?1 AND call_id = ?2
    UNION ALL SELECT NULL, NULL, NULL, call_id FROM call_links WHERE account_id = ?1 AND reported_id = ?2
"""
_NEXT: Final = "UPDATE ledger SET call_log_sequence = call_log_sequence + ? RETURNING call_log_sequence"


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
    """One call of a group: its log in the file, and its log after the changes so far.

    Unless it is numbered, its sequence counts from the first change of the group.
    """

    key: CallKey
    before: CallLog | None = None
    row_id: int | None = None
    sequence: int = 0
    after: CallLog | None = None
    is_numbered: bool = True


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
    shared = SharedChanges(connection)
    changes = TransactionChanges(shared)
    results = [_result_of(changes.change, submitted.key, submitted.change) for submitted in batch]
    changes.keep()
    shared.store()
    return results


def _apply_each(
    connection: sqlite3.Connection, batch: Sequence[SubmittedChange]
) -> Sequence[CallLogChange | Exception]:
    return [_result_of(_change_and_join, connection, *submitted) for submitted in batch]


def _result_of(apply: Callable[..., CallLogChange], *arguments: Any) -> CallLogChange | Exception:
    """The change, or the exception that it raised. Errors of the storage are those of the whole group."""
    try:
        return apply(*arguments)
    except (sqlite3.Error, LedgerUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - it becomes the result of this change
        return error


class SharedChanges:
    """Changes of call logs by transactions that share a commit. They are kept, and `store` writes each log once.

    Attributes:
        connection: the connection.
        entries: the calls that have changed.
        visible: how many of the changes clients see.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.entries: dict[CallKey, _Entry] = {}
        self.visible = 0

    def store(self) -> None:
        """Write what has changed. Transactions share the statement that numbers the changes: 52,000 instructions."""
        before = _next_sequences(self.connection, self.visible) if self.visible else 0
        new: list[tuple[Any, ...]] = []
        for entry in {entry.key: entry for entry in self.entries.values()}.values():  # keys may share an entry
            if not entry.is_numbered:
                entry.sequence += before
            if entry.before is None and entry.after is not None:
                new.append(row_of(entry.key, entry.after, entry.sequence))
            else:
                _store(self.connection, entry)
        insert_rows(self.connection, new)
        self.entries, self.visible = {}, 0


class TransactionChanges:
    """The changes of one transaction. `keep` adds them to those that it shares a commit with."""

    def __init__(self, shared: SharedChanges) -> None:
        self._shared = shared
        self._entries: dict[CallKey, _Entry] = {}
        self._visible = shared.visible

    def change(
        self, key: CallKey, change: Callable[[CallLog | None], CallLog], joining: CallJoining | None = None
    ) -> CallLogChange:
        """As `CallLogs.change`. With `joining`, the change is written at once."""
        if joining is not None:
            self.store()
            return _change_and_join(self._shared.connection, key, change, joining)
        entry = self._entries.get(key) or self._load(key)
        before, after = entry.after, change(entry.after)
        if before is None or after.revision != before.revision:
            self._visible += 1
            entry.sequence, entry.is_numbered = self._visible, False
        entry.after = after
        return new_call_log_change(before, after)

    def keep(self) -> None:
        """Keep what has changed, to be written with the rest."""
        self._shared.entries.update(self._entries)
        self._shared.visible = self._visible
        self._entries = {}

    def store(self) -> None:
        """Write what this transaction and those before it have changed."""
        self.keep()
        self._shared.store()
        self._visible = 0

    def _load(self, key: CallKey) -> _Entry:
        """The entry of a call that is not among this transaction's yet; it is then."""
        entry = self._copied(key)
        if entry is None:
            entry, main = _found(self._shared.connection, key)
            if main is not None:
                entry = self._entries.get(main) or self._load(main)
        self._entries[key] = entry
        return entry

    def _copied(self, key: CallKey) -> _Entry | None:
        """A copy of the entry that an earlier transaction has left, since this one may fail; None if it left none."""
        known = self._shared.entries.get(key)
        if known is None:
            return None
        entry = self._entries[known.key] = self._entries.get(known.key) or replace(known)
        return entry


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
        entry.sequence = _next_sequences(connection, 1) + 1
    _store(connection, entry)


def linked_logs(connection: sqlite3.Connection, account_id: str, link_key: str) -> Sequence[CallLog]:
    """The logs with this link key."""
    return [entry.before for entry in _linked(connection, account_id, link_key) if entry.before is not None]


def _load(connection: sqlite3.Connection, keys: Iterable[CallKey]) -> dict[CallKey, _Entry]:
    """Read calls from the file. Keys of calls that share a log share an entry."""
    entries: dict[CallKey, _Entry] = {}
    for key in keys:
        if key not in entries:
            _load_one(connection, key, entries)
    return entries


def _load_one(connection: sqlite3.Connection, key: CallKey, entries: dict[CallKey, _Entry]) -> _Entry:
    """The entry of a call that is not among `entries` yet; it is then."""
    entry, main = _found(connection, key)
    if main is not None:
        entry = entries.get(main) or _load_one(connection, main, entries)
    entries[key] = entry
    return entry


def _next_sequences(connection: sqlite3.Connection, count: int) -> int:
    """Take `count` new sequences of changes. Returns the one before them."""
    [(last,)] = connection.execute(_NEXT, (count,)).fetchall()
    return int(last) - count


def _store(connection: sqlite3.Connection, entry: _Entry) -> None:
    """Write the call of `entry` to the file, if it changed."""
    if entry.after is None or entry.after is entry.before:
        return
    if entry.before is None:
        insert_rows(connection, [row_of(entry.key, entry.after, entry.sequence)])
        return
    values = (*row_of(entry.key, entry.after, entry.sequence)[len(entry.key) :], entry.row_id)
    if stable_columns(entry.after) == stable_columns(entry.before):
        connection.execute(_UPDATE, values[len(_STABLE) :])
    else:
        connection.execute(_UPDATE_ALL, values)


def _found(connection: sqlite3.Connection, key: CallKey) -> tuple[_Entry, CallKey | None]:
    """The entry of a call; or an empty one, and the key of the log that the call has joined, if it has."""
    main: CallKey | None = None
    for row_id, sequence, body, call_id in connection.execute(_KNOWN, key).fetchall():
        if body is not None:
            log = CALL_LOG.decode(body)
            return _Entry(key, log, row_id, sequence, log), None
        main = CallKey(key.account_id, call_id)
    return _Entry(key), None if main == key else main


def insert_rows(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of `row_of`. None of the calls may have a row."""
    if len(rows) > 1 and sum(len(row[-1]) for row in rows) <= _MOST_BYTES:
        _INSERT_ALL.run(connection, rows)
    elif rows:
        connection.executemany(_INSERT, rows)


def row_of(key: CallKey, log: CallLog, sequence: int) -> tuple[Any, ...]:
    """The values of a new row."""
    return (*key, *stable_columns(log), *changing_columns(log), sequence, CALL_LOG.encode(log))
