"""The links of calls in SQLite: which log the id of a call finds, and which logs a call may join."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from leadline_server.domain.call_log import CallLog
from leadline_server.ledger.codec import CALL_LOG
from leadline_server.ports.ledger import CallKey

LINKED_TO: Final = "SELECT call_id FROM call_links WHERE account_id = ? AND reported_id = ?"
"""Finds the id of the log that a call has joined."""

_SELECT: Final = "SELECT body FROM call_logs WHERE account_id = ? AND call_id = ?"
_SELECT_JOINED: Final = """
    SELECT body FROM call_links AS l JOIN call_logs AS c ON c.account_id = l.account_id AND c.call_id = l.call_id
    WHERE l.account_id = ? AND l.reported_id = ?
"""

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


def with_key(connection: sqlite3.Connection, account_id: str, link_key: str) -> Sequence[CallKey]:
    """The calls with this link key."""
    rows = connection.execute(_WITH_KEY, (account_id, link_key, _RECENT)).fetchall()
    return [CallKey(account_id, call_id) for (call_id,) in rows]


def put(connection: sqlite3.Connection, reported: CallKey, call_id: str, link_key: str) -> None:
    """Let the id of a reported call find log `call_id`, and let later calls find it by `link_key`."""
    connection.execute(_PUT, (*reported, call_id, link_key))


def move(connection: sqlite3.Connection, gone: CallLog, call_id: str) -> None:
    """Delete a log that joined another, and let its ids find log `call_id`."""
    connection.execute(_DELETE_CALL, (gone.account_id, gone.call_id))
    connection.execute(_MOVE, (call_id, gone.account_id, gone.call_id))
    put(connection, CallKey(gone.account_id, gone.call_id), call_id, "")


def read_log(connection: sqlite3.Connection, key: CallKey) -> CallLog | None:
    """The log of a call, also if it has joined another; None if the call was never reported."""
    rows = connection.execute(_SELECT, key).fetchall() or connection.execute(_SELECT_JOINED, key).fetchall()
    return CALL_LOG.decode(rows[0][0]) if rows else None
