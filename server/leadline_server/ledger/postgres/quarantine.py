"""The quarantine in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.documents import event_field
from leadline_server.ledger.postgres.account_lock import lock_account
from leadline_server.ledger.postgres.encrypted_database import PostgresDocumentCipher, PostgresEncryptedDatabase
from leadline_server.ledger.quarantine_rows import beyond, event_of
from leadline_server.ports.ledger import QuarantinedEvent, account_owner
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_PUT: Final = """
    INSERT INTO quarantine (account_id, key, route, received_at, reason, document) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id, key) DO UPDATE
    SET received_at = excluded.received_at, reason = excluded.reason, document = excluded.document
"""
_SIZES: Final = """
    SELECT key, octet_length(document) FROM quarantine WHERE account_id = $1 ORDER BY received_at DESC, key
"""
_DROP: Final = "DELETE FROM quarantine WHERE account_id = $1 AND key = ANY($2::bytea[])"
_LIST: Final = """
    SELECT account_id, route, key, received_at, reason FROM quarantine
    WHERE $1 IN ('', account_id) ORDER BY received_at DESC, account_id, key LIMIT $2
"""
_DOCUMENT: Final = "SELECT document FROM quarantine WHERE account_id = $1 AND key = $2"


class PostgresQuarantine:
    """Implements ports.ledger.Quarantine."""

    def __init__(self, database: PostgresDatabase, encrypted: PostgresEncryptedDatabase) -> None:
        self._database = database
        self._encrypted = encrypted

    async def put(self, event: QuarantinedEvent, most_events: int, most_bytes: int) -> int:
        """Keep an event, and drop the account's oldest ones beyond the limits."""
        account_id = event.account_id
        values = (account_id, event.key, event.route, to_microseconds(event.received_at), event.reason)

        async def insert(connection: Connection, cipher: PostgresDocumentCipher) -> int:
            await lock_account(connection, account_id)
            document = await cipher.encrypt(account_owner(account_id), event_field(event.key), event.document)
            await connection.execute(_PUT, *values, document)
            dropped = beyond(await connection.fetch(_SIZES, account_id), most_events, most_bytes)
            await connection.execute(_DROP, account_id, dropped)
            return len(dropped)

        return await self._encrypted.write(insert)

    async def list(self, account_id: str, limit: int) -> Sequence[QuarantinedEvent]:
        """The newest events of an account, or of all, without their documents."""
        return [event_of(row) for row in await self._database.fetch(_LIST, account_id, limit)]

    async def document(self, account_id: str, key: bytes) -> bytes | None:
        """The document of an event; None if there is no such event. Raises KeyMissing, SecretDamaged."""

        async def select(connection: Connection, cipher: PostgresDocumentCipher) -> bytes | None:
            document = await connection.fetchval(_DOCUMENT, account_id, key)
            if document is None:
                return None
            return await cipher.decrypt(account_owner(account_id), event_field(key), document)

        return await self._encrypted.read(select)
