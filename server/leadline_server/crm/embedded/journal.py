"""The call journal: one row for each call log."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from leadline_server.crm.embedded.rows import book_of, in_micros, new_id, to_micros
from leadline_server.crm.embedded.tables import NewLog
from leadline_server.domain.call import Attestation, CallDirection, CallResult
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog

_CONTACT: Final = (
    "SELECT book, pk FROM crm_contacts WHERE id = ? AND book = (SELECT book FROM crm_books WHERE account_id = ?)"
)
_RECORD_ACTIVITY: Final = (
    "UPDATE crm_contacts SET last_activity_time = max(coalesce(last_activity_time, ?1), ?1) WHERE pk = ?2"
)


def insert_logs(connection: sqlite3.Connection, new: Sequence[NewLog]) -> Sequence[CrmLog | Exception]:
    """Log calls. For a key that was used before, the result is the existing log, unchanged.

    For a contact that the account does not have, the result is CrmRejected.
    """
    return [insert_log(connection, log) for log in new]


def insert_log(
    connection: sqlite3.Connection, log: NewLog, place: tuple[int, int] | None = None
) -> CrmLog | CrmRejected:
    """As `insert_logs`, of one call. `place` is the contact's book and row; None: not known."""
    entry = log.entry
    found = place or connection.execute(_CONTACT, (entry.contact_id, log.account_id)).fetchone()
    if found is None:
        return find_log(connection, log.account_id, log.key) or no_contact(entry.contact_id)
    log_id, columns = new_id("l_"), owned_columns(entry, log.now)
    try:  # the index of keys finds a log that exists: to look for it before takes 2 us of each call
        _insert(connection, (log_id, found[0], log.key, found[1], *columns.values()))
    except sqlite3.IntegrityError:
        existing = find_log(connection, log.account_id, log.key)
        if existing is None:
            raise
        return existing
    connection.execute(_RECORD_ACTIVITY, (columns["start_time"], found[1]))
    return CrmLog(log_id)


def _insert(connection: sqlite3.Connection, row: tuple[Any, ...]) -> None:
    if row[-len(PLAIN_COLUMNS) :] == _NO_TEXTS:  # as most calls have it; to bind a NULL takes 1,000 instructions
        connection.execute(_INSERT_WITHOUT_TEXTS, row[: -len(PLAIN_COLUMNS)])
    else:
        connection.execute(_INSERT, row)


def update_log(connection: sqlite3.Connection, account_id: str, log_id: str, entry: LogEntry, now: datetime) -> CrmLog:
    """Change a log to what `entry` says, and its contact if the log moves. The columns of people stay as they are.

    Raises:
        CrmRejected: the account has no such log; or it moves, and there is no such contact.
    """
    book = book_of(connection, account_id)
    columns = owned_columns(entry, now)
    if entry.moves:
        columns["contact"] = _active_contact(connection, book, entry)
    changed = connection.execute(
        f"UPDATE crm_call_logs SET {', '.join(f'{name} = ?' for name in columns)}"  # noqa: S608 - our names
        " WHERE book = ? AND id = ? RETURNING contact",
        (*columns.values(), book, log_id),
    ).fetchall()
    if not changed:
        raise CrmRejected(f"The journal has no call log {log_id!r}.")
    return CrmLog(log_id, contact_id=entry.contact_id if entry.moves else _active(connection, changed[0][0], entry))


def find_log(connection: sqlite3.Connection, account_id: str, key: str) -> CrmLog | None:
    """The log that was written with `key`."""
    found = connection.execute(
        "SELECT id FROM crm_call_logs"
        " WHERE book = (SELECT book FROM crm_books WHERE account_id = ?) AND unique_key = ?",
        (account_id, key),
    ).fetchone()
    return CrmLog(found[0]) if found else None


def read_log(connection: sqlite3.Connection, account_id: str, log_id: str) -> StoredCallLog | None:
    """The log with this id."""
    found = connection.execute(
        "SELECT coalesce(c.id, ''), coalesce(l.subject, ''), coalesce(l.note, '') FROM crm_call_logs AS l"
        " LEFT JOIN crm_contacts AS c ON c.pk = l.contact"
        " WHERE l.id = ? AND l.book = (SELECT book FROM crm_books WHERE account_id = ?)",
        (log_id, account_id),
    ).fetchone()
    return found and StoredCallLog(id=log_id, contact_id=found[0], subject=found[1], note=found[2])


