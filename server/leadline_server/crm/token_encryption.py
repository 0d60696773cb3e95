"""OAuth tokens at rest, encrypted with a key outside the ledger: a copy of the ledger alone opens no CRM."""

from collections.abc import Callable
from datetime import datetime

from leadline_server.domain.errors import CrmUnavailable, KeyMissing, LedgerUnavailable, StandbyLedger
from leadline_server.domain.request_not_sent import CrmNotUsed
from leadline_server.encryption import decrypt, encrypt
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
        return None if encrypted is None else decrypt(self._key(), encrypted)

    async def acquire(self, connection: str, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """See ports.ledger.TokenStore, also for the methods below."""
        return await self._inner.acquire(connection, lease_owner, now, lease_until)

    async def put(self, connection: str, lease_owner: str, document: bytes) -> None:
        """Replace the document."""
        await self._inner.put(connection, lease_owner, encrypt(self._key(), document))

    async def release(self, connection: str, lease_owner: str) -> None:
        """Release the lease."""
        await self._inner.release(connection, lease_owner)


def unusable_tokens(error: LedgerUnavailable, done: str) -> CrmUnavailable:
    """The adapter's error for tokens that cannot be `done`: read or stored."""
    if isinstance(error, StandbyLedger | KeyMissing):
        return CrmNotUsed(error.message)
    return CrmUnavailable(f"The CRM's tokens cannot be {done} at the moment.", retry_after=1)
