"""The rows of call logs in SQLite: which columns they have, and reading and writing them in a transaction.

A call that joined another has no row of its own: `call_links` has the row that its id finds.
"""

# ruff: noqa: S608 - all SQL here is built from constants

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from leadline_server.domain.call_log import CallLog
from leadline_server.ledger.codec import CALL_LOG, to_microseconds
from leadline_server.ports.ledger import CallKey

_STABLE: Final = ("user_id", "direction", "number_key", "start_time")
"""Columns that hardly ever change. An update leaves them out if they did not, so SQLite skips their indexes."""

_CHANGING: Final = ("shown_state", "reason", "contact_id", "next_attempt_time", "sequence", "body")
_NOT_IN_BODY: Final = ("sequence", "body")

_KNOWN: Final = "SELECT id, sequence, body FROM call_logs WHERE account_id = ? AND call_id = ?"
LINKED_TO: Final = "SELECT call_id FROM call_links WHERE account_id = ? AND reported_id = ?"
"""Finds the id of the log that a call has joined."""

_INSERTED: Final = ("account_id", "call_id", *_STABLE, *_CHANGING)
_INSERT: Final = f"INSERT INTO call_logs ({', '.join(_INSERTED)}) VALUES ({', '.join('?' * len(_INSERTED))})"


def _update(columns: Sequence[str]) -> str:
    # SQLite rewrites the indexes of every column that the statement names, changed or not.
    return f"UPDATE call_logs SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"


_UPDATE: Final = _update(_CHANGING)
_UPDATE_ALL: Final = _update((*_STABLE, *_CHANGING))


@dataclass(slots=True)
class Entry:
    """One call of a group: its log in the file, and its log after the changes so far."""

    key: CallKey
    before: CallLog | None = None
    row_id: int | None = None
    sequence: int = 0
    after: CallLog | None = None


def stored_columns(log: CallLog) -> dict[str, Any]:
    """The values of the columns beside a call log's body, except its sequence."""
    values = (log.account_id, log.call_id, *_stable(log), *_changing(log, 0))
    return {name: value for name, value in zip(_INSERTED, values, strict=True) if name not in _NOT_IN_BODY}


def load(connection: sqlite3.Connection, keys: Iterable[CallKey]) -> dict[CallKey, Entry]:
    """Read calls from the file. Keys of calls that share a log share an entry."""
    entries: dict[CallKey, Entry] = {}
    for key in keys:
        if key not in entries:
            entries[key] = _entry(connection, key) or _joined(connection, key, entries) or Entry(key)
    return entries


def last_sequence(connection: sqlite3.Connection) -> int:
    """The last sequence that was given to a change."""
    [(last,)] = connection.execute("SELECT call_log_sequence FROM ledger").fetchall()
    return int(last)


def store(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write the call of `entry` to the file, if it changed."""
    if entry.after is None or entry.after is entry.before:
        return
    stable, changing = _stable(entry.after), _changing(entry.after, entry.sequence)
    if entry.before is None:
        connection.execute(_INSERT, (*entry.key, *stable, *changing))
    elif stable == _stable(entry.before):
        connection.execute(_UPDATE, (*changing, entry.row_id))
    else:
        connection.execute(_UPDATE_ALL, (*stable, *changing, entry.row_id))


def _entry(connection: sqlite3.Connection, key: CallKey) -> Entry | None:
    found = connection.execute(_KNOWN, key).fetchone()
    if found is None:
        return None
    row_id, sequence, body = found
    log = CALL_LOG.decode(body)
    return Entry(key, log, row_id, sequence, log)


def _joined(connection: sqlite3.Connection, key: CallKey, entries: dict[CallKey, Entry]) -> Entry | None:
    """The entry of the log that a call has joined; None if it has joined none."""
    found = connection.execute(LINKED_TO, key).fetchone()
    if found is None:
        return None
    main = CallKey(key.account_id, *found)
    if main not in entries:
        entries[main] = _entry(connection, main) or Entry(main)
    return entries[main]


def _stable(log: CallLog) -> tuple[Any, ...]:
    return (
        log.user_id,
        log.call.direction,
        log.number.key or None,
        to_microseconds(log.call.start_time or log.create_time),
    )


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
