"""Whether an address of PostgreSQL leads to a pooler, and what the pooler shares among its clients.

PgBouncer's manual, "Features": with session pooling a client keeps its session until it disconnects; with transaction
pooling each transaction may get another session, so nothing of a session outlasts a transaction.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Any, Final

import asyncpg

from leadline_server.storage.postgres.address import PostgresAddress, secured
from leadline_server.storage.postgres.errors import storage_error

_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 5.0
_TURNS: Final = 3


class Pooling(Enum):
    """The kinds of poolers between a client and PostgreSQL."""

    NONE = "none"
    SESSIONS = "sessions"
    TRANSACTIONS = "transactions"


@asynccontextmanager
async def plain_connection(address: PostgresAddress, url: str) -> AsyncIterator[Any]:
    """A connection that works behind every pooler, if each statement runs in a transaction. It sets nothing.

    Raises:
        LedgerUnavailable: the server cannot be reached, or refuses the connection.
    """
    given = {"password": address.password} if address.password_file is not None else {}
    try:
        connection: Any = await asyncpg.connect(
            secured(url),
            statement_cache_size=0,
            target_session_attrs="read-write",
            timeout=_CONNECT_SECONDS,
            command_timeout=_ANSWER_SECONDS,
            **given,
        )
        try:
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=_ANSWER_SECONDS)
    except Exception as error:
        raise storage_error(error) or error from error


async def pooling_of(address: PostgresAddress, url: str) -> Pooling:
    """Find out what kind of pooler is between this process and PostgreSQL. Raises LedgerUnavailable.

    Two clients that are connected at once have two sessions, unless a pooler gives both the same one in turn. A pooler
    may also give one client several. It tells its own number of the session, for cancelling, and not PostgreSQL's.
    """
    async with plain_connection(address, url) as one, plain_connection(address, url) as other:
        sessions = [{await _session(client) for _ in range(_TURNS)} for client in (one, other)]
        if sessions[0] & sessions[1] or any(len(own) > 1 for own in sessions):
            return Pooling.TRANSACTIONS
        return Pooling.NONE if one.get_server_pid() in sessions[0] else Pooling.SESSIONS


async def _session(client: Any) -> int:
    async with client.transaction():
        process_id: int = await client.fetchval("SELECT pg_backend_pid()")
        return process_id
