"""Joins calls in SQLite: which log the id of a call finds, and which logs a call may join.

Everything happens in the transaction of the report that joins, so a process that dies leaves the calls joined or apart,
and calls that two processes report at once join too.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.joining import CallJoining, joined_with
from leadline_server.ledger.sqlite.call_log_rows import Entry, last_sequence, load, store
from leadline_server.ports.ledger import CallKey

_RECENT: Final = 512
"""How many links with one key are looked at, the latest ones."""

_WITH_KEY: Final = """
    SELECT DISTINCT call_id FROM (
        SELECT call_id FROM call_links WHERE account_id = ? AND link_key = ? AND link_key <> '' ORDER BY id DESC LIMIT ?
    )
"""
_PUT: Final = """
    INSERT INTO call_links (account_id, reported_id, call_id, link_key) VALUES (?, ?, ?, ?)
    ON CONFLICT (account_id, reported_id) DO UPDATE SET call_id = excluded.call_id, link_key = excluded.link_key
"""
_MOVE: Final = "UPDATE call_links SET call_id = ? WHERE account_id = ? AND call_id = ?"
_DELETE_CALL: Final = "DELETE FROM call_logs WHERE account_id = ? AND call_id = ?"


def linked_entries(connection: sqlite3.Connection, account_id: str, link_key: str) -> Sequence[Entry]:
    """The calls with this link key, as the file has them."""
    rows = connection.execute(_WITH_KEY, (account_id, link_key, _RECENT)).fetchall()
    return list(load(connection, [CallKey(account_id, call_id) for (call_id,) in rows]).values())


def change_and_join(
    connection: sqlite3.Connection, key: CallKey, change: Callable[[CallLog | None], CallLog], joining: CallJoining
) -> CallLogChange:
    """Change one call, and join it with those of its conversation, within a transaction.

    Raises what `change` raises, before anything is written.
    """
    entry = load(connection, [key])[key]
    after = change(entry.before)
    link_key = joining.link_key(after)
    others = linked_entries(connection, key.account_id, link_key) if link_key else []
    entries = {one.key: one for one in (*others, entry)}
    logs = [one.before for one in others if one.before is not None and one.key != entry.key]
    before, after, gone = joined_with(joining, entry.before, after, logs)
    survivor = entry if before is None else entries[CallKey(key.account_id, before.call_id)]
    _store(connection, survivor, after)
    for log in gone:
        _move(connection, log, after.call_id)
    if link_key or key.call_id != after.call_id:
        connection.execute(_PUT, (*key, after.call_id, link_key))
    return CallLogChange(before, after)


def _store(connection: sqlite3.Connection, entry: Entry, after: CallLog) -> None:
    entry.after = after
    if entry.before is None or entry.before.revision != after.revision:
        entry.sequence = last_sequence(connection) + 1
        connection.execute("UPDATE ledger SET call_log_sequence = ?", (entry.sequence,))
    store(connection, entry)


def _move(connection: sqlite3.Connection, gone: CallLog, call_id: str) -> None:
    """Let the ids of a log that joined find log `call_id`."""
    connection.execute(_DELETE_CALL, (gone.account_id, gone.call_id))
    connection.execute(_MOVE, (call_id, gone.account_id, gone.call_id))
    connection.execute(_PUT, (gone.account_id, gone.call_id, call_id, ""))