def _active_contact(connection: sqlite3.Connection, book: int, entry: LogEntry) -> int:
    """The contact's row, after its last activity was recorded. A contact that a log leaves keeps its activity time."""
    found = connection.execute(
        "UPDATE crm_contacts SET last_activity_time = max(coalesce(last_activity_time, ?1), ?1)"
        " WHERE id = ?2 AND book = ?3 RETURNING pk",
        (activity_time(entry), entry.contact_id, book),
    ).fetchall()
    if not found:
        raise no_contact(entry.contact_id)
    return int(found[0][0])


def _active(connection: sqlite3.Connection, contact: int | None, entry: LogEntry) -> str:
    """The id of the contact in a row, after its last activity was recorded; empty if it was deleted."""
    found = connection.execute(
        f"{_RECORD_ACTIVITY} RETURNING id",
        (activity_time(entry), contact),
    ).fetchall()
    return str(found[0][0]) if found else ""


def owned_columns(entry: LogEntry, now: datetime) -> dict[str, Any]:
    """The columns that leadline owns, apart from the contact, by name and always in the same order."""
    call = entry.call
    return {
        "call_id": call.id,
        "owner": entry.crm_user_id or entry.user_id,
        "number": entry.number,
        "direction": call.direction and _DIRECTIONS[call.direction],
        "result": call.result and _RESULTS[call.result],
        "attestation": call.attestation and _ATTESTATIONS[call.attestation],
        "caller_number": call.caller.phone_number or call.caller.extension,
        "caller_name": call.caller.name,
        "callee_number": call.callee.phone_number or call.callee.extension,
        "callee_name": call.callee.name,
        "start_time": activity_time(entry),
        "answer_time": to_micros(call.answer_time),
        "end_time": to_micros(call.end_time),
        "duration": _duration(call.answer_time, call.end_time),
        "attributes": msgspec.json.encode(dict(call.attributes)).decode() if call.attributes else "{}",
        "update_time": to_micros(now),
        "linked_id": call.linked_id,
        "disposition": call.disposition,
        "subject": call.subject,
        "note": call.note,
        "recording_url": call.recording_url,
        "voicemail_url": call.voicemail_url,
        "summary": call.summary,
        "transcript": call.transcript,
    }


def activity_time(entry: LogEntry) -> int:
    """When the contact was active by this call, in microseconds."""
    return in_micros(entry.call.start_time or entry.fallback_time)


def no_contact(contact_id: str) -> CrmRejected:
    """The refusal of a log for a contact that the account does not have."""
    return CrmRejected(f"The contact book has no contact {contact_id!r}.")


def _duration(answer_time: datetime | None, end_time: datetime | None) -> int | None:
    if answer_time is None or end_time is None:
        return None
    return max(0, round((end_time - answer_time).total_seconds()))


_DIRECTIONS: Final = {member: member.name for member in CallDirection}
_RESULTS: Final = {member: member.name for member in CallResult}
_ATTESTATIONS: Final = {member: member.name for member in Attestation}

PLAIN_COLUMNS: Final = (
    "linked_id",
    "disposition",
    "subject",
    "note",
    "recording_url",
    "voicemail_url",
    "summary",
    "transcript",
)
"""Columns that hold a field of the call unchanged."""

OWNED_COLUMNS: Final = (
    "call_id",
    "owner",
    "number",
    "direction",
    "result",
    "attestation",
    "caller_number",
    "caller_name",
    "callee_number",
    "callee_name",
    "start_time",
    "answer_time",
    "end_time",
    "duration",
    "attributes",
    "update_time",
    *PLAIN_COLUMNS,
)
"""The columns of `owned_columns`, in its order."""


def _insert_of(columns: Sequence[str]) -> str:
    return f"INSERT INTO crm_call_logs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our names


_INSERTED: Final = ("id", "book", "unique_key", "contact", *OWNED_COLUMNS)
_INSERT: Final = _insert_of(_INSERTED)
_INSERT_WITHOUT_TEXTS: Final = _insert_of(_INSERTED[: -len(PLAIN_COLUMNS)])
_NO_TEXTS: Final = (None,) * len(PLAIN_COLUMNS)
