"""The SQLite ledger: opening its file, and all its parts."""

import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from leadline_server.clock import SystemClock
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger.sqlite.account_connections import SqliteAccountConnections, SqliteConnectionChecks
from leadline_server.ledger.sqlite.account_data import SqliteAccountData
from leadline_server.ledger.sqlite.accounts import SqliteAccounts
from leadline_server.ledger.sqlite.audit import SqliteAudit
from leadline_server.ledger.sqlite.call_logs import SqliteCallLogs
from leadline_server.ledger.sqlite.claims import SqliteClaims
from leadline_server.ledger.sqlite.copy_mark import SqliteCopyMark
from leadline_server.ledger.sqlite.credentials import SqliteCredentials
from leadline_server.ledger.sqlite.encrypted_database import EncryptedDatabase
from leadline_server.ledger.sqlite.late_attempts import repair_late_attempts
from leadline_server.ledger.sqlite.placeholders import SqlitePlaceholders
from leadline_server.ledger.sqlite.preferences import SqlitePreferences
from leadline_server.ledger.sqlite.quarantine import SqliteQuarantine
from leadline_server.ledger.sqlite.rekeying import rekey_ledger
from leadline_server.ledger.sqlite.replicas import SqliteReplicas
from leadline_server.ledger.sqlite.requests import SqliteRequests
from leadline_server.ledger.sqlite.retention import SqliteRetention
from leadline_server.ledger.sqlite.secrets import SqliteSecrets
from leadline_server.ledger.sqlite.settings_cache import SettingsVersion, SharedVersions, open_versions
from leadline_server.ledger.sqlite.tokens import SqliteTokens
from leadline_server.ledger.sqlite.transactions import SqliteTransactions
from leadline_server.ledger.sqlite.users import SqliteUsers
from leadline_server.storage.sqlite import CHECKPOINT_AFTER, SqliteDatabase, open_database

MIGRATIONS: Final = "leadline_server.ledger.migrations.sqlite"

_SECRET_BYTES: Final = 32


