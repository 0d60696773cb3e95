"""The key or the JWT that a session or an embed token was made of, as their signed texts have it.

A key is named by its digest, so its record is read again. A JWT is its claims, which were verified before.
"""

from dataclasses import asdict
from typing import Any

from leadline_server.domain.access.principals import ApiKey, Role, VerifiedToken
from leadline_server.ports.ledger.credentials import Credentials


def stored_basis(basis: ApiKey | VerifiedToken) -> dict[str, Any]:
    """The basis as values for JSON: {"key": "9f86..."} or {"token": {...}}."""
    return {"key": basis.digest.hex()} if isinstance(basis, ApiKey) else {"token": asdict(basis)}


async def restored_basis(said: dict[str, Any], credentials: Credentials) -> ApiKey | VerifiedToken | None:
    """The basis of values that `stored_basis` made; None if the ledger has no such key."""
    if "token" in said:
        claims = said["token"]
        return VerifiedToken(**claims | {"role": Role(claims["role"])})
    return await credentials.find(bytes.fromhex(said["key"]))


def end_of(basis: ApiKey | VerifiedToken) -> float:
    """When a basis ends by itself, in seconds since 1970; infinite: never."""
    if isinstance(basis, VerifiedToken):
        return basis.expire_time
    return float("inf") if basis.expire_time is None else basis.expire_time.timestamp()
