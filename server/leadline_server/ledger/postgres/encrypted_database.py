"""Encrypted documents of the ledger: encrypted and opened in the transaction that writes or reads them.

So a rotation of keys, which is a transaction too, can never come between an encryption and its commit: the ledger is
readable at any instant, also when a process ends in the middle. An owner's transactions lock its envelope key.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from leadline_server.domain.ledger_errors import SecretDamaged
from leadline_server.encryption.cipher import Key, Place, encrypt, key_of, new_key
from leadline_server.encryption.key_ring import KeyRing
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger.documents import ENVELOPE, NoKeys, opened
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

T = TypeVar("T")

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('secrets ' || $1, 0))"
_ENVELOPE: Final = "SELECT secrets_key_id, document FROM envelope_keys WHERE owner = $1"
_CREATE: Final = """
    INSERT INTO envelope_keys (owner, secrets_key_id, document) VALUES ($1, $2, $3)
    ON CONFLICT (owner) DO UPDATE SET secrets_key_id = excluded.secrets_key_id, document = excluded.document
"""
_CURRENT: Final = "SELECT secrets_key_id FROM ledger FOR UPDATE"
_USE: Final = "UPDATE ledger SET secrets_key_id = $1"


class PostgresDocumentCipher:
    """Encrypts and opens documents in one transaction. It raises UnknownKey if the ring lacks a key that it needs."""

    def __init__(self, connection: Connection, ring: KeyRing) -> None:
        self._connection = connection
        self._ring = ring

    async def encrypt(self, owner: str, field: str, document: bytes) -> bytes:
        """Encrypt a document of an owner. The owner's envelope key is created with the first one."""
        await lock_owner(self._connection, owner)
        return encrypt(await self._envelope_key(owner) or await self._created(owner), Place(owner, field), document)

    async def decrypt(self, owner: str, field: str, encrypted: bytes) -> bytes:
        """The document. Raises SecretDamaged if it was changed, or belongs to another place."""
        key = await self._envelope_key(owner)
        if key is None:
            raise SecretDamaged(owner)
        return opened(key, Place(owner, field), encrypted)

    async def renew(self, owner: str) -> tuple[Key, Key]:
        """Replace the envelope key of an owner, which the caller has locked; returns the old one and the new one."""
        old = await self._envelope_key(owner)
        if old is None:
            raise SecretDamaged(owner)
        return old, await self._created(owner)

    async def _envelope_key(self, owner: str) -> Key | None:
        row = await self._connection.fetchrow(_ENVELOPE, owner)
        if row is None:
            return None
        key_id, document = row
        return key_of(opened(self._ring.get(key_id), Place(owner, ENVELOPE), document))

    async def _created(self, owner: str) -> Key:
        secrets_key, key = await self._current(), new_key()
        document = encrypt(secrets_key, Place(owner, ENVELOPE), key.value)
        await self._connection.execute(_CREATE, owner, secrets_key.id, document)
        return key

    async def _current(self) -> Key:
        """The key for new envelope keys. The ledger names it, so that all processes use the same."""
        key_id = await self._connection.fetchval(_CURRENT)
        if key_id is not None:
            return self._ring.get(key_id)
        await self._connection.execute(_USE, self._ring.first.id)
        return self._ring.first


class PostgresEncryptedDatabase:
    """A database with encrypted documents.

    Args:
        database: the database.
        keys: the secrets keys; None: what is encrypted can be neither read nor written.
    """

    def __init__(self, database: PostgresDatabase, keys: SecretsKeys | None) -> None:
        self._database = database
        self._keys = keys or SecretsKeys(NoKeys())

    async def write(self, work: Callable[[Connection, PostgresDocumentCipher], Awaitable[T]]) -> T:
        """As PostgresDatabase.write. Also raises KeyMissing and SecretDamaged."""
        return await self._keys.used_by(
            lambda ring: self._database.write(
                lambda connection: work(connection, PostgresDocumentCipher(connection, ring))
            )
        )

    async def read(self, work: Callable[[Connection, PostgresDocumentCipher], Awaitable[T]]) -> T:
        """As PostgresDatabase.read, from one snapshot. Also raises KeyMissing and SecretDamaged."""

        async def in_snapshot(connection: Connection, ring: KeyRing) -> T:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await work(connection, PostgresDocumentCipher(connection, ring))

        return await self._keys.used_by(
            lambda ring: self._database.read(lambda connection: in_snapshot(connection, ring))
        )


async def lock_owner(connection: Connection, owner: str) -> None:
    """Let no other transaction encrypt an owner's documents, or renew its envelope key, until this one ends."""
    await connection.execute(_LOCK, owner)
