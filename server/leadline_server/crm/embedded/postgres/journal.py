"""The call journal in PostgreSQL: one row for each call log."""

# ruff: noqa: S608 - all SQL here is built from constants

from datetime import datetime
from typing import Final

from leadline_server.crm.embedded.journal import OWNED_COLUMNS, activity_time, no_contact, owned_values
from leadline_server.crm.embedded.journal_pages import COLUMNS, page_from
from leadline_server.crm.embedded.postgres.contacts import Fetch, without_zeros
from leadline_server.crm.embedded.rows import new_id
from leadline_server.crm.embedded.tables import NewLog
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.embedded_contents import EmbeddedCallLogPage
from leadline_server.storage.postgres.database import Connection
from leadline_server.storage.postgres.deferred import DeferredRow, RowsExpression

_NUMBERS: Final = frozenset({"start_time", "answer_time", "end_time", "duration", "update_time"})
OWNED_TYPES: Final = tuple("bigint" if name in _NUMBERS else "text" for name in OWNED_COLUMNS)
"""The types of leadline's columns, in their order."""

_NAMES: Final = ", ".join(OWNED_COLUMNS)

_FIND: Final = "SELECT id FROM crm_call_logs WHERE account_id = $1 AND unique_key = $2"
_READ: Final = """
    SELECT coalesce(c.id, ''), coalesce(l.subject, ''), coalesce(l.note, '') FROM crm_call_logs AS l
    LEFT JOIN crm_contacts AS c ON c.account_id = l.account_id AND c.pk = l.contact
    WHERE l.account_id = $1 AND l.id = $2
"""
_PAGE: Final = f"""
    SELECT {COLUMNS} FROM crm_call_logs AS l
    LEFT JOIN crm_contacts AS c ON c.account_id = l.account_id AND c.pk = l.contact
    WHERE l.account_id = $1 AND l.unique_key > $2 ORDER BY l.unique_key LIMIT $3
"""
_VALUES: Final = ", ".join(f"${place}" for place in range(5, 5 + len(OWNED_COLUMNS)))
# The contact's row is locked first, so that it cannot be deleted meanwhile. Nothing happens if a log has the key.
_INSERT: Final = f"""
    WITH active AS (
        UPDATE crm_contacts SET last_activity_time = greatest(last_activity_time, $3::bigint)
        WHERE account_id = $1 AND id = $4 RETURNING pk
    )
    INSERT INTO crm_call_logs (account_id, id, unique_key, contact, {_NAMES})
    SELECT $1, $2, ${5 + len(OWNED_COLUMNS)}, pk, {_VALUES} FROM active ON CONFLICT DO NOTHING RETURNING id
"""
_SET: Final = ", ".join(f"{name} = ${place}" for place, name in enumerate(OWNED_COLUMNS, start=3))
_UPDATE: Final = f"UPDATE crm_call_logs SET {_SET} WHERE account_id = $1 AND id = $2 RETURNING contact"
_MOVE: Final = "UPDATE crm_call_logs SET contact = $3 WHERE account_id = $1 AND id = $2 RETURNING contact"
_ACTIVE: Final = """
    UPDATE crm_contacts SET last_activity_time = greatest(last_activity_time, $3)
    WHERE account_id = $1 AND {} = $2 RETURNING pk, id
"""
_ACTIVE_BY_ID: Final = _ACTIVE.format("id")
_ACTIVE_BY_PK: Final = _ACTIVE.format("pk")

