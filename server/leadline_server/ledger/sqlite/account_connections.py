"""The connections of accounts in SQLite, and what checks of connections found."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from leadline_server.domain.accounts import ConnectionCheck, OwnConnection
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction
from leadline_server.ledger.account_rows import check_of, connection_changes, connection_of
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.documents import SECRETS
from leadline_server.ledger.sqlite.accounts import load_settings
from leadline_server.ledger.sqlite.audit import note
from leadline_server.ledger.sqlite.encrypted_database import DocumentCipher, EncryptedDatabase
from leadline_server.ledger.sqlite.settings_cache import SettingsVersion, read_settings_version
from leadline_server.ports.ledger import account_owner
from leadline_server.storage.sqlite import SqliteDatabase

_GET: Final = """
    SELECT adapter, options, secret_names, document, revision, updated_at FROM account_connections WHERE account_id = ?
"""
_PUT: Final = """
    INSERT INTO account_connections (account_id, revision, adapter, options, secret_names, document, updated_at)
    VALUES (:account_id, :revision, :adapter, :options, :secret_names, :document, :now)
    ON CONFLICT DO UPDATE SET revision = :revision, adapter = :adapter, options = :options,
    secret_names = :secret_names, document = :document, updated_at = :now
"""
_RECORD: Final = """
    INSERT INTO connection_checks (connection, checked_at, succeeded_at, failed_at, error)
    VALUES (:connection, :now, :succeeded, :failed, :error)
    ON CONFLICT DO UPDATE SET checked_at = :now, succeeded_at = coalesce(:succeeded, succeeded_at),
    failed_at = coalesce(:failed, failed_at), error = CASE WHEN :failed IS NULL THEN error ELSE :error END
    RETURNING connection, checked_at, succeeded_at, failed_at, error
"""
_CHECKS: Final = "SELECT connection, checked_at, succeeded_at, failed_at, error FROM connection_checks"


class SqliteAccountConnections:
    """Implements ports.ledger.AccountConnections."""

    def __init__(self, database: EncryptedDatabase, version: SettingsVersion) -> None:
        self._database = database
        self._version = version

    async def get(self, account_id: str, *, with_secrets: bool = False) -> OwnConnection | None:
        """An account's connection; None if it has none."""

        def select(connection: sqlite3.Connection, cipher: DocumentCipher) -> OwnConnection | None:
            rows = connection.execute(_GET, (account_id,)).fetchall()
            if not rows:
                return None
            document = bytes(rows[0][3]) if with_secrets else b""
            secrets = cipher.decrypt(account_owner(account_id), SECRETS, document) if document else b"{}"
            return connection_of(rows[0], json.loads(secrets))

        return await self._database.read(select)

    async def put(
        self, account_id: str, connection: OwnConnection, now: datetime, by: Actor = LEADLINE
    ) -> OwnConnection:
        """Replace it, and return it as stored, without its secrets. Raises AccountNotFound."""
        options = json.dumps(dict(connection.options))
        secrets = json.dumps(dict(connection.secrets)).encode() if connection.secrets else b""  # then no key is needed

        def save(database: sqlite3.Connection, cipher: DocumentCipher) -> OwnConnection:
            load_settings(database, account_id)
            _note_put(database, by, account_id, connection)
            self._version.advance(database)
            revision = read_settings_version(database)
            _drop_tokens(database, account_id)
            values = {
                "account_id": account_id,
                "revision": revision,
                "adapter": connection.adapter,
                "options": options,
                "secret_names": json.dumps(sorted(connection.secrets)),
                "document": cipher.encrypt(account_owner(account_id), SECRETS, secrets) if secrets else b"",
                "now": to_microseconds(now),
            }
            database.execute(_PUT, values)
            return connection_of(database.execute(_GET, (account_id,)).fetchall()[0], {})

        return await self._database.write(save)

    async def delete(self, account_id: str, by: Actor = LEADLINE) -> bool:
        """Remove it with its secrets and tokens; False if there was none."""

        def remove(database: sqlite3.Connection, _: DocumentCipher) -> bool:
            statement = "DELETE FROM account_connections WHERE account_id = ?"
            is_gone = database.execute(statement, (account_id,)).rowcount == 1
            if is_gone:
                note(database, by, account_id, AuditAction.CONNECTION_DELETED, account_owner(account_id))
                _drop_tokens(database, account_id)
                self._version.advance(database)
            return is_gone

        return await self._database.write(remove)


class SqliteConnectionChecks:
    """Implements ports.ledger.ConnectionChecks."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def record(self, connection: str, now: datetime, error: str) -> ConnectionCheck:
        """Keep the result of a check; an empty `error` is a success."""
        at = to_microseconds(now)
        values = {
            "connection": connection,
            "now": at,
            "succeeded": None if error else at,
            "failed": at if error else None,
            "error": error,
        }
        return await self._database.write(lambda database: check_of(database.execute(_RECORD, values).fetchall()[0]))

    async def get(self, connection: str) -> ConnectionCheck | None:
        """The last results; None if it was never checked."""
        statement = f"{_CHECKS} WHERE connection = ?"
        rows = await self._database.read(lambda database: database.execute(statement, (connection,)).fetchall())
        return check_of(rows[0]) if rows else None

    async def list(self, after: str, limit: int) -> Sequence[ConnectionCheck]:
        """At most `limit` results whose names follow `after`."""
        statement = f"{_CHECKS} WHERE connection > ? ORDER BY connection LIMIT ?"
        rows = await self._database.read(lambda database: database.execute(statement, (after, limit)).fetchall())
        return [check_of(row) for row in rows]


def _note_put(database: sqlite3.Connection, by: Actor, account_id: str, after: OwnConnection) -> None:
    """Note a new connection, or the names of what changes. All secrets count as changed: no old value is read."""
    rows = database.execute(_GET, (account_id,)).fetchall()
    changed = connection_changes(connection_of(rows[0], {}) if rows else None, after)
    action = AuditAction.CONNECTION_UPDATED if rows else AuditAction.CONNECTION_CREATED
    note(database, by, account_id, action, account_owner(account_id), fields=changed)


def _drop_tokens(database: sqlite3.Connection, account_id: str) -> None:
    """Another CRM, or another grant, must not get tokens that were issued before."""
    database.execute("DELETE FROM tokens WHERE connection = ?", (account_owner(account_id),))
    database.execute("DELETE FROM connection_checks WHERE connection = ?", (account_owner(account_id),))
