"""The connections of accounts in PostgreSQL, and what checks of connections found."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from leadline_server.domain.accounts import ConnectionCheck, OwnConnection
from leadline_server.domain.audit import LEADLINE, Actor, AuditAction
from leadline_server.ledger.account_rows import check_of, connection_changes, connection_of
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.documents import SECRETS
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.accounts import load_settings
from leadline_server.ledger.postgres.audit import count_of, note
from leadline_server.ledger.postgres.encrypted_database import PostgresDocumentCipher, PostgresEncryptedDatabase
from leadline_server.ledger.postgres.settings_versions import advance_settings
from leadline_server.ports.ledger import account_owner
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_GET: Final = """
    SELECT adapter, options, secret_names, document, revision, updated_at FROM account_connections WHERE account_id = $1
"""
_PUT: Final = """
    INSERT INTO account_connections (account_id, revision, adapter, options, secret_names, document, updated_at)
    SELECT account_id, version, $2, $3, $4, $5, $6 FROM accounts WHERE account_id = $1
    ON CONFLICT (account_id) DO UPDATE SET revision = excluded.revision, adapter = $2, options = $3,
    secret_names = $4, document = $5, updated_at = $6
"""
_DELETE: Final = "DELETE FROM account_connections WHERE account_id = $1"
_RECORD: Final = """
    INSERT INTO connection_checks AS c (connection, checked_at, succeeded_at, failed_at, error)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (connection) DO UPDATE SET checked_at = $2, succeeded_at = coalesce($3, c.succeeded_at),
    failed_at = coalesce($4, c.failed_at), error = CASE WHEN $4::bigint IS NULL THEN c.error ELSE $5 END
    RETURNING connection, checked_at, succeeded_at, failed_at, error
"""
_CHECKS: Final = "SELECT connection, checked_at, succeeded_at, failed_at, error FROM connection_checks"


class PostgresAccountConnections:
    """Implements ports.ledger.AccountConnections."""

    def __init__(self, database: PostgresEncryptedDatabase) -> None:
        self._database = database

    async def get(self, account_id: str, *, with_secrets: bool = False) -> OwnConnection | None:
        """An account's connection; None if it has none."""

        async def select(connection: Connection, cipher: PostgresDocumentCipher) -> OwnConnection | None:
            row = await connection.fetchrow(_GET, account_id)
            if row is None:
                return None
            document = row[3] if with_secrets else b""
            secrets = await cipher.decrypt(account_owner(account_id), SECRETS, document) if document else b"{}"
            return connection_of(row, json.loads(secrets))

        return await self._database.read(select)

    async def put(
        self, account_id: str, connection: OwnConnection, now: datetime, by: Actor = LEADLINE
    ) -> OwnConnection:
        """Replace it, and return it as stored, without its secrets. Raises AccountNotFound."""
        options, names = json.dumps(dict(connection.options)), json.dumps(sorted(connection.secrets))
        secrets = json.dumps(dict(connection.secrets)).encode() if connection.secrets else b""  # then no key is needed

        async def save(database: Connection, cipher: PostgresDocumentCipher) -> OwnConnection:
            await lock_account(database, account_id)
            await load_settings(database, account_id)
            await advance_settings(database, account_id)
            await _note_put(database, by, account_id, connection)
            await _drop_tokens(database, account_id)
            document = await cipher.encrypt(account_owner(account_id), SECRETS, secrets) if secrets else b""
            values = (account_id, connection.adapter, options, names, document, to_microseconds(now))
            await database.execute(_PUT, *values)
            return connection_of(await database.fetchrow(_GET, account_id), {})

        return await self._database.write(save)

    async def delete(self, account_id: str, by: Actor = LEADLINE) -> bool:
        """Remove it with its secrets and tokens; False if there was none."""

        async def remove(database: Connection, _: PostgresDocumentCipher) -> bool:
            await lock_account(database, account_id)
            is_gone = count_of(await database.execute(_DELETE, account_id)) == 1
            if is_gone:
                await note(database, by, account_id, AuditAction.CONNECTION_DELETED, account_owner(account_id))
                await _drop_tokens(database, account_id)
                await advance_settings(database, account_id)
            return is_gone

        return await self._database.write(remove)


class PostgresConnectionChecks:
    """Implements ports.ledger.ConnectionChecks."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def record(self, connection: str, now: datetime, error: str) -> ConnectionCheck:
        """Keep the result of a check; an empty `error` is a success."""
        at = to_microseconds(now)
        values = (connection, at, None if error else at, at if error else None, error)
        return check_of(await self._database.write(lambda database: database.fetchrow(_RECORD, *values)))

    async def get(self, connection: str) -> ConnectionCheck | None:
        """The last results; None if it was never checked."""
        rows = await self._database.fetch(f"{_CHECKS} WHERE connection = $1", connection)
        return check_of(rows[0]) if rows else None

    async def list(self, after: str, limit: int) -> Sequence[ConnectionCheck]:
        """At most `limit` results whose names follow `after`."""
        statement = f"{_CHECKS} WHERE connection > $1 ORDER BY connection LIMIT $2"
        return [check_of(row) for row in await self._database.fetch(statement, after, limit)]


async def _note_put(database: Connection, by: Actor, account_id: str, after: OwnConnection) -> None:
    """Note a new connection, or the names of what changes."""
    row = await database.fetchrow(_GET, account_id)
    changed = connection_changes(connection_of(row, {}) if row else None, after)
    action = AuditAction.CONNECTION_UPDATED if row else AuditAction.CONNECTION_CREATED
    await note(database, by, account_id, action, account_owner(account_id), fields=changed)


async def _drop_tokens(database: Connection, account_id: str) -> None:
    """Another CRM, or another grant, must not get tokens that were issued before."""
    await database.execute("DELETE FROM tokens WHERE connection = $1", account_owner(account_id))
    await database.execute("DELETE FROM connection_checks WHERE connection = $1", account_owner(account_id))
