"""An HTTP proxy in front of a CRM that fails on request: `Trouble` for every adapter that takes a base URL.

    async with fault_proxy("https://sandbox.crm.example") as proxy:
        # Point the adapter at proxy.url, and give CrmUnderTest(trouble=proxy).

It listens on this machine only, and passes each request on with its path, headers and body. It keeps nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from leadline_server.testing.crm_trouble import RETRY_AFTER, Failure

MOST_BYTES: Final = 32 * 1024 * 1024
"""The most bytes of a request that it passes on."""

ELSEWHERE: Final = "/leadline-fault-proxy/elsewhere"
"""The path that redirects lead to, under another name of this machine."""

_STATUSES: Final[Mapping[Failure, int]] = {
    Failure.UNAUTHORIZED: 401,
    Failure.FORBIDDEN: 403,
    Failure.NOT_FOUND: 404,
    Failure.CONFLICT: 409,
    Failure.UNPROCESSABLE: 422,
    Failure.TELLTALE: 422,
    Failure.RATE_LIMITED: 429,
    Failure.SERVER_ERROR: 500,
    Failure.UNAVAILABLE: 503,
}
_PASSED_ON_ONCE: Final = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host"}
"""Headers of one hop (RFC 9110, section 7.6.1), and the host."""

_reads_by_path: Final = re.compile(r"search|query|batch/read|/token$|graphql", re.IGNORECASE).search


def is_write(method: str, path: str) -> bool:
    """Whether a request changes data. Searches by POST, and requests for tokens, do not."""
    return method not in {"GET", "HEAD", "OPTIONS"} and not (method == "POST" and _reads_by_path(path))


class FaultProxy:
    """See `leadline_server.testing.crm_trouble.Trouble`.

    Args:
        target: the base URL of the CRM, such as `https://sandbox.crm.example`.
        session: sends the requests to the CRM.
        writes: whether a request changes data, by its method and path.
    """

    def __init__(
        self, target: str, session: aiohttp.ClientSession, writes: Callable[[str, str], bool] = is_write
    ) -> None:
        self._target = URL(target)
        self._session = session
        self._writes = writes
        self._failure: Failure | None = None
        self._writes_only = False
        self._spared = 0
        self._followed = 0
        self._released = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._host = "127.0.0.1"
        self._port = 0

    @property
    def url(self) -> str:
        """The base URL for the adapter."""
        return f"http://{self._host}:{self._port}"

    async def start(self, host: str = "", port: int = 0) -> None:
        """Listen, on the same port as before if there was one."""
        application = web.Application(client_max_size=MOST_BYTES)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host or self._host, port or self._port)
        await site.start()
        self._host, self._port = self._runner.addresses[0][:2]

    async def stop(self) -> None:
        """Listen no more, and end what hangs."""
        self._released.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def misbehave(self, failure: Failure, *, writes_only: bool = False, after: int = 0) -> None:
        """Fail in this way from now on."""
        self._failure, self._writes_only, self._spared = failure, writes_only, after
        self._released = asyncio.Event()
        if failure is Failure.REFUSED:
            await self.stop()

    async def recover(self) -> None:
        """Pass on all requests again."""
        was, self._failure = self._failure, None
        self._released.set()
        if was is Failure.REFUSED:
            await self.start()

    async def redirects_followed(self) -> int:
        """The requests that followed a redirect."""
        return self._followed

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == ELSEWHERE:
            self._followed += 1
            return web.json_response({})
        failure = self._failure
        if failure is None or (self._writes_only and not self._writes(request.method, request.path)):
            return await self._passed_on(request)
        if self._spared:
            self._spared -= 1
            return await self._passed_on(request)
        return await self._fail(request, failure)

    async def _fail(self, request: web.Request, failure: Failure) -> web.StreamResponse:
        if failure is Failure.HANG:
            await self._released.wait()
        if failure is Failure.DROPPED:
            await self._passed_on(request)
        if failure in {Failure.HANG, Failure.DROPPED}:
            return _cut_off(request)
        if failure is Failure.TRUNCATED:
            return await _truncated(request)
        if failure is Failure.REDIRECT:
            return web.Response(status=302, headers={"Location": f"http://localhost:{self._port}{ELSEWHERE}"})
        return _page(failure) if failure in _PAGES else await _refusal(request, failure)

    async def _passed_on(self, request: web.Request) -> web.StreamResponse:
        url = URL(f"{str(self._target).rstrip('/')}{request.raw_path}", encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _PASSED_ON_ONCE}
        try:
            async with self._session.request(
                request.method,
                url,
                headers=headers,
                data=await request.read() or None,
                allow_redirects=False,
            ) as answer:
                kept = {name: answer.headers[name] for name in answer.headers if name.lower() not in _NOT_ANSWERED}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())
        except aiohttp.ClientError:
            return web.json_response({"error": "The proxy cannot reach the CRM."}, status=502)


_NOT_ANSWERED: Final = _PASSED_ON_ONCE | {"content-length", "content-encoding"}
"""Headers that the proxy sets itself: it passes bodies on unpacked."""


_PAGES: Final[Mapping[Failure, tuple[str, bytes]]] = {
    Failure.GARBAGE: ("application/json", b'{"results": [\xff\x00<'),
    Failure.HTML: ("text/html", b"<!DOCTYPE html><html><body>Sign in to the network.</body></html>"),
}


def _page(failure: Failure) -> web.Response:
    content_type, body = _PAGES[failure]
    return web.Response(body=body, content_type=content_type)


async def _refusal(request: web.Request, failure: Failure) -> web.Response:
    text = failure.value
    if failure is Failure.TELLTALE:
        text = f"{dict(request.headers)} {(await request.read()).decode(errors='replace')}"
    headers = {"Retry-After": str(RETRY_AFTER)} if failure is Failure.RATE_LIMITED else {}
    return web.json_response({"error": text, "message": text}, status=_STATUSES[failure], headers=headers)


def _cut_off(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _truncated(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"results": [')
    return _cut_off(request)


@asynccontextmanager
async def fault_proxy(target: str, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[FaultProxy]:
    """A proxy to `target` until the body ends. Port 0 is a free one; `FaultProxy.url` has it.

    Raises:
        OSError: the port is in use.
    """
    async with aiohttp.ClientSession() as session:
        proxy = FaultProxy(target, session)
        await proxy.start(host, port)
        try:
            yield proxy
        finally:
            await proxy.stop()
