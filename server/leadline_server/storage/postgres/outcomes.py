"""The outcome of a transaction whose COMMIT was sent and not answered: asked until it is certain."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from leadline_server.domain.ledger_errors import LedgerUnavailable

_PATIENCE: Final = 10.0
_PAUSE_SECONDS: Final = 0.05

# The timeline changes with a failover. Statistics are reset when PostgreSQL recovers from a crash, of any of its
# processes: then ids of transactions whose changes had not reached the disk are given out again.
_SERVER: Final = """
    CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
        || ' ' || (SELECT stats_reset::text FROM pg_stat_bgwriter) END
"""
# A session of a pooler has the settings of others; so the commit's own is set with it.
_TRANSACTION: Final = (
    f"SELECT pg_current_xact_id_if_assigned()::text, {_SERVER}, set_config('synchronous_commit', 'on', true)"
)
_STATUS: Final = f"SELECT CASE WHEN {_SERVER} = $2 THEN pg_xact_status($1::text::xid8) ELSE 'unknown' END"


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction whose COMMIT is sent.

    Attributes:
        transaction_id: its id on the server.
        server: what is the same until a failover or a crash. After one, the id may be another transaction's.
        result: what its work returned.
    """

    transaction_id: str
    server: str
    result: Any


async def sent_transaction(connection: Any, result: Any) -> Sent | None:
    """The transaction that this connection is about to commit; None if it has changed nothing."""
    [(transaction_id, server, _)] = await connection.fetch(_TRANSACTION)
    return None if transaction_id is None else Sent(transaction_id, server, result)


async def settled(fetch: Callable[..., Awaitable[Sequence[asyncpg.Record]]], sent: Sent) -> bool:
    """Whether a transaction was committed. False: it was not, or a failover or a crash hides it; then repeat it.

    Raises:
        LedgerUnavailable: the server cannot be asked, so the outcome stays unknown.
    """
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            [(status,)] = await fetch(_STATUS, sent.transaction_id, sent.server)
            if status != "in progress":
                return bool(status == "committed")
        except LedgerUnavailable:
            if time.monotonic() > give_up:
                raise
        if time.monotonic() > give_up:
            raise LedgerUnavailable("leadline's PostgreSQL database does not end a transaction.", retry_after=1)
        await asyncio.sleep(_PAUSE_SECONDS)