class SqliteLedger:
    """Implements ports.ledger.Ledger. Opened by `open_sqlite_ledger`."""

    def __init__(
        self,
        database: SqliteDatabase,
        versions: SharedVersions,
        secret: bytes,
        keys: SecretsKeys | None = None,
    ) -> None:
        self._database = database
        encrypted = EncryptedDatabase(database, keys)
        self._secret = secret
        self._accounts = SqliteAccounts(database, versions.settings)
        self._account_data = SqliteAccountData(database, (versions.settings, versions.credentials))
        self._account_connections = SqliteAccountConnections(encrypted, versions.settings)
        self._connection_checks = SqliteConnectionChecks(database)
        self._settings_versions = versions.settings
        self._preferences = SqlitePreferences(database, versions.settings)
        self._users = SqliteUsers(database, versions.settings)
        self._credentials = SqliteCredentials(database, versions.credentials)
        self._call_logs = SqliteCallLogs(database)
        self._transactions = SqliteTransactions(database, self._preferences)
        self._claims = SqliteClaims(database)
        self._placeholders = SqlitePlaceholders(database)
        self._requests = SqliteRequests(database)
        self._tokens = SqliteTokens(database, encrypted)
        self._quarantine = SqliteQuarantine(database, encrypted)
        self._retention = SqliteRetention(database)
        self._audit = SqliteAudit(database)
        self._copy_mark = SqliteCopyMark(database)
        self._replicas = SqliteReplicas(database)
        self._secrets = SqliteSecrets(database, encrypted)

    @property
    def clock(self) -> SystemClock:
        """The machine's clock: all processes on a file are on one machine."""
        return SystemClock()

    @property
    def accounts(self) -> SqliteAccounts:
        """The accounts and their settings."""
        return self._accounts

    @property
    def account_data(self) -> SqliteAccountData:
        """The deletion of accounts."""
        return self._account_data

    @property
    def account_connections(self) -> SqliteAccountConnections:
        """The connections that accounts have of their own."""
        return self._account_connections

    @property
    def connection_checks(self) -> SqliteConnectionChecks:
        """The results of checks of connections."""
        return self._connection_checks

    @property
    def settings_versions(self) -> SettingsVersion:
        """The settings version of each account: all have the same."""
        return self._settings_versions

    @property
    def preferences(self) -> SqlitePreferences:
        """The preferences of users."""
        return self._preferences

    @property
    def users(self) -> SqliteUsers:
        """The directory's users."""
        return self._users

    @property
    def credentials(self) -> SqliteCredentials:
        """The API keys and the denied tokens."""
        return self._credentials

    @property
    def call_logs(self) -> SqliteCallLogs:
        """The call logs."""
        return self._call_logs

    @property
    def transactions(self) -> SqliteTransactions:
        """Transactions over several parts, for a CRM that lives in the ledger."""
        return self._transactions

    @property
    def claims(self) -> SqliteClaims:
        """The claims on numbers."""
        return self._claims

    @property
    def placeholders(self) -> SqlitePlaceholders:
        """The placeholders that calls created, and the replays."""
        return self._placeholders

    @property
    def requests(self) -> SqliteRequests:
        """The answers by request id."""
        return self._requests

    @property
    def tokens(self) -> SqliteTokens:
        """The OAuth tokens of the CRMs' connections."""
        return self._tokens

    @property
    def quarantine(self) -> SqliteQuarantine:
        """Events of phone systems that cannot be stored."""
        return self._quarantine

    @property
    def retention(self) -> SqliteRetention:
        """Deleting old records."""
        return self._retention

    @property
    def audit(self) -> SqliteAudit:
        """The audit trail."""
        return self._audit

    @property
    def copy_mark(self) -> SqliteCopyMark:
        """Whether this ledger is a restored copy."""
        return self._copy_mark

    @property
    def replicas(self) -> SqliteReplicas:
        """The servers that work on this ledger."""
        return self._replicas

    @property
    def secrets(self) -> SqliteSecrets:
        """The envelope keys, for rotation."""
        return self._secrets

    @property
    def storage(self) -> SqliteDatabase:
        """The database, for a CRM that lives in it."""
        return self._database

    @property
    def secret(self) -> bytes:
        """32 random bytes for signing tokens, made with the file."""
        return self._secret

    async def check(self) -> None:
        """Write one row, synced to disk, and read it on the reader's connection."""
        await self._database.write(lambda connection: connection.execute("UPDATE ledger SET checks = checks + 1"))
        await self._database.read(lambda connection: connection.execute("SELECT checks FROM ledger").fetchall())


@asynccontextmanager
async def open_sqlite_ledger(
    path: Path,
    keys: SecretsKeys | None = None,
    *,
    checkpoint_after: int = CHECKPOINT_AFTER,
    make: Callable[..., SqliteDatabase] | None = None,
) -> AsyncIterator[SqliteLedger]:
    """The ledger in the file `path`, closed with its threads at the end. A missing file is created with mode 0600.

    `keys` are the secrets keys, read at the first need; without them, what is encrypted cannot be used.
    `checkpoint_after` is in changed rows, and `make` makes the database, as for `open_database`.

    Raises:
        LedgerUnavailable: the file cannot be used, is not a database, is damaged, or belongs to a newer leadline. The
            message has the path and says what to do.
    """
    async with AsyncExitStack() as stack:
        database = await open_database(path, migrations=MIGRATIONS, checkpoint_after=checkpoint_after, make=make)
        stack.push_async_callback(database.close)
        try:
            secret = await database.write(_ensure_secret)
            versions = open_versions(path)
            stack.callback(versions.close)
            await database.write(versions.publish)
            await rekey_ledger(database, versions.settings)
            await database.write(repair_late_attempts)
        except LedgerUnavailable as error:
            raise type(error)(f"{path}: {error.message}", retry_after=error.retry_after) from error
        yield SqliteLedger(
            database,
            versions,
            secret,
            keys,
        )


def _ensure_secret(connection: sqlite3.Connection) -> bytes:
    statement = "INSERT INTO ledger (id, secret, key_version) VALUES (1, ?, ?) ON CONFLICT DO NOTHING"
    connection.execute(statement, (secrets.token_bytes(_SECRET_BYTES), KEY_VERSION))
    [(secret,)] = connection.execute("SELECT secret FROM ledger").fetchall()
    return bytes(secret)
