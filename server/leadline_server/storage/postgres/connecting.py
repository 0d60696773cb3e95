"""How connections to PostgreSQL are made, and what a server must promise before leadline uses it."""

import asyncio
from typing import Any, Final

import asyncpg

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.storage.postgres.address import PostgresAddress, each_host, secured

OLDEST: Final = 150000
"""The oldest version of PostgreSQL: 15, as `server_version_num` writes it."""

IDENTITY: Final = """
    (CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE')
        THEN (SELECT system_identifier::text FROM pg_control_system()) ELSE '' END)
    || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database())
"""
"""SQL: what tells a database from its copies. Standbys share it, and a dump that is restored elsewhere does not."""

CONNECT_SECONDS: Final = 9.0
"""How long a connection may take to be made, all hosts of the URL together."""

_CHECK: Final = f"""
    SELECT current_setting('server_version_num')::integer, current_setting('fsync'),
        current_setting('synchronous_commit'), pg_is_in_recovery(), {IDENTITY}
"""
_DURABLE: Final = frozenset({"on", "remote_apply"})


class Connector:
    """Makes connections to the server that takes writes, of those that a URL names.

    After a failover that is another host. A host that does not answer costs its share of CONNECT_SECONDS, once: the
    host of the last connection is tried first.

    Args:
        address: the address.
        url: of the address: `url` or `direct`.
    """

    def __init__(self, address: PostgresAddress, url: str) -> None:
        self._urls = each_host(secured(url))
        self._options = connection_options(address, is_pooled=address.is_pooled and url == address.url)
        self._identity: str | None = None

    async def connect(self, *_: Any, **options: Any) -> Any:
        """A new connection to a server that takes writes. `options` are more arguments of `asyncpg.connect`.

        A pool of asyncpg gives the URL that it has not, too.

        Raises:
            Exception: what `storage_error` translates. If hosts fail for several reasons, what one of them answered.
        """
        errors: list[Exception] = []
        for url in tuple(self._urls):
            try:
                connection = await self._connect(url, options)
            except Exception as error:  # noqa: BLE001 - the next host is tried; it is raised if all fail
                errors.append(error)
            else:
                self._urls.remove(url)
                self._urls.insert(0, url)
                return connection
        raise next((error for error in errors if not isinstance(error, OSError)), errors[-1])

    async def _connect(self, url: str, options: dict[str, Any]) -> Any:
        async with asyncio.timeout(CONNECT_SECONDS / len(self._urls)):
            connection = await asyncpg.connect(url, **self._options, **options)
            try:
                await self._check(connection)
            except BaseException:
                connection.terminate()
                raise
            return connection

    async def _check(self, connection: Any) -> None:
        """Check the server of a new connection.

        Raises:
            LedgerUnavailable: it is too old, takes no writes, would lose what it confirms, or is not the one from
                before.
        """
        [(version, fsync, commit, in_recovery, identity)] = await connection.fetch(_CHECK)
        if version < OLDEST:
            raise LedgerUnavailable(
                f"PostgreSQL {version // 10_000} is too old for leadline: it needs {OLDEST // 10_000}."
            )
        if in_recovery:
            raise LedgerUnavailable("leadline's PostgreSQL server is a standby, which takes no writes.", retry_after=1)
        if fsync != "on":
            raise LedgerUnavailable(
                "leadline's PostgreSQL server has fsync = off: it would lose accepted calls. Set fsync = on."
            )
        if commit not in _DURABLE:
            raise LedgerUnavailable(
                f"leadline's PostgreSQL server has synchronous_commit = {commit}: it would lose accepted calls. Set it"
                " to on for leadline's role."
            )
        if self._identity not in {None, identity}:
            raise LedgerUnavailable(
                "The address leads to another PostgreSQL database than before. Restart leadline to use that one."
            )
        self._identity = identity


def connection_options(address: PostgresAddress, *, is_pooled: bool) -> dict[str, Any]:
    """The arguments of `asyncpg.connect` for an address, without its URL."""
    options: dict[str, Any] = {"target_session_attrs": "read-write"}
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
