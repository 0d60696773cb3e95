"""What a request says of who sends it."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Protocol


def basic(user: str, password: str) -> str:
    """The value of an Authorization header by RFC 7617, in UTF-8."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


class Authorizer(Protocol):
    """Gives the headers that requests are authorized with."""

    async def headers(self) -> Mapping[str, str]:
        """The headers of the next request. Raises CrmAuthFailed or CrmUnavailable where there are none to be had."""
        ...

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """The CRM refused a request with these headers; True if `headers` has others from now on."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show: the CRM may repeat it."""
        ...


class StaticAuthorizer:
    """A header that never changes: a private app's token, an API key."""

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
        """There is no other."""
        return False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token or password."""
        return self._secrets
