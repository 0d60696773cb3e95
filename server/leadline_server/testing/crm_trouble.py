"""How a CRM fails, and the hands that make it fail: an adapter's author says how."""

from enum import StrEnum
from typing import Final, Protocol

RETRY_AFTER: Final = 7
"""The delay, in seconds, that a CRM under test asks for with RATE_LIMITED."""


class Failure(StrEnum):
    """A way in which a CRM fails to answer a request as it should. The status codes are HTTP's (RFC 9110)."""

    UNAUTHORIZED = "unauthorized"
    """401: the credentials are no longer good. Nothing was done."""
    FORBIDDEN = "forbidden"
    """403. Nothing was done."""
    NOT_FOUND = "not_found"
    """404 to whatever is asked, as from a wrong address. Nothing was done."""
    CONFLICT = "conflict"
    """409: there is such a record already, which one is not said. Nothing was done."""
    UNPROCESSABLE = "unprocessable"
    """422, or whatever this CRM answers to values that it will not take. Nothing was done."""
    TELLTALE = "telltale"
    """As UNPROCESSABLE, in words that repeat the whole request, its credentials included. Nothing was done."""
    RATE_LIMITED = "rate_limited"
    """429: too many requests; asks to wait for RETRY_AFTER seconds. Nothing was done."""
    SERVER_ERROR = "server_error"
    """500. Whether anything was done, nobody knows."""
    UNAVAILABLE = "unavailable"
    """503. Whether anything was done, nobody knows."""
    HANG = "hang"
    """The request is taken and never answered."""
    DROPPED = "dropped"
    """The connection breaks once the request was carried out. Reads may stay as they are."""
    GARBAGE = "garbage"
    """Success, with bytes that are no document of the API."""
    TRUNCATED = "truncated"
    """Success, with an answer that is cut off before its declared length."""
    HTML = "html"
    """Success, with a page for people: a proxy's, a portal's, a login."""
    REDIRECT = "redirect"
    """302 to another host."""
    REFUSED = "refused"
    """Nobody listens: the request cannot leave."""


class Trouble(Protocol):
    """Makes the CRM fail. What an author cannot provoke raises NotImplementedError, which says why."""

    async def misbehave(self, failure: Failure, *, writes_only: bool = False, after: int = 0) -> None:
        """From now on fail this way and no other.

        Args:
            failure: how.
            writes_only: requests that change nothing are answered as ever.
            after: so many of the requests that would fail are carried out as ever first.
        """
        ...

    async def recover(self) -> None:
        """Answer as ever from now on."""
        ...

    async def redirects_followed(self) -> int:
        """How many requests came to the other host since the beginning; 0 where nobody can tell."""
        ...
