"""Tokens at rest: sealed with a key that is not in the ledger, so that a copy of the ledger opens no CRM."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.ports.ledger import TokenStore


class EncryptedTokens:
    """A TokenStore over another one, which sees ciphertext alone.

    Args:
        inner: where the ciphertext is kept.
        key: gives a Fernet key (AES-128-CBC with HMAC-SHA256); asked when there is something to seal or open, so that
            who has no tokens needs no key.
    """

    def __init__(self, inner: TokenStore, key: Callable[[], bytes]) -> None:
        self._inner = inner
        self._key = key

    async def get(self, connection: str) -> bytes | None:
        """The document; None too where it was sealed with another key: then the tokens are got anew."""
        sealed = await self._inner.get(connection)
        try:
            return None if sealed is None else Fernet(self._key()).decrypt(sealed)
        except InvalidToken:
            return None

    async def acquire(self, connection: str, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """See ports.ledger.TokenStore; so for all that follows."""
        return await self._inner.acquire(connection, lease_owner, now, lease_until)

    async def put(self, connection: str, lease_owner: str, document: bytes) -> None:
        """Replace the document."""
        await self._inner.put(connection, lease_owner, Fernet(self._key()).encrypt(document))

    async def release(self, connection: str, lease_owner: str) -> None:
        """Give the lease up."""
        await self._inner.release(connection, lease_owner)


def load_key(path: Path) -> bytes:
    """The key in a file, which is made with mode 0600 where it is missing, by one of all who look at once.

    Raises:
        LedgerUnavailable: there is no key in it, or it can be neither read nor made.
    """
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes().strip()
        Fernet(key)
    except ValueError:
        raise LedgerUnavailable(f"{path} holds no key. Put it back from a backup, or move it away.") from None
    except OSError as error:
        raise LedgerUnavailable(f"{path} cannot be used ({error.strerror}). Check its permissions.") from error
    return key


def _make(path: Path) -> None:
    """Write a new key under another name first: whoever finds the file finds all of it."""
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
