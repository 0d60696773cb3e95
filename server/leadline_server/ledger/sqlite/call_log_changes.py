"""Changing call logs: a group of changes, of any number of calls."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.ledger.codec import CALL_LOG, to_microseconds
from leadline_server.ports.ledger import CallKey

_LASTING: Final = ("user_id", "number_key", "start_time")
"""Columns that hardly ever change, and whose indexes are left alone when they do not."""

_MOVING: Final = ("shown_state", "reason", "contact_id", "next_attempt_time", "sequence", "body")
_UNREPEATED: Final = ("sequence", "body")

# ruff: noqa: S608 - all SQL here is put together from constants

_KNOWN: Final = "SELECT id, sequence, body FROM call_logs WHERE account_id = ? AND call_id = ?"
_INSERTED: Final = ("account_id", "call_id", *_LASTING, *_MOVING)
_INSERT: Final = f"INSERT INTO call_logs ({', '.join(_INSERTED)}) VALUES ({', '.join('?' * len(_INSERTED))})"


def _update(columns: Sequence[str]) -> str:
    # SQLite rewrites the indexes of every column that is named, changed or not.
    return f"UPDATE call_logs SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"


_UPDATE: Final = _update(_MOVING)
_UPDATE_ALL: Final = _update((*_LASTING, *_MOVING))


class WantedChange(NamedTuple):
    """A call, and what is to be made of its log."""

    key: CallKey
    change: Callable[[CallLog | None], CallLog]


@dataclass(slots=True)
class _Entry:
    """One call within a group: as it is in the file, and as the changes so far leave it."""

    before: CallLog | None = None
    row_id: int | None = None
    sequence: int = 0
    after: CallLog | None = None


def stored_columns(log: CallLog) -> dict[str, Any]:
    """What the columns beside a call log's body must say, but for its sequence."""
    columns: dict[str, Any] = dict(zip(_LASTING, _lasting(log), strict=True))
    columns |= {name: value for name, value in zip(_MOVING, _moving(log, 0), strict=True) if name not in _UNREPEATED}
    return {"account_id": log.account_id, "call_id": log.call_id, **columns}


def apply_changes(
    connection: sqlite3.Connection, wanted: Sequence[WantedChange]
) -> Sequence[CallLogChange | Exception]:
    """Change call logs in the order wanted, within a transaction; what a change raises stands for its result."""
    entries = {change.key: _Entry() for change in wanted}
    sequence = known = _load(connection, entries)
    results: list[CallLogChange | Exception] = []
    for key, change in wanted:
        entry = entries[key]
        try:
            changed = change(entry.after)
        except Exception as error:  # noqa: BLE001 - it is handed to whoever wanted this change
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
    """Fill in what the file knows; returns the last sequence that was handed out."""
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
        lasting, moving = _lasting(entry.after), _moving(entry.after, entry.sequence)
        if entry.before is None:
            connection.execute(_INSERT, (*key, *lasting, *moving))
        elif lasting == _lasting(entry.before):
            connection.execute(_UPDATE, (*moving, entry.row_id))
        else:
            connection.execute(_UPDATE_ALL, (*lasting, *moving, entry.row_id))


def _lasting(log: CallLog) -> tuple[Any, ...]:
    return log.user_id, log.number.key or None, to_microseconds(log.call.start_time or log.create_time)


def _moving(log: CallLog, sequence: int) -> tuple[Any, ...]:
    due = log.next_attempt_time
    return (
        log.shown_state,
        log.reason,
        None if log.contact is None else log.contact.id,
        None if due is None else to_microseconds(due),
        sequence,
        CALL_LOG.encode(log),
    )
