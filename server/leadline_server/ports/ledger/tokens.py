"""The ledger's OAuth tokens. A refreshed token must be on disk before it is used, since the CRM revokes the old one."""

from datetime import datetime
from typing import Final, Protocol

ACCOUNT_PREFIX: Final = "account:"
"""How the name of a connection begins that an account has of its own: `account:acme`."""


def account_owner(account_id: str) -> str:
    """The owner of an account's secrets, and the name of its own connection."""
    return f"{ACCOUNT_PREFIX}{account_id}"


def connection_owner(connection: str) -> str:
    """The owner of a connection's secrets: the account that it belongs to, or the connection of the settings."""
    return connection if connection.startswith(ACCOUNT_PREFIX) else f"connection:{connection}"


class TokenStore(Protocol):
    """One document for each connection, and a lease so that one process at a time refreshes its tokens.

    Documents are encrypted at rest, bound to their connection. Example: connection `hubspot-eu`. The obligations of
    `ports.ledger` hold. `get` and `put` also raise KeyMissing, and SecretDamaged.
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
