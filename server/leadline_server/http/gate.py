"""Decides which requests reach the HTTP port: those under leadline's own names, of programs and leadline's own pages.

A browser lets any web page send requests to 127.0.0.1. Two headers tell these from a program's requests:

- `Host` is the host name in the page's URL. An attacker's name can resolve to 127.0.0.1 ("DNS rebinding"). It is not
  one of leadline's names, so the request is refused.
- `Sec-Fetch-Site: cross-site` (W3C Fetch Metadata) says that a page of another site sent the request. Only the pages
  for frames answer it. They are the same for everyone, and the browser shows them in frames of `embed_origins` alone.

There is no CORS: no answer allows another origin to read it. Forwarded headers are never read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from ipaddress import ip_address
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS: Final = 15.0
"""How long a request's body may take to arrive, in seconds. It bounds how long a slow sender holds a connection."""

PUBLIC_PREFIX: Final = "/ingress/"
"""Paths that are also served under the hosts of `public_url` and `http_hosts`, if callers do not authenticate."""

FRAME_PATHS: Final = frozenset({"/embed/pop", "/embed/prompt"})
"""The pages that a page of another site may show in a frame, if its origin is one of `embed_origins`."""

_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)


class Gate:
    """Passes requests to an application, or refuses them.

    Args:
        inner: the application.
        public_url: the address that phone systems and frames reach leadline by; empty: none.
        hosts: further hosts that others reach leadline by.
        is_open: whether all paths are served under those hosts: callers authenticate, or everyone may call.
    """

    def __init__(
        self, inner: Application, public_url: str = "", hosts: Iterable[str] = (), *, is_open: bool = False
    ) -> None:
        self._inner = inner
        public_host = urlsplit(public_url).netloc.lower()
        self._public_hosts = {host for host in (public_host, *map(str.lower, hosts)) if host}
        self._is_open = is_open

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
        """The HTTP status to refuse the request with; 0 if it may pass."""
        headers = singles(scope["headers"])
        path: str = scope["path"]
        host = headers.get(b"host", b"").decode("latin-1").lower()
        is_public = host in self._public_hosts and (self._is_open or path.startswith(PUBLIC_PREFIX))
        if not is_public and not is_loopback_host(host):
            return 421  # Misdirected Request: this server does not answer for that host
        if headers.get(b"sec-fetch-site") == b"cross-site" and path not in FRAME_PATHS:
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


async def answer(
    send: Send,
    status: int,
    body: bytes,
    content_type: str = "text/plain; charset=utf-8",
    more: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Send a whole answer. `more` has further headers."""
    headers = [
        *more,
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *_SECURITY_HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_authority(host: str) -> bool:
    """Whether the text is a host and perhaps a port, and nothing else: no user, no path."""
    return bool(host) and not set(host) & set("/?#@\\ ")


def singles(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name. A header that comes twice is empty: the headers that are read must come once."""
    singles: dict[bytes, bytes] = {}
    for name, value in headers:
        singles[name] = b"" if name in singles else value
    return singles


def _in_time(receive: Receive) -> Receive:
    """`receive` for BODY_SECONDS. If the body has not arrived by then, the client counts as gone."""
    is_whole = False
    end = asyncio.get_running_loop().time() + BODY_SECONDS

    async def received() -> MutableMapping[str, Any]:
        nonlocal is_whole
        if is_whole:
            return await receive()  # it waits until the client leaves, which can be at the end of a watch
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
