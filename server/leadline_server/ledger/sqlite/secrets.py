"""The envelope keys of a SQLite ledger: rotation, and which secrets keys they need."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from leadline_server.domain.audit import OPERATOR, SERVER, AuditAction
from leadline_server.encryption.cipher import Place, encrypt
from leadline_server.ledger.documents import SECRETS, TOKENS, connection_name, event_field, opened
from leadline_server.ledger.sqlite.audit import note
from leadline_server.ledger.sqlite.encrypted_database import DocumentCipher, EncryptedDatabase
from leadline_server.ports.ledger import ACCOUNT_PREFIX
from leadline_server.ports.ledger.secrets import SecretsState
from leadline_server.storage.sqlite import SqliteDatabase


class SqliteSecrets:
    """Implements ports.ledger.Secrets."""

    def __init__(self, database: SqliteDatabase, encrypted: EncryptedDatabase) -> None:
        self._database = database
        self._encrypted = encrypted

    async def state(self) -> SecretsState:
        """The secrets keys that are in use."""
        return await self._database.read(read_secrets_state)

    async def use(self, key_id: str) -> None:
        """Encrypt new envelope keys with this secrets key from now on."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE ledger SET secrets_key_id = ?", (key_id,))
            note(connection, OPERATOR, SERVER, AuditAction.SECRETS_ROTATED, key_id)

        await self._database.write(change)

    async def owners(self, *, other_than: str) -> Sequence[str]:
        """The owners whose envelope keys another secrets key encrypts."""
        statement = "SELECT owner FROM envelope_keys WHERE secrets_key_id <> ? ORDER BY owner"
        rows = await self._database.read(lambda connection: connection.execute(statement, (other_than,)).fetchall())
        return [str(owner) for (owner,) in rows]

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


def read_secrets_state(connection: sqlite3.Connection) -> SecretsState:
    """The secrets keys that a ledger uses."""
    [(current,)] = connection.execute("SELECT secrets_key_id FROM ledger").fetchall()
    rows = connection.execute("SELECT DISTINCT secrets_key_id FROM envelope_keys").fetchall()
    return SecretsState(current or "", frozenset(str(key_id) for (key_id,) in rows))


def forget_secrets(connection: sqlite3.Connection, key_ids: Iterable[str]) -> None:
    """Drop all that needs one of these secrets keys."""
    for key_id in key_ids:
        owners = connection.execute("SELECT owner FROM envelope_keys WHERE secrets_key_id = ?", (key_id,)).fetchall()
        for (owner,) in owners:
            forget_owner(connection, str(owner))
        connection.execute("UPDATE ledger SET secrets_key_id = NULL WHERE secrets_key_id = ?", (key_id,))


def forget_owner(connection: sqlite3.Connection, owner: str) -> None:
    """Drop an owner's envelope key, and with it all that it encrypts."""
    connection.execute("UPDATE tokens SET document = NULL WHERE connection = ?", (connection_name(owner),))
    if owner.startswith(ACCOUNT_PREFIX):
        account_id = owner.removeprefix(ACCOUNT_PREFIX)
        connection.execute("DELETE FROM quarantine WHERE account_id = ?", (account_id,))
        connection.execute("DELETE FROM account_connections WHERE account_id = ?", (account_id,))
    connection.execute("DELETE FROM envelope_keys WHERE owner = ?", (owner,))


def _renew(connection: sqlite3.Connection, cipher: DocumentCipher, owner: str) -> int:
    documents = list(_documents(connection, owner))
    old, new = cipher.renew(owner)
    for document in documents:
        place = Place(owner, document.field)
        connection.execute(
            document.replace, (encrypt(new, place, opened(old, place, document.encrypted)), *document.where)
        )
    return len(documents)


def _documents(connection: sqlite3.Connection, owner: str) -> Iterator[_Document]:
    name = connection_name(owner)
    tokens = "SELECT document FROM tokens WHERE connection = ? AND document IS NOT NULL"
    for (encrypted,) in connection.execute(tokens, (name,)).fetchall():
        yield _Document(TOKENS, bytes(encrypted), "UPDATE tokens SET document = ? WHERE connection = ?", (name,))
    if not owner.startswith(ACCOUNT_PREFIX):
        return
    yield from _connection_secrets(connection, owner.removeprefix(ACCOUNT_PREFIX))
    account_id = owner.removeprefix(ACCOUNT_PREFIX)
    events = connection.execute("SELECT key, document FROM quarantine WHERE account_id = ?", (account_id,)).fetchall()
    for key, encrypted in events:
        replace = "UPDATE quarantine SET document = ? WHERE account_id = ? AND key = ?"
        yield _Document(event_field(bytes(key)), bytes(encrypted), replace, (account_id, key))


def _connection_secrets(connection: sqlite3.Connection, account_id: str) -> Iterator[_Document]:
    select = "SELECT document FROM account_connections WHERE account_id = ? AND length(document) > 0"
    for (encrypted,) in connection.execute(select, (account_id,)).fetchall():
        replace = "UPDATE account_connections SET document = ? WHERE account_id = ?"
        yield _Document(SECRETS, bytes(encrypted), replace, (account_id,))
