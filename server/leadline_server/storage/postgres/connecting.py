"""How connections to PostgreSQL are made, and what a server must promise before leadline uses it."""

from typing import Any, Final

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.storage.postgres.address import PostgresAddress, secured

OLDEST: Final = 150000
"""The oldest version of PostgreSQL: 15, as `server_version_num` writes it."""

_CHECK: Final = """
    SELECT current_setting('server_version_num')::integer, current_setting('fsync'),
        current_setting('synchronous_commit'), pg_is_in_recovery()
"""
_DURABLE: Final = frozenset({"on", "remote_apply"})


def connection_options(address: PostgresAddress, url: str) -> dict[str, Any]:
    """The arguments of `asyncpg.connect` and `asyncpg.create_pool` for a URL of an address."""
    is_pooled = address.is_pooled and url == address.url
    options: dict[str, Any] = {"dsn": secured(url), "target_session_attrs": "read-write"}
    if address.password_file is not None:
        options["password"] = address.password
    if is_pooled:
        # A transaction pooler gives each transaction another session: it has no prepared statements of ours, and
        # refuses settings at the start. `ALTER ROLE leadline SET statement_timeout = '10s'` replaces them.
        return {**options, "statement_cache_size": 0}
    milliseconds = str(round(address.statement_seconds * 1000))
    settings = {
        "application_name": "leadline",
        "synchronous_commit": "on",
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
        "default_transaction_isolation": "read committed",
        "timezone": "UTC",
    }
    return {**options, "server_settings": settings}


async def prepare(connection: Any) -> None:
    """Check the server of a new connection.

    Raises:
        LedgerUnavailable: it is too old, takes no writes, or would lose what it confirms.
    """
    [(version, fsync, commit, in_recovery)] = await connection.fetch(_CHECK)
    if version < OLDEST:
        raise LedgerUnavailable(f"PostgreSQL {version // 10_000} is too old for leadline: it needs {OLDEST // 10_000}.")
    if in_recovery:
        raise LedgerUnavailable("leadline's PostgreSQL server is a standby, which takes no writes.", retry_after=1)
    if fsync != "on":
        raise LedgerUnavailable(
            "leadline's PostgreSQL server has fsync = off: it would lose accepted calls. Set fsync = on."
        )
    if commit not in _DURABLE:
        raise LedgerUnavailable(
            f"leadline's PostgreSQL server has synchronous_commit = {commit}: it would lose accepted calls. Set it to"
            " on for leadline's role."
        )
