"""The call journal: one row a call log."""

import sqlite3
from datetime import datetime
from typing import Any, Final

import msgspec

from leadline_server.crm.embedded.keys import new_id
from leadline_server.crm.embedded.rows import book_of, to_micros
from leadline_server.domain.errors import CrmRejected
from leadline_server.ports.crm import CrmLog, LogEntry


def insert_log(connection: sqlite3.Connection, account_id: str, entry: LogEntry, key: str, now: datetime) -> CrmLog:
    """Log a call; with a key that was used before, the log that was made then, as it is.

    Raises:
        CrmRejected: the account has no such contact.
    """
    book = book_of(connection, account_id)
    if existing := find_log(connection, account_id, key):
        return existing
    columns = _columns(connection, book, entry, now) | {"book": book, "unique_key": key, "id": new_id("l_")}
    connection.execute(
        f"INSERT INTO call_logs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608 - our names
        tuple(columns.values()),
    )
    return CrmLog(columns["id"])


def update_log(connection: sqlite3.Connection, account_id: str, log_id: str, entry: LogEntry, now: datetime) -> CrmLog:
    """Make a log, and whose it is, say what `entry` says. The columns of people stay as they are.

    Raises:
        CrmRejected: the account has no such log or no such contact.
    """
    book = book_of(connection, account_id)
    columns = _columns(connection, book, entry, now)
    changed = connection.execute(
        f"UPDATE call_logs SET {', '.join(f'{name} = ?' for name in columns)} WHERE book = ? AND id = ?",  # noqa: S608 - our names
        (*columns.values(), book, log_id),
    )
    if not changed.rowcount:
        raise CrmRejected(f"The journal has no call log {log_id!r}.")
    return CrmLog(log_id)


def find_log(connection: sqlite3.Connection, account_id: str, key: str) -> CrmLog | None:
    """The log that was written with `key`."""
    found = connection.execute(
        "SELECT id FROM call_logs WHERE book = (SELECT book FROM books WHERE account_id = ?) AND unique_key = ?",
        (account_id, key),
    ).fetchone()
    return CrmLog(found[0]) if found else None


def _columns(connection: sqlite3.Connection, book: int, entry: LogEntry, now: datetime) -> dict[str, Any]:
    """The columns that leadline owns, by name."""
    call = entry.call
    start = call.start_time or entry.fallback_time
    return {
        "contact": _touch_contact(connection, book, entry.contact_id, start),
        "call_id": call.id,
        "owner": entry.crm_user_id or entry.user_id,
        "number": entry.number,
        "direction": call.direction.name if call.direction else None,
        "result": call.result.name if call.result else None,
        "attestation": call.attestation.name if call.attestation else None,
        "caller_number": call.caller.address or None,
        "caller_name": call.caller.name,
        "callee_number": call.callee.address or None,
        "callee_name": call.callee.name,
        "start_time": to_micros(start),
        "answer_time": to_micros(call.answer_time),
        "end_time": to_micros(call.end_time),
        "duration": _duration(call.answer_time, call.end_time),
        "attributes": msgspec.json.encode(dict(call.attributes)).decode(),
        "update_time": to_micros(now),
        **{name: getattr(call, name) for name in _PLAIN_COLUMNS},
    }


_PLAIN_COLUMNS: Final = (
    "linked_id",
    "disposition",
    "subject",
    "note",
    "recording_url",
    "voicemail_url",
    "summary",
    "transcript",
)
"""Columns that hold a field of the call as it is."""


def _touch_contact(connection: sqlite3.Connection, book: int, contact_id: str, activity: datetime) -> int:
    """The contact's row, having noted that something happened with it. A contact that a log leaves keeps its time."""
    found = connection.execute(
        "UPDATE contacts SET last_activity_time = max(coalesce(last_activity_time, ?1), ?1)"
        " WHERE id = ?2 AND book = ?3 RETURNING pk",
        (to_micros(activity), contact_id, book),
    ).fetchall()
    if not found:
        raise CrmRejected(f"The contact book has no contact {contact_id!r}.")
    return int(found[0][0])


def _duration(answer_time: datetime | None, end_time: datetime | None) -> int | None:
    if answer_time is None or end_time is None:
        return None
    return max(0, round((end_time - answer_time).total_seconds()))