LOGS: Final = RowsExpression(
    "crm_written",
    f"""crm_given AS (
        SELECT * FROM {{rows}} AS given (id, unique_key, contact_id, {_NAMES}) WHERE id > '' AND contact_id > ''
    ), crm_active AS (
        UPDATE crm_contacts AS c SET last_activity_time = greatest(c.last_activity_time, latest.start_time)
        FROM (SELECT contact_id, max(start_time) AS start_time FROM crm_given GROUP BY contact_id) AS latest, counters
        WHERE c.account_id = $1 AND c.id = latest.contact_id RETURNING c.pk, c.id
    ), crm_logged AS (
        INSERT INTO crm_call_logs (account_id, id, unique_key, contact, {_NAMES})
        SELECT $1, given.id, given.unique_key, active.pk, {", ".join(f"given.{name}" for name in OWNED_COLUMNS)}
        FROM crm_given AS given JOIN crm_active AS active ON active.id = given.contact_id
        WHERE given.unique_key IS NOT NULL ON CONFLICT DO NOTHING RETURNING 1
    ), crm_updated AS (
        UPDATE crm_call_logs AS l SET {", ".join(f"{name} = given.{name}" for name in OWNED_COLUMNS)}
        FROM crm_given AS given JOIN crm_active AS active ON active.id = given.contact_id
        WHERE given.unique_key IS NULL AND l.account_id = $1 AND l.id = given.id AND l.contact = active.pk RETURNING 1
    ), crm_written AS (
        SELECT FROM crm_logged UNION ALL SELECT FROM crm_updated
    )""",
    ("text", "text", "text", *OWNED_TYPES),
)
"""Logs, each with its contact's activity: new ones, and changed ones, which have no key here.

A new one whose key is used, and a changed one that is not at its contact, are not written; nor those without a contact.

They are written once the ledger has locked the account (`counters`), as all writes of its transactions are.
"""


def deferred(new: NewLog) -> tuple[CrmLog, DeferredRow]:
    """A new log, and its row."""
    log_id = new_id("l_")
    values = (log_id, new.key, new.entry.contact_id, *owned_values(new.entry, new.now))
    return CrmLog(log_id), DeferredRow(LOGS, without_zeros(values))


def deferred_update(log_id: str, entry: LogEntry, now: datetime) -> tuple[CrmLog, DeferredRow]:
    """A changed log that does not move, and its row. It is written if it is at the entry's contact."""
    values = (log_id, None, entry.contact_id, *owned_values(entry, now))
    return CrmLog(log_id, contact_id=entry.contact_id), DeferredRow(LOGS, without_zeros(values))


async def insert_log(connection: Connection, new: NewLog) -> CrmLog:
    """Log a call, or return the log that was written with its key. In a transaction."""
    if (existing := await find_log(connection.fetch, new.account_id, new.key)) is not None:
        return existing
    log_id, entry = new_id("l_"), new.entry
    values = without_zeros((*owned_values(entry, new.now), new.key))
    written = await connection.fetch(_INSERT, new.account_id, log_id, activity_time(entry), entry.contact_id, *values)
    if written:
        return CrmLog(log_id)
    existing = await find_log(connection.fetch, new.account_id, new.key)
    if existing is None:
        raise no_contact(entry.contact_id)
    return existing


async def update_log(connection: Connection, account_id: str, log_id: str, entry: LogEntry, now: datetime) -> CrmLog:
    """Change a log, and its contact if the log moves. In a transaction."""
    at = activity_time(entry)
    moved = await connection.fetchrow(_ACTIVE_BY_ID, account_id, entry.contact_id, at) if entry.moves else None
    if entry.moves and moved is None:
        raise no_contact(entry.contact_id)
    changed = await connection.fetchrow(_UPDATE, account_id, log_id, *without_zeros(owned_values(entry, now)))
    if changed is None:
        raise CrmRejected(f"The journal has no call log {log_id!r}.")
    if moved is not None:
        await connection.execute(_MOVE, account_id, log_id, moved[0])
        return CrmLog(log_id, contact_id=entry.contact_id)
    active = await connection.fetchrow(_ACTIVE_BY_PK, account_id, changed[0], at)
    return CrmLog(log_id, contact_id=active[1] if active is not None else "")


async def find_log(fetch: Fetch, account_id: str, key: str) -> CrmLog | None:
    """The log that was written with `key`."""
    rows = await fetch(_FIND, account_id, key)
    return CrmLog(rows[0][0]) if rows else None


async def read_log(fetch: Fetch, account_id: str, log_id: str) -> StoredCallLog | None:
    """The log with this id."""
    rows = await fetch(_READ, account_id, log_id)
    if not rows:
        return None
    contact_id, subject, note = rows[0]
    return StoredCallLog(id=log_id, contact_id=contact_id, subject=subject, note=note)


async def list_logs(fetch: Fetch, account_id: str, limit: int, cursor: str) -> EmbeddedCallLogPage:
    """A page of an account's logs, after the one whose key is `cursor`."""
    return page_from(await fetch(_PAGE, account_id, cursor, limit + 1), limit)
