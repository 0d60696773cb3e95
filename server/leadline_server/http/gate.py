"""Who may reach the HTTP port: programs of this machine, and pages of leadline itself.

A browser lets any web page send requests to 127.0.0.1. Two of its headers tell them apart from a program's:

- `Host` names the host that the page believes it talks to. A name of an attacker's that resolves to 127.0.0.1
  ("DNS rebinding") is not one of ours, so it is refused.
- `Sec-Fetch-Site: cross-site` (W3C Fetch Metadata) says that a page of another site sent the request.

There is no CORS: no answer ever allows another origin to read it. Forwarded headers are never read.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS: Final = 15.0
"""How long a request's body may take to arrive, in seconds: a slow sender must not hold its connection for ever."""

PUBLIC_PREFIXES: Final = ("/ingress/", "/embed/")
"""Paths that are served under the host of `public_url` too."""

_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)


class Gate:
    """`inner`, for requests that may reach it.

    Args:
        inner: the application behind it.
        public_url: the address that phone systems and frames reach leadline by; empty: none.
    """

    def __init__(self, inner: Application, public_url: str = "") -> None:
        self._inner = inner
        self._public_host = urlsplit(public_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with a status and no body."""
        if scope["type"] != "http":
            return
        status = self._refusal(scope)
        if status:
            await answer(send, status, b"")
            return
        await self._inner(scope, _in_time(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> int:
        """The HTTP status to refuse the request with; 0 where it may pass."""
        headers = _singles(scope["headers"])
        path: str = scope["path"]
        host = headers.get(b"host", b"").decode("latin-1").lower()
        is_public = path.startswith(PUBLIC_PREFIXES) and host == self._public_host != ""
        if not is_public and not is_loopback_host(host):
            return 421  # Misdirected Request: this server does not answer for that host
        if headers.get(b"sec-fetch-site") == b"cross-site" and not path.startswith("/embed/"):
            return 403
        return 0


def is_loopback_host(host: str) -> bool:
    """Whether a Host header names this machine: `localhost` or a loopback address, with any port."""
    name = urlsplit(f"//{host}").hostname or "" if _is_authority(host) else ""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


async def answer(send: Send, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
    """Send a whole answer."""
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *_SECURITY_HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_authority(host: str) -> bool:
    """Whether the text is a host and perhaps a port, and nothing else: no user, no path."""
    return bool(host) and not set(host) & set("/?#@\\ ")


def _singles(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name. A header that comes twice counts as neither value: it is one that nobody may send twice."""
    singles: dict[bytes, bytes] = {}
    for name, value in headers:
        singles[name] = b"" if name in singles else value
    return singles


def _in_time(receive: Receive) -> Receive:
    """`receive`, which gives up on a body that does not arrive in BODY_SECONDS: the client counts as gone."""
    is_whole = False
    end = asyncio.get_running_loop().time() + BODY_SECONDS

    async def received() -> MutableMapping[str, Any]:
        nonlocal is_whole
        if is_whole:
            return await receive()  # waits for the client to leave, which may take as long as a watch
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        is_whole = not message.get("more_body", False)
        return message

    return received


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            known = {name for name, _ in message["headers"]}
            extra = [header for header in _SECURITY_HEADERS if header[0] not in known]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return sent
