"""Requests written straight to connections of aiohttp's pool.

aiohttp makes and keeps the connections, and reads the answers. Its client is left out, with its cookies, redirects,
proxies and middlewares, and its task that writes the body. A request takes 200,000 instructions instead of 460,000.
"""

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import aiohttp
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

_ORIGINS: Final = 1_024
"""How many origins have their part of a request made beforehand."""

REPEATED: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods that may be sent twice (RFC 9110, section 9.2.2), if a kept connection turns out to be closed."""

_INFORMATIONAL: Final = range(100, 200)
_SWITCHING: Final = 101


class DirectConnector(aiohttp.TCPConnector):
    """Connections without a proxy, for `exchange`. Their number has no limit: each account limits its own requests.

    Args:
        context: for TLS; True: the system's certificate authorities.
        resolver: resolves names; None: aiohttp's own.
    """

    def __init__(self, *, context: ssl.SSLContext | bool, resolver: aiohttp.abc.AbstractResolver | None = None) -> None:
        super().__init__(limit=0, ssl=context, resolver=resolver)
        self._made = lru_cache(maxsize=_ORIGINS)(_opening)

    async def connected(self, origin: URL, seconds: float) -> aiohttp.connector.Connection:
        """A connection to an origin: a kept one, or one that is made in `seconds`.

        Raises:
            aiohttp.ConnectionTimeoutError: it took longer.
            aiohttp.ClientError, OSError: the host cannot be reached.
        """
        try:
            return await self.connect(self._made(origin), traces=[], timeout=aiohttp.ClientTimeout(connect=seconds))
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error


def _opening(origin: URL) -> aiohttp.ClientRequest:
    """A request by which aiohttp opens a connection. It is never sent."""
    return aiohttp.ClientRequest("GET", origin, loop=asyncio.get_running_loop())


def head(method: str, address: URL, headers: Mapping[str, str], length: int | None) -> bytes:
    """The request line and the headers of a request whose body has `length` bytes (None: it has no body).

    Raises:
        ValueError: the address or a header has a line break, which would begin another header.
    """
    lines = [f"{method} {address.raw_path_qs} HTTP/1.1", f"Host: {address.host_port_subcomponent}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if length is not None or method not in REPEATED:
        lines.append(f"Content-Length: {length or 0}")
    text = "\r\n".join((*lines, "Accept-Encoding: gzip, deflate", "", ""))
    if "\0" in text or not text.count("\r") == text.count("\n") == len(lines) + 2:
        raise ValueError("a line break in the head of a request")
    return text.encode()


async def answered(
    connection: aiohttp.connector.Connection, request: bytes, *, has_body: bool
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Send a request. Returns the head of the answer, and its body, which is decompressed as it is read.

    Raises:
        aiohttp.ClientError, OSError: the answer is missing or no HTTP.
    """
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None or transport.is_closing():
        raise aiohttp.ClientConnectionResetError("the connection is closed")
    protocol.set_response_params(skip_payload=not has_body, read_until_eof=True)
    transport.write(request)
    try:
        while True:
            message, body = await protocol.read()
            if message.code not in _INFORMATIONAL or message.code == _SWITCHING:
                return message, body
    except HttpProcessingError as error:
        raise aiohttp.ClientPayloadError("the answer is no HTTP") from error
