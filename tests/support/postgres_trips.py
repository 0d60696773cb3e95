"""A TCP proxy before PostgreSQL that counts the round trips of clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

_HEADER = 5
_TLS = (80877103).to_bytes(4)
"""The code of SSLRequest."""

_ASKS = frozenset(b"SQ")
"""Sync and Query: the messages after which a client waits ("Message Formats" in PostgreSQL's manual)."""


@dataclass
class CountingProxy:
    """The proxy.

    Attributes:
        url: of the database through it.
        trips: how many requests the server was asked to answer, of all clients. Wake-ups do not count: they follow the
            answers, and many calls share one.
    """

    url: str
    trips: int = 0


@asynccontextmanager
async def counting_proxy(url: str) -> AsyncIterator[CountingProxy]:
    """A proxy before the server of a URL while the body runs."""
    parts = urlsplit(url)
    proxy, relays = CountingProxy(url), set[asyncio.Task[None]]()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        tasks = [asyncio.create_task(_requests(proxy, reader, back)), asyncio.create_task(_answers(there, writer))]
        relays.update(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for end in (back, writer):
            end.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.url = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}"))
    async with server:
        try:
            yield proxy
        finally:
            for task in relays:
                task.cancel()
            await asyncio.gather(*relays, return_exceptions=True)


async def _requests(proxy: CountingProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        startup = b""
        while startup[4:8] in (b"", _TLS):  # a client first asks for TLS, and the server has none
            length = await reader.readexactly(4)
            startup = length + await reader.readexactly(int.from_bytes(length) - 4)
            writer.write(startup)
        while True:
            header = await reader.readexactly(_HEADER)
            body = await reader.readexactly(int.from_bytes(header[1:]) - 4)
            proxy.trips += header[0] in _ASKS and not body.startswith(b"NOTIFY")
            writer.write(header + body)
            await writer.drain()


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
