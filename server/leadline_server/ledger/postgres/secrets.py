"""The envelope keys of a PostgreSQL ledger: rotation, and which secrets keys they need."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from leadline_server.domain.audit import OPERATOR, SERVER, AuditAction
from leadline_server.encryption.cipher import Place, encrypt
from leadline_server.ledger.documents import SECRETS, TOKENS, connection_name, event_field, opened
from leadline_server.ledger.postgres.audit import note
from leadline_server.ledger.postgres.encrypted_database import (
    PostgresDocumentCipher,
    PostgresEncryptedDatabase,
    lock_owner,
)
from leadline_server.ports.ledger import ACCOUNT_PREFIX
from leadline_server.ports.ledger.secrets import SecretsState
from leadline_server.storage.postgres.database import Connection, PostgresDatabase

_STATE: Final = "SELECT secrets_key_id FROM ledger"
_NEEDED: Final = "SELECT DISTINCT secrets_key_id FROM envelope_keys"
_OWNERS: Final = "SELECT owner FROM envelope_keys WHERE secrets_key_id <> $1 ORDER BY owner"
_TOKENS: Final = "SELECT document FROM tokens WHERE connection = $1 AND document IS NOT NULL"
_EVENTS: Final = "SELECT key, document FROM quarantine WHERE account_id = $1"
_SECRETS: Final = "SELECT document FROM account_connections WHERE account_id = $1 AND octet_length(document) > 0"


class PostgresSecrets:
    """Implements ports.ledger.Secrets."""

    def __init__(self, database: PostgresDatabase, encrypted: PostgresEncryptedDatabase) -> None:
        self._database = database
        self._encrypted = encrypted

    async def state(self) -> SecretsState:
        """The secrets keys that are in use."""
        return await self._database.read(_read_state)

    async def use(self, key_id: str) -> None:
        """Encrypt new envelope keys with this secrets key from now on."""
        statement = "UPDATE ledger SET secrets_key_id = $1"

        async def change(connection: Connection) -> None:
            await connection.execute(statement, key_id)
            await note(connection, OPERATOR, SERVER, AuditAction.SECRETS_ROTATED, key_id)

        await self._database.write(change)

    async def owners(self, *, other_than: str) -> Sequence[str]:
        """The owners whose envelope keys another secrets key encrypts."""
        return [owner for (owner,) in await self._database.fetch(_OWNERS, other_than)]

    async def renew(self, owner: str) -> int:
        """Give an owner another envelope key, and encrypt its documents again. Returns how many there are."""
        return await self._encrypted.write(lambda connection, cipher: _renew(connection, cipher, owner))


@dataclass(frozen=True, slots=True)
class _Document:
    """One encrypted document, and how to replace it."""

    field: str
    encrypted: bytes
    replace: str
    where: tuple[object, ...]


async def _read_state(connection: Connection) -> SecretsState:
    current = await connection.fetchval(_STATE)
    needed = await connection.fetch(_NEEDED)
    return SecretsState(current or "", frozenset(key_id for (key_id,) in needed))


async def forget_secrets(connection: Connection, key_ids: Iterable[str]) -> None:
    """Drop all that needs one of these secrets keys."""
    for key_id in key_ids:
        owners = await connection.fetch("SELECT owner FROM envelope_keys WHERE secrets_key_id = $1", key_id)
        for (owner,) in owners:
            await forget_owner(connection, owner)
        await connection.execute("UPDATE ledger SET secrets_key_id = NULL WHERE secrets_key_id = $1", key_id)


async def forget_owner(connection: Connection, owner: str) -> None:
    """Drop an owner's envelope key, and with it all that it encrypts."""
    await lock_owner(connection, owner)
    await connection.execute("UPDATE tokens SET document = NULL WHERE connection = $1", connection_name(owner))
    if owner.startswith(ACCOUNT_PREFIX):
        account_id = owner.removeprefix(ACCOUNT_PREFIX)
        await connection.execute("DELETE FROM quarantine WHERE account_id = $1", account_id)
        await connection.execute("DELETE FROM account_connections WHERE account_id = $1", account_id)
    await connection.execute("DELETE FROM envelope_keys WHERE owner = $1", owner)


async def _renew(connection: Connection, cipher: PostgresDocumentCipher, owner: str) -> int:
    await lock_owner(connection, owner)
    documents = [document async for document in _documents(connection, owner)]
    old, new = await cipher.renew(owner)
    for document in documents:
        place = Place(owner, document.field)
        renewed = encrypt(new, place, opened(old, place, document.encrypted))
        await connection.execute(document.replace, renewed, *document.where)
    return len(documents)


async def _documents(connection: Connection, owner: str) -> AsyncIterator[_Document]:
    name = connection_name(owner)
    for (encrypted,) in await connection.fetch(_TOKENS, name):
        yield _Document(TOKENS, encrypted, "UPDATE tokens SET document = $1 WHERE connection = $2", (name,))
    if not owner.startswith(ACCOUNT_PREFIX):
        return
    account_id = owner.removeprefix(ACCOUNT_PREFIX)
    for (encrypted,) in await connection.fetch(_SECRETS, account_id):
        replace = "UPDATE account_connections SET document = $1 WHERE account_id = $2"
        yield _Document(SECRETS, encrypted, replace, (account_id,))
    for key, encrypted in await connection.fetch(_EVENTS, account_id):
        replace = "UPDATE quarantine SET document = $1 WHERE account_id = $2 AND key = $3"
        yield _Document(event_field(key), encrypted, replace, (account_id, key))
