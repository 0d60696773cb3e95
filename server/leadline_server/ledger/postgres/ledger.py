"""The PostgreSQL ledger: opening its database, and all its parts."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger.postgres.account_connections import PostgresAccountConnections, PostgresConnectionChecks
from leadline_server.ledger.postgres.account_data import PostgresAccountData
from leadline_server.ledger.postgres.accounts import PostgresAccounts
from leadline_server.ledger.postgres.audit import PostgresAudit
from leadline_server.ledger.postgres.call_logs import PostgresCallLogs
from leadline_server.ledger.postgres.claims import PostgresClaims
from leadline_server.ledger.postgres.copy_mark import PostgresCopyMark, notice_copy
from leadline_server.ledger.postgres.credentials import PostgresCredentials
from leadline_server.ledger.postgres.encrypted_database import PostgresEncryptedDatabase
from leadline_server.ledger.postgres.placeholders import PostgresPlaceholders
from leadline_server.ledger.postgres.preferences import PostgresPreferences
from leadline_server.ledger.postgres.quarantine import PostgresQuarantine
from leadline_server.ledger.postgres.replicas import PostgresReplicas
from leadline_server.ledger.postgres.requests import PostgresRequests
from leadline_server.ledger.postgres.retention import PostgresRetention
from leadline_server.ledger.postgres.secrets import PostgresSecrets
from leadline_server.ledger.postgres.settings_versions import PostgresSettingsVersions
from leadline_server.ledger.postgres.tokens import PostgresTokens
from leadline_server.ledger.postgres.transactions import PostgresTransactions
from leadline_server.ledger.postgres.users import PostgresUsers
from leadline_server.storage.postgres.address import PostgresAddress, shown
from leadline_server.storage.postgres.clock import DatabaseClock
from leadline_server.storage.postgres.connecting import Connector
from leadline_server.storage.postgres.database import Connection, PostgresDatabase, open_pool
from leadline_server.storage.postgres.errors import storage_error
from leadline_server.storage.postgres.listening import WakeUps
from leadline_server.storage.postgres.migrations import apply_migrations, load_halves

MIGRATIONS: Final = "leadline_server.ledger.migrations.postgres"

_SECRET_BYTES: Final = 32
_CLOSE_SECONDS: Final = 10.0


class PostgresLedger:
    """Implements ports.ledger.Ledger. Opened by `open_postgres_ledger`."""

    def __init__(self, database: PostgresDatabase, secret: bytes, keys: SecretsKeys | None = None) -> None:
        self._database = database
        encrypted, versions = PostgresEncryptedDatabase(database, keys), PostgresSettingsVersions(database)
        self.clock: Final = DatabaseClock()
        """The database's clock. It has to be measured first."""
        self.secret: Final = secret
        """32 random bytes for signing tokens, made with the database."""
        self.accounts: Final = PostgresAccounts(database)
        """The accounts and their settings."""
        self.account_data: Final = PostgresAccountData(database)
        """The deletion of accounts."""
        self.account_connections: Final = PostgresAccountConnections(encrypted)
        """The connections that accounts have of their own."""
        self.connection_checks: Final = PostgresConnectionChecks(database)
        """The results of checks of connections."""
        self.settings_versions: Final = versions
        """The settings version of each account."""
        self.preferences: Final = PostgresPreferences(database, versions)
        """The preferences of users."""
        self.users: Final = PostgresUsers(database, versions)
        """The directory's users."""
        self.credentials: Final = PostgresCredentials(database)
        """The API keys and the denied tokens."""
        self.storage: Final = database
        """The database, for a CRM that lives in it."""
        self.call_logs: Final = PostgresCallLogs(database)
        """The call logs."""
        self.transactions: Final = PostgresTransactions(database, self.preferences, self.call_logs.remembered)
        """Transactions over several parts, for a CRM that lives in the ledger."""
        self.claims: Final = PostgresClaims(database)
        """The claims on numbers."""
        self.placeholders: Final = PostgresPlaceholders(database)
        """The placeholders that calls created, and the replays."""
        self.requests: Final = PostgresRequests(database)
        """The answers by request id."""
        self.tokens: Final = PostgresTokens(database, encrypted)
        """The OAuth tokens of the CRMs' connections."""
        self.quarantine: Final = PostgresQuarantine(database, encrypted)
        """Events of phone systems that cannot be stored."""
        self.retention: Final = PostgresRetention(database)
        """Deleting old records."""
        self.audit: Final = PostgresAudit(database)
        """The audit trail."""
        self.copy_mark: Final = PostgresCopyMark(database)
        """Whether this ledger is a restored copy."""
        self.replicas: Final = PostgresReplicas(database)
        """The servers that work on this ledger."""
        self.secrets: Final = PostgresSecrets(database, encrypted)
        """The envelope keys, for rotation."""

    async def check(self) -> None:
        """Write one row durably, and read it."""
        await self._database.write(_check, is_news=False)


