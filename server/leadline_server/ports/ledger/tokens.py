"""The ledger's OAuth tokens. A refreshed token must be on disk before it is used, since the CRM revokes the old one."""

from datetime import datetime
from typing import Protocol


class TokenStore(Protocol):
    """One opaque document for each connection, and a lease so that one process at a time refreshes its tokens.

    Example: connection `hubspot-eu` with an encrypted document. The obligations of `ports.ledger` hold.
    """

    async def get(self, connection: str) -> bytes | None:
        """The document of a connection; None if none was stored."""
        ...

    async def acquire(self, connection: str, lease_owner: str, now: datetime, lease_until: datetime) -> bool:
        """Acquire the lease of a connection; False, changing nothing, if another process holds it at `now`."""
        ...

    async def put(self, connection: str, lease_owner: str, document: bytes) -> None:
        """Replace the document, and release the lease if `lease_owner` holds it."""
        ...

    async def release(self, connection: str, lease_owner: str) -> None:
        """Release the lease and keep the document; nothing changes if `lease_owner` does not hold it."""
        ...
