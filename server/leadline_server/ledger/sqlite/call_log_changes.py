"""Changes call logs: applies a group of changes, of any number of calls, in one transaction."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.ledger.codec import CALL_LOG, to_microseconds
from leadline_server.ports.ledger import CallKey

_STABLE: Final = ("user_id", "number_key", "start_time")
"""Columns that hardly ever change. An update leaves them out if they did not, so SQLite skips their indexes."""

_CHANGING: Final = ("shown_state", "reason", "contact_id", "next_attempt_time", "sequence", "body")
_NOT_IN_BODY: Final = ("sequence", "body")

# ruff: noqa: S608 - all SQL here is built from constants

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


@dataclass(slots=True)
class _Entry:
    """One call of a group: its log in the file, and its log after the changes so far."""

    before: CallLog | None = None
    row_id: int | None = None
    sequence: int = 0
    after: CallLog | None = None


def stored_columns(log: CallLog) -> dict[str, Any]:
    """The values of the columns beside a call log's body, except its sequence."""
    values = (log.account_id, log.call_id, *_stable(log), *_changing(log, 0))
    return {name: value for name, value in zip(_INSERTED, values, strict=True) if name not in _NOT_IN_BODY}


def apply_changes(
    connection: sqlite3.Connection, batch: Sequence[SubmittedChange]
) -> Sequence[CallLogChange | Exception]:
    """Apply changes in order, within a transaction. The result of a change that raises is its exception."""
    entries = {change.key: _Entry() for change in batch}
    sequence = known = _load(connection, entries)
    results: list[CallLogChange | Exception] = []
    for key, change in batch:
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
    _store(connection, entries)
    if sequence != known:
        connection.execute("UPDATE ledger SET call_log_sequence = ?", (sequence,))
    return results


def _load(connection: sqlite3.Connection, entries: dict[CallKey, _Entry]) -> int:
    """Read the calls from the file into `entries`; returns the last sequence that was used."""
    for key, entry in entries.items():
        found = connection.execute(_KNOWN, key).fetchone()
        if found is not None:
            entry.row_id, entry.sequence, body = found
            entry.before = entry.after = CALL_LOG.decode(body)
    [(last,)] = connection.execute("SELECT call_log_sequence FROM ledger").fetchall()
    return int(last)


def _store(connection: sqlite3.Connection, entries: dict[CallKey, _Entry]) -> None:
    for key, entry in entries.items():
        if entry.after is None or entry.after is entry.before:
            continue
        stable, changing = _stable(entry.after), _changing(entry.after, entry.sequence)
        if entry.before is None:
            connection.execute(_INSERT, (*key, *stable, *changing))
        elif stable == _stable(entry.before):
            connection.execute(_UPDATE, (*changing, entry.row_id))
        else:
            connection.execute(_UPDATE_ALL, (*stable, *changing, entry.row_id))


def _stable(log: CallLog) -> tuple[Any, ...]:
    return log.user_id, log.number.key or None, to_microseconds(log.call.start_time or log.create_time)


def _changing(log: CallLog, sequence: int) -> tuple[Any, ...]:
    due = log.next_attempt_time
    return (
        log.shown_state,
        log.reason,
        None if log.contact is None else log.contact.id,
        None if due is None else to_microseconds(due),
        sequence,
        CALL_LOG.encode(log),
    )
