"""The links of calls in PostgreSQL: which log the id of a call finds, and which logs a call may join."""

from collections.abc import Sequence
from typing import Final

from leadline_server.domain.call_log import CallLog
from leadline_server.ports.ledger import CallKey
from leadline_server.storage.postgres.database import Connection

LINKED_TO: Final = "SELECT reported_id, call_id FROM call_links WHERE account_id = $1 AND reported_id = ANY($2)"
"""Finds the ids of the logs that calls have joined."""

_RECENT: Final = 512
"""How many links with one key are looked at, the latest ones."""

_WITH_KEY: Final = """
    SELECT DISTINCT call_id FROM (
        SELECT call_id FROM call_links WHERE account_id = $1 AND link_key = $2 AND link_key <> ''
        ORDER BY added DESC LIMIT $3
    ) AS recent
"""
_PUT: Final = """
    INSERT INTO call_links (account_id, reported_id, call_id, link_key) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, reported_id) DO UPDATE SET call_id = excluded.call_id, link_key = excluded.link_key
"""
_MOVE: Final = "UPDATE call_links SET call_id = $3 WHERE account_id = $1 AND call_id = $2"
_DELETE_CALL: Final = "DELETE FROM call_logs WHERE account_id = $1 AND call_id = $2"


async def with_key(connection: Connection, account_id: str, link_key: str) -> Sequence[str]:
    """The ids of the calls with this link key."""
    return [call_id for (call_id,) in await connection.fetch(_WITH_KEY, account_id, link_key, _RECENT)]


async def put(connection: Connection, reported: CallKey, call_id: str, link_key: str) -> None:
    """Let the id of a reported call find log `call_id`, and let later calls find it by `link_key`."""
    await connection.execute(_PUT, *reported, call_id, link_key)


async def move(connection: Connection, gone: CallLog, call_id: str) -> None:
    """Delete a log that joined another, and let its ids find log `call_id`."""
    await connection.execute(_DELETE_CALL, gone.account_id, gone.call_id)
    await connection.execute(_MOVE, gone.account_id, gone.call_id, call_id)
    await put(connection, CallKey(gone.account_id, gone.call_id), call_id, "")
