"""Encrypted documents of the ledger: encrypted and opened in the transaction that writes or reads them.

So a rotation of keys, which is a transaction too, can never come between an encryption and its commit: the ledger is
readable at any instant, also when a process ends in the middle.
"""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from leadline_server.domain.ledger_errors import SecretDamaged
from leadline_server.encryption.cipher import Key, Place, encrypt, key_of, new_key
from leadline_server.encryption.key_ring import KeyRing
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger.documents import ENVELOPE, NoKeys, opened
from leadline_server.storage.sqlite import SqliteDatabase

T = TypeVar("T")


class DocumentCipher:
    """Encrypts and opens documents in one transaction. It raises UnknownKey if the ring lacks a key that it needs."""

    def __init__(self, connection: sqlite3.Connection, ring: KeyRing) -> None:
        self._connection = connection
        self._ring = ring

    def encrypt(self, owner: str, field: str, document: bytes) -> bytes:
        """Encrypt a document of an owner. The owner's envelope key is created with the first one."""
        return encrypt(self._envelope_key(owner) or self._created(owner), Place(owner, field), document)

    def decrypt(self, owner: str, field: str, encrypted: bytes) -> bytes:
        """The document. Raises SecretDamaged if it was changed, or belongs to another place."""
        key = self._envelope_key(owner)
        if key is None:
            raise SecretDamaged(owner)
        return opened(key, Place(owner, field), encrypted)

    def renew(self, owner: str) -> tuple[Key, Key]:
        """Replace the envelope key of an owner; returns the old one and the new one."""
        old = self._envelope_key(owner)
        if old is None:
            raise SecretDamaged(owner)
        return old, self._created(owner)

    def _envelope_key(self, owner: str) -> Key | None:
        statement = "SELECT secrets_key_id, document FROM envelope_keys WHERE owner = ?"
        rows = self._connection.execute(statement, (owner,)).fetchall()
        if not rows:
            return None
        key_id, document = rows[0]
        return key_of(opened(self._ring.get(key_id), Place(owner, ENVELOPE), bytes(document)))

    def _created(self, owner: str) -> Key:
        secrets_key, key = self._current(), new_key()
        self._connection.execute(
            "INSERT INTO envelope_keys (owner, secrets_key_id, document) VALUES (?1, ?2, ?3)"
            " ON CONFLICT DO UPDATE SET secrets_key_id = ?2, document = ?3",
            (owner, secrets_key.id, encrypt(secrets_key, Place(owner, ENVELOPE), key.value)),
        )
        return key

    def _current(self) -> Key:
        """The key for new envelope keys. The ledger names it, so that all processes use the same."""
        [(key_id,)] = self._connection.execute("SELECT secrets_key_id FROM ledger").fetchall()
        if key_id is not None:
            return self._ring.get(key_id)
        self._connection.execute("UPDATE ledger SET secrets_key_id = ?", (self._ring.first.id,))
        return self._ring.first


class EncryptedDatabase:
    """A database with encrypted documents.

    Args:
        database: the database.
        keys: the secrets keys; None: what is encrypted can be neither read nor written.
    """

    def __init__(self, database: SqliteDatabase, keys: SecretsKeys | None) -> None:
        self._database = database
        self._keys = keys or SecretsKeys(NoKeys())

    async def write(self, work: Callable[[sqlite3.Connection, DocumentCipher], T]) -> T:
        """As SqliteDatabase.write. Also raises KeyMissing and SecretDamaged."""
        return await self._keys.used_by(
            lambda ring: self._database.write(lambda connection: work(connection, DocumentCipher(connection, ring)))
        )

    async def read(self, work: Callable[[sqlite3.Connection, DocumentCipher], T]) -> T:
        """As SqliteDatabase.read. Also raises KeyMissing and SecretDamaged."""
        return await self._keys.used_by(
            lambda ring: self._database.read(lambda connection: work(connection, DocumentCipher(connection, ring)))
        )
