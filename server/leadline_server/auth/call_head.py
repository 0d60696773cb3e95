"""The head of a call, as gRPC and the HTTP port show it; and its principal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from leadline_server.auth.certificate_names import NEVER
from leadline_server.domain.access.principals import (
    Credential,
    Principal,
    VerifiedToken,
)


class CallHead(Protocol):
    """A request before its message is read. gRPC's context has these methods."""

    def invocation_metadata(self) -> Any:
        """Pairs of a name in lower case and a value."""
        ...

    def peer(self) -> str:
        """Where it comes from: `ipv4:192.0.2.1:50000`."""
        ...

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """The properties of the connection's certificate, by name."""
        ...


@dataclass(frozen=True, slots=True)  # a slot is read faster than a field of a named tuple
class Authenticated:
    """A principal, and the credential that it was found by.

    Attributes:
        until: when the client certificate that took the key's place expires, in seconds since 1970; NEVER for others.
    """

    principal: Principal
    credential: Credential
    until: float = NEVER


class TokenVerifier(Protocol):
    """Verifies JWTs."""

    async def verified(self, token: str, now: datetime) -> VerifiedToken:
        """The claims of a token. Raises Unauthenticated."""
        ...
