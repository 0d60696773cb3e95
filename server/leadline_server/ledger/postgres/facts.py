"""What the commands of operators ask of a ledger in PostgreSQL. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from leadline_server.ledger.codec import from_microseconds
from leadline_server.ledger.postgres.replicas import ALL
from leadline_server.ledger.replica_rows import replica_of
from leadline_server.ports.ledger import CopyState, Replica
from leadline_server.storage.postgres.address import PostgresAddress
from leadline_server.storage.postgres.pooling import plain_connection

AUDIT_SECONDS: Final = 60
"""An entry of the audit trail waits for less than this for its place in a chain."""

# `reserved_connections` came with PostgreSQL 16. A limit of -1 is none.
_SERVER: Final = """
    SELECT current_setting('server_version'), clock_timestamp(), current_setting('statement_timeout'),
        current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
            - coalesce(current_setting('reserved_connections', true)::integer, 0),
        (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
        (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
        to_regclass('schema_migrations') IS NOT NULL
"""
_LEDGER: Final = "SELECT is_standby, live_since FROM ledger"
_VERSIONS: Final = "SELECT max(version), coalesce(max(version) FILTER (WHERE half = 'post'), 0) FROM schema_migrations"
_KEYS: Final = "SELECT DISTINCT secrets_key_id FROM envelope_keys"
_AUDIT: Final = "SELECT count(*), count(*) FILTER (WHERE hash IS NULL AND time < $1) FROM audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFacts:
    """The tables of a ledger.

    Attributes:
        schema: the newest migration.
        finished: the newest one of which the second half was applied too; 0: none.
        copy: whether it is a restored copy.
        needed_keys: the ids of the secrets keys that it needs.
        audit_entries: of the audit trail.
        audit_waiting: how many of them wait for their place in a chain for over AUDIT_SECONDS.
        replicas: the servers that recorded themselves.
    """

    schema: int
    finished: int
    copy: CopyState
    needed_keys: frozenset[str]
    audit_entries: int
    audit_waiting: int
    replicas: Sequence[Replica]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """A PostgreSQL server, and the ledger in it.

    Attributes:
        version: such as 15.8.
        now: its clock.
        ahead: how far this machine's clock is ahead of it.
        statement_timeout: of a session, as PostgreSQL writes it; 0 is none.
        most_connections: how many leadline's user may have at once.
        ledger: None if no server of leadline has made the tables yet.
    """

    version: str
    now: datetime
    ahead: timedelta
    statement_timeout: str
    most_connections: int
    ledger: LedgerFacts | None


async def read_facts(address: PostgresAddress) -> ServerFacts:
    """The facts about a database. Raises LedgerUnavailable if it cannot be reached."""
    async with (
        plain_connection(address, address.url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        begun = datetime.now(UTC)
        [(version, now, statement_timeout, free, *limits, has_tables)] = await connection.fetch(_SERVER)
        ahead = begun + (datetime.now(UTC) - begun) / 2 - now
        return ServerFacts(
            version=version.split()[0],
            now=now,
            ahead=ahead,
            statement_timeout=statement_timeout,
            most_connections=min(limit for limit in (free, *limits) if limit >= 0),
            ledger=await _ledger(connection, now) if has_tables else None,
        )


async def _ledger(connection: Any, now: datetime) -> LedgerFacts | None:
    if not (rows := await connection.fetch(_LEDGER)):
        return None
    [(is_standby, since)] = rows
    waiting_since = (now - timedelta(seconds=AUDIT_SECONDS)).timestamp() * 1_000_000
    [(schema, finished)] = await connection.fetch(_VERSIONS)
    [(entries, waiting)] = await connection.fetch(_AUDIT, round(waiting_since))
    return LedgerFacts(
        schema=schema,
        finished=finished,
        copy=CopyState(is_standby, None if since is None else from_microseconds(since)),
        needed_keys=frozenset(key_id for (key_id,) in await connection.fetch(_KEYS)),
        audit_entries=entries,
        audit_waiting=waiting,
        replicas=[replica_of(row) for row in await connection.fetch(ALL)],
    )
