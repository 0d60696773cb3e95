"""The port to where OAuth tokens are kept: whoever rotates one must have the new one on disk before it is used."""

from datetime import datetime
from typing import Protocol


class TokenStore(Protocol):
    """One opaque document a connection, and a lease on it, so that one process at a time refreshes its tokens.

    What changes is on disk when a method returns. Failures are LedgerUnavailable, and then nothing was changed.
    """

    async def get(self, connection: str) -> bytes | None:
        """The document of a connection; None if none was ever put."""
        ...

    async def lease(self, connection: str, owner: str, now: datetime, until: datetime) -> bool:
        """Take the lease of a connection up to `until`; False, changing nothing, while another owner has it."""
        ...

    async def put(self, connection: str, owner: str, document: bytes) -> None:
        """Replace the document, and give the lease up if it is `owner`'s."""
        ...

    async def release(self, connection: str, owner: str) -> None:
        """Give the lease up, leaving the document; nothing changes if it is not `owner`'s."""
        ...
