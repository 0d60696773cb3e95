"""The ways in which a CRM fails. An adapter's author implements them."""

from enum import StrEnum
from typing import Final, Protocol

RETRY_AFTER: Final = 7
"""The delay, in seconds, that a CRM under test asks for with RATE_LIMITED."""


class Failure(StrEnum):
    """A way in which a CRM fails. The status codes are those of HTTP (RFC 9110)."""

    UNAUTHORIZED = "unauthorized"
    """401: the credentials are no longer valid. Nothing was done."""
    FORBIDDEN = "forbidden"
    """403. Nothing was done."""
    NOT_FOUND = "not_found"
    """404 to every request, as from a wrong address. Nothing was done."""
    CONFLICT = "conflict"
    """409: such a record exists already. The answer does not say which one. Nothing was done."""
    UNPROCESSABLE = "unprocessable"
    """422, or this CRM's answer to values that it refuses. Nothing was done."""
    TELLTALE = "telltale"
    """As UNPROCESSABLE, with a message that repeats the whole request, including its credentials. Nothing was done."""
    RATE_LIMITED = "rate_limited"
    """429: too many requests; asks to wait for RETRY_AFTER seconds. Nothing was done."""
    SERVER_ERROR = "server_error"
    """500. It is unknown whether anything was done."""
    UNAVAILABLE = "unavailable"
    """503. It is unknown whether anything was done."""
    HANG = "hang"
    """The request is accepted and never answered."""
    DROPPED = "dropped"
    """The connection breaks after the request was carried out. Reads may work."""
    GARBAGE = "garbage"
    """Success, with bytes that are not a document of the API."""
    TRUNCATED = "truncated"
    """Success, with an answer that ends before its declared length."""
    HTML = "html"
    """Success, with an HTML page: of a proxy, a portal, or a login."""
    REDIRECT = "redirect"
    """302 to another host."""
    REFUSED = "refused"
    """No server listens, so the request cannot be sent."""


class Trouble(Protocol):
    """Makes the CRM fail. A failure that cannot be provoked raises NotImplementedError with the reason."""

    async def misbehave(self, failure: Failure, *, writes_only: bool = False, after: int = 0) -> None:
        """From now on, fail in this way only.

        Args:
            failure: the way.
            writes_only: reads are answered normally.
            after: the number of requests that are answered normally before.
        """
        ...

    async def recover(self) -> None:
        """From now on, answer normally."""
        ...

    async def redirects_followed(self) -> int:
        """The number of requests that came to the other host; 0 if that is unknown."""
        ...
