"""OAuth tokens at rest, encrypted with a key outside the ledger: a copy of the ledger alone opens no CRM."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.ports.ledger import TokenStore


class EncryptedTokens:
    """A TokenStore that encrypts documents and stores them in another one.

    Args:
        inner: stores the ciphertext.
        key: returns a Fernet key (AES-128-CBC with HMAC-SHA256). It is called for the first token only, so an
            installation without tokens needs no key.
    """

    def __init__(self, inner: TokenStore, key: Callable[[], bytes]) -> None:
        self._inner = inner
        self._key = key

    async def get(self, connection: str) -> bytes | None:
        """The document. None also if it was encrypted with another key: then new tokens are requested."""
        encrypted = await self._inner.get(connection)
        try:
            return None if encrypted is None else Fernet(self._key()).decrypt(encrypted)
        except InvalidToken:
            return None

    async def acquire(self, connection: str, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """See ports.ledger.TokenStore, also for the methods below."""
        return await self._inner.acquire(connection, lease_owner, now, lease_until)

    async def put(self, connection: str, lease_owner: str, document: bytes) -> None:
        """Replace the document."""
        await self._inner.put(connection, lease_owner, Fernet(self._key()).encrypt(document))

    async def release(self, connection: str, lease_owner: str) -> None:
        """Release the lease."""
        await self._inner.release(connection, lease_owner)


def load_key(path: Path) -> bytes:
    """The key in a file. A missing file is created with mode 0600, by one process only if several start at once.

    Raises:
        LedgerUnavailable: the file has no key, or can be neither read nor created.
    """
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes().strip()
        Fernet(key)
    except ValueError:
        raise LedgerUnavailable(f"{path} has no key. Restore it from a backup, or move it away.") from None
    except OSError as error:
        raise LedgerUnavailable(f"{path} cannot be used ({error.strerror}). Check its permissions.") from error
    return key


def _make(path: Path) -> None:
    """Write the key to another name first, so that a file of the final name is always complete."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(partial)
        except FileExistsError:
            return
    finally:
        partial.unlink(missing_ok=True)
