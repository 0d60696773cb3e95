"""The HTTP port: its paths, and how it starts and stops."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import uvicorn

from leadline_server.auth.authenticator import Authenticator
from leadline_server.http.caller_name import CallerName
from leadline_server.http.console_files import ConsoleFiles
from leadline_server.http.embed_page import EMBED_PATH, EmbedPage
from leadline_server.http.gate import Application, Gate, Receive, Scope, Send, answer
from leadline_server.http.ingress import PREFIX, IngressPage
from leadline_server.http.protocol import PEER_NAMES, bounded_protocol
from leadline_server.http.rpcs import PEER, RpcApplication
from leadline_server.http.session_page import SESSION_PATH, SessionPage
from leadline_server.ingress.receiver import Receiver
from leadline_server.transport.addresses import listen
from leadline_server.transport.served_methods import ServedMethod
from leadline_server.transport.tls_port import TlsPort

FIND_CONTACT: Final = "/leadline.v1.ContactService/FindContact"

MAX_CONNECTIONS: Final = 1000
"""The most connections at once, each with one request at a time. Further ones are closed."""

IDLE_SECONDS: Final = 60
"""How long a connection may stay open between requests, in seconds."""

MAX_HEADER_BYTES: Final = 16 * 1024

_DATE_SECONDS: Final = 1.0  # the Date header has whole seconds


class HttpApplication:
    """Everything on the HTTP port.

    Args:
        methods: the RPCs by their paths.
        ingress: the webhooks of phone systems.
        has_console: whether the page for people is served.
        embed_origins: the origins whose pages may show it in frames.
        authenticator: finds the principals of requests; None: everyone may do everything.
    """

    def __init__(
        self,
        methods: Mapping[str, ServedMethod],
        ingress: IngressPage,
        *,
        has_console: bool,
        embed_origins: Sequence[str] = (),
        authenticator: Authenticator | None = None,
    ) -> None:
        self._ingress = ingress
        self._rpcs = RpcApplication(methods)
        self._rpc_paths = frozenset(methods)
        self._pages: dict[str, Application] = {
            "/v1/caller-name": CallerName(methods[FIND_CONTACT]),
            "/openapi.json": _openapi,
        }
        if authenticator is not None:
            self._pages[SESSION_PATH] = SessionPage(authenticator)
            if authenticator.embeds.origins:
                self._pages[EMBED_PATH] = EmbedPage(authenticator)
        if has_console:
            console = ConsoleFiles(embed_origins)
            self._pages |= dict.fromkeys(console.paths, console)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        PEER.set(scope.get("extensions", {}).get(PEER_NAMES))
        path = scope["path"]
        if path in self._rpc_paths:
            # GET would put callers' numbers into URLs, and so into proxies' logs and browsers' histories.
            if scope["method"] == "POST":
                await self._rpcs(scope, receive, send)
            else:
                await answer(send, 405, b"")
            return
        page = self._ingress if path.startswith(PREFIX) else self._pages.get(path)
        if page is None:
            await answer(send, 404, b"")
        else:
            await page(scope, receive, send)


async def _openapi(scope: Scope, receive: Receive, send: Send) -> None:
    """GET /openapi.json: the description of all RPCs."""
    del receive
    if scope["method"] != "GET":
        await answer(send, 405, b"")
        return
    document = files("leadline_server.http").joinpath("openapi.json").read_bytes()
    await answer(send, 200, document, "application/json")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How the HTTP port serves.

    Attributes:
        public_url, hosts, is_open: see `Gate`.
        has_console, embed_origins, authenticator: see `HttpApplication`.
        grace: seconds for requests in progress at the end.
        connections: the most connections; further ones are closed at once.
        tls: its TLS; None: none.
        shares_port: whether other workers of the same server listen on the same port.
    """

    public_url: str = ""
    hosts: tuple[str, ...] = ()
    is_open: bool = False
    has_console: bool = False
    embed_origins: tuple[str, ...] = ()
    grace: float = 1.0
    connections: int = MAX_CONNECTIONS
    tls: TlsPort | None = None
    authenticator: Authenticator | None = None
    shares_port: bool = False


@asynccontextmanager
async def http_server(
    address: str, methods: Mapping[str, ServedMethod], receiver: Receiver, options: HttpOptions
) -> AsyncIterator[int]:
    """Serve HTTP while the body runs.

    Args:
        address: `host:port`; port 0 takes a free one.
        methods: the RPCs by their paths.
        receiver: takes the webhooks of phone systems.
        options: how it serves.

    Yields:
        The port.

    Raises:
        AddressUnavailable: the address is taken, or not of this machine.
    """
    listener = listen(address, shares_port=options.shares_port)
    ingress = IngressPage(receiver, options.public_url)
    application = HttpApplication(
        methods,
        ingress,
        has_console=options.has_console,
        embed_origins=options.embed_origins,
        authenticator=options.authenticator,
    )
    config = uvicorn.Config(
        Gate(application, options.public_url, options.hosts, is_open=options.is_open),
        http=bounded_protocol(options.connections),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # its lines would have the query, and so callers' numbers
        proxy_headers=False,
        server_header=False,
        limit_concurrency=None,  # the protocol bounds the connections, and each has one request at a time
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, round(options.grace)),
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    server = _Server(config)
    async with AsyncExitStack() as stack:
        if options.tls is not None:
            await stack.enter_async_context(options.tls.accepting(listener, server.protocol))
        serving = asyncio.create_task(server.serve(sockets=[listener] if options.tls is None else []))
        stack.push_async_callback(server.end, serving)
        yield int(listener.getsockname()[1])


class _Server(uvicorn.Server):
    """Uvicorn's server, without its signal handlers, and with few wake-ups.

    `serving` handles the signals. Uvicorn itself wakes up ten times a second to see whether it should stop, and once in
    ten times to write the Date header. On an idle port that is work for nothing.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    def protocol(self) -> asyncio.Protocol:
        """The protocol of a connection that it did not accept itself."""
        make: Any = self.config.http_protocol_class
        made: asyncio.Protocol = make(config=self.config, server_state=self.server_state, app_state={})
        return made

    async def end(self, serving: "asyncio.Task[None]") -> None:
        """Stop serving, and wait until it has stopped."""
        self.should_exit = True
        self._stopping.set()
        await serving

    async def main_loop(self) -> None:
        """Write the Date header once a second, until `end`."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(_DATE_SECONDS):
                    await self._stopping.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do not handle signals."""
        yield