@asynccontextmanager
async def open_postgres_ledger(
    address: PostgresAddress,
    keys: SecretsKeys | None = None,
    *,
    make: Callable[..., PostgresDatabase] | None = None,
) -> AsyncIterator[PostgresLedger]:
    """The ledger in a PostgreSQL database; its connections are closed at the end. Missing tables are created.

    `keys` are the secrets keys, read at the first need; without them, what is encrypted cannot be used. `make` makes
    the database, as for `open_pool`.

    Raises:
        LedgerUnavailable: the database cannot be used, or belongs to a newer leadline. The message says what to do.
    """
    try:
        await migrate(address)
    except LedgerUnavailable as error:
        raise _named(address, error) from error
    async with AsyncExitStack() as stack:
        try:
            database = await stack.enter_async_context(open_pool(address, make))
            secret = await database.write(_prepared)
            ledger = PostgresLedger(database, secret, keys)
            await ledger.clock.measure(database.fetch, at_any_cost=True)
        except LedgerUnavailable as error:
            raise _named(address, error) from error
        wake_ups = WakeUps(address, ledger.call_logs.notify)
        database.after_commit(wake_ups.send)
        for background in (wake_ups.run(), ledger.clock.follow(database.fetch)):
            stack.push_async_callback(_cancelled, asyncio.create_task(background))
        stack.push_async_callback(ledger.call_logs.close)
        stack.push_async_callback(ledger.transactions.close)
        yield ledger


async def migrate(address: PostgresAddress, *, with_post: bool = False) -> int:
    """Apply the migrations that are missing; returns how many. See storage.postgres.migrations."""
    try:
        connection: Any = await Connector(address, address.direct or address.url).connect()
        try:
            return await apply_migrations(connection, load_halves(MIGRATIONS), with_post=with_post)
        finally:
            with suppress(Exception):
                await connection.close(timeout=_CLOSE_SECONDS)
    except Exception as error:
        raise storage_error(error) or error from error


async def _prepared(connection: Connection) -> bytes:
    """The secret of a ledger that is ready to be used, and marked if it is a copy."""
    secret = await _ensure_secret(connection)
    await notice_copy(connection)
    return secret


async def _ensure_secret(connection: Connection) -> bytes:
    statement = "INSERT INTO ledger (id, secret, key_version) VALUES (1, $1, $2) ON CONFLICT DO NOTHING"
    secret = await connection.fetchval("SELECT secret FROM ledger")
    if secret is None:
        await connection.execute(statement, secrets.token_bytes(_SECRET_BYTES), KEY_VERSION)
        secret = await connection.fetchval("SELECT secret FROM ledger")
    version = await connection.fetchval("SELECT key_version FROM ledger")
    if version != KEY_VERSION:
        raise LedgerUnavailable(
            f"The keys of its numbers were made by rules of version {version}, and this leadline has {KEY_VERSION}."
            " This version of leadline cannot recompute them in PostgreSQL."
        )
    return bytes(secret)


async def _check(connection: Connection) -> None:
    await connection.fetchval("UPDATE ledger SET checks = checks + 1 RETURNING checks")


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _named(address: PostgresAddress, error: LedgerUnavailable) -> LedgerUnavailable:
    return type(error)(f"{shown(address.url)}: {error.message}", retry_after=error.retry_after)
