"""The OAuth tokens of connections in PostgreSQL."""

from datetime import datetime
from typing import Final

from leadline_server.domain.ledger_errors import StandbyLedger
from leadline_server.ledger.codec import to_microseconds
from leadline_server.ledger.documents import TOKENS
from leadline_server.ledger.postgres.audit import count_of
from leadline_server.ledger.postgres.copy_mark import is_standby
from leadline_server.ledger.postgres.encrypted_database import PostgresDocumentCipher, PostgresEncryptedDatabase
from leadline_server.ports.ledger import connection_owner
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_GET: Final = "SELECT document FROM tokens WHERE connection = $1"
_ACQUIRE: Final = """
    INSERT INTO tokens AS t (connection, lease_owner, lease_until) VALUES ($1, $2, $3)
    ON CONFLICT (connection) DO UPDATE SET lease_owner = $2, lease_until = $3
    WHERE t.lease_owner IS NULL OR t.lease_owner = $2 OR t.lease_until <= $4
"""
_PUT: Final = """
    INSERT INTO tokens (connection, document) VALUES ($1, $2)
    ON CONFLICT (connection) DO UPDATE SET document = excluded.document
"""
_RELEASE: Final = """
    UPDATE tokens SET lease_owner = NULL, lease_until = NULL WHERE connection = $1 AND lease_owner = $2
"""


class PostgresTokens:
    """Implements ports.ledger.TokenStore."""

    def __init__(self, database: PostgresDatabase, encrypted: PostgresEncryptedDatabase) -> None:
        self._database = database
        self._encrypted = encrypted

    async def get(self, connection: str) -> bytes | None:
        """The document of a connection; None if none was stored."""

        async def select(database: Connection, cipher: PostgresDocumentCipher) -> bytes | None:
            encrypted = await database.fetchval(_GET, connection)
            return None if encrypted is None else await cipher.decrypt(connection_owner(connection), TOKENS, encrypted)

        return await self._encrypted.read(select)

    async def acquire(self, connection: str, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """Acquire the lease of a connection; False if another process holds it. Raises StandbyLedger."""
        values = (connection, lease_owner, to_microseconds(lease_until), to_microseconds(now))

        async def lease(database: Connection) -> bool:
            if await is_standby(database):
                raise StandbyLedger
            return count_of(await database.execute(_ACQUIRE, *values)) == 1

        return await self._database.write(lease)

    async def put(self, connection: str, lease_owner: str, document: bytes) -> None:
        """Replace the document, and release the lease if `lease_owner` holds it."""

        async def save(database: Connection, cipher: PostgresDocumentCipher) -> None:
            encrypted = await cipher.encrypt(connection_owner(connection), TOKENS, document)
            await database.execute(_PUT, connection, encrypted)
            await database.execute(_RELEASE, connection, lease_owner)

        await self._encrypted.write(save)

    async def release(self, connection: str, lease_owner: str) -> None:
        """Release the lease and keep the document."""
        await self._database.write(lambda database: database.execute(_RELEASE, connection, lease_owner))
