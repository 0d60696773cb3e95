"""The headers that authorize a request."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Protocol


def basic(user: str, password: str) -> str:
    """The value of an Authorization header by RFC 7617, in UTF-8."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


class Authorizer(Protocol):
    """Returns the headers that authorize requests."""

    async def headers(self) -> Mapping[str, str]:
        """The headers of the next request. Raises CrmAuthFailed or CrmUnavailable if there are none."""
        ...

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Called after the CRM refused a request with these headers. True if `headers` returns others from now on."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no message may show. The CRM may repeat them."""
        ...


class StaticAuthorizer:
    """A header that never changes, such as an API key."""

    def __init__(self, header: str, value: str, secret: str) -> None:
        self._headers = {header: value}
        self._secrets = (secret,)

    @classmethod
    def bearer(cls, token: str) -> "StaticAuthorizer":
        """The `Authorization: Bearer` of RFC 6750."""
        return cls("Authorization", f"Bearer {token}", token)

    @classmethod
    def basic(cls, user: str, password: str) -> "StaticAuthorizer":
        """The `Authorization: Basic` of RFC 7617."""
        return cls("Authorization", basic(user, password), password)

    async def headers(self) -> Mapping[str, str]:
        """The header."""
        return self._headers

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 - see Authorizer
        """Return False: there is no other header."""
        return False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token or password."""
        return self._secrets
