"""The call journal: one row for each call log."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

import msgspec

from leadline_server.crm.embedded.rows import book_of, in_micros, new_id, to_micros
from leadline_server.crm.embedded.tables import NewLog
from leadline_server.domain.call import Attestation, CallDirection, CallResult
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import CrmLog, LogEntry, new_crm_log
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
    log_id, values = new_id("l_"), owned_values(entry, log.now)
    try:  # the index of keys finds a log that exists: to look for it before takes 2 us of each call
        _insert(connection, (log_id, found[0], log.key, found[1], *values))
    except sqlite3.IntegrityError:
        existing = find_log(connection, log.account_id, log.key)
        if existing is None:
            raise
        return existing
    connection.execute(_RECORD_ACTIVITY, (values[_START], found[1]))
    return new_crm_log(log_id)


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
    names, values = list(OWNED_COLUMNS), owned_values(entry, now)
    if entry.moves:
        names, values = [*names, "contact"], (*values, _active_contact(connection, book, entry))
    changed = connection.execute(
        f"UPDATE crm_call_logs SET {', '.join(f'{name} = ?' for name in names)}"  # noqa: S608 - our names
        " WHERE book = ? AND id = ? RETURNING contact",
        (*values, book, log_id),
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


def owned_values(entry: LogEntry, now: datetime) -> tuple[Any, ...]:
    """The values of OWNED_COLUMNS, which leadline owns."""
    call = entry.call
    caller, callee, answered, ended = call.caller, call.callee, call.answer_time, call.end_time
    return (
        call.id,
        entry.crm_user_id or entry.user_id,
        entry.number,
        _DIRECTIONS[call.direction or 0],
        _RESULTS[call.result or 0],
        _ATTESTATIONS[call.attestation or 0],
        caller.phone_number or caller.extension,
        caller.name,
        callee.phone_number or callee.extension,
        callee.name,
        activity_time(entry),
        to_micros(answered),
        to_micros(ended),
        None if answered is None or ended is None else max(0, round((ended - answered).total_seconds())),
        msgspec.json.encode(dict(call.attributes)).decode() if call.attributes else "{}",
        in_micros(now),
        call.linked_id,
        call.disposition,
        call.subject,
        call.note,
        call.recording_url,
        call.voicemail_url,
        call.summary,
        call.transcript,
    )


def activity_time(entry: LogEntry) -> int:
    """When the contact was active by this call, in microseconds."""
    return in_micros(entry.call.start_time or entry.fallback_time)


def no_contact(contact_id: str) -> CrmRejected:
    """The refusal of a log for a contact that the account does not have."""
    return CrmRejected(f"The contact book has no contact {contact_id!r}.")


def _names(kind: type[IntEnum]) -> Sequence[str | None]:
    """The names of an enum's members by their numbers; None for 0."""
    names = {member.value: member.name for member in kind}
    return [names.get(number) for number in range(max(names) + 1)]


_DIRECTIONS: Final = _names(CallDirection)
_RESULTS: Final = _names(CallResult)
_ATTESTATIONS: Final = _names(Attestation)

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
"""The columns of `owned_values`, in its order."""

_START: Final = OWNED_COLUMNS.index("start_time")


def _insert_of(columns: Sequence[str]) -> str:
    return f"INSERT INTO crm_call_logs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our names


_INSERTED: Final = ("id", "book", "unique_key", "contact", *OWNED_COLUMNS)
_INSERT: Final = _insert_of(_INSERTED)
_INSERT_WITHOUT_TEXTS: Final = _insert_of(_INSERTED[: -len(PLAIN_COLUMNS)])
_NO_TEXTS: Final = (None,) * len(PLAIN_COLUMNS)
