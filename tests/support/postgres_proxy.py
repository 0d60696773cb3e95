"""A TCP proxy before PostgreSQL that counts round trips: what a client sends and then waits for.

A client waits after a simple query (Query) and after an extended one (Sync); see "Message Flow" in PostgreSQL's manual.
Connections without TLS only.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Final

_TLS_OR_GSS: Final = frozenset({80877103, 80877104})
_PARSE, _BIND, _DESCRIBE, _QUERY, _SYNC = b"P", b"B", b"D", b"Q", b"S"


class RoundTrips:
    """The round trips so far, by the statement that each was for: `{"SELECT 1": 2}`.

    Attributes:
        statements: round trips that ran a statement.
        preparations: round trips that only prepared one, once for each connection.
    """

    def __init__(self) -> None:
        self.statements: Counter[str] = Counter()
        self.preparations: Counter[str] = Counter()


class _Frontend:
    """Reads what one client sends."""

    def __init__(self, trips: RoundTrips) -> None:
        self._trips = trips
        self._bytes = b""
        self._has_started = False
        self._prepared: dict[bytes, str] = {}
        self._current = ""
        self._runs = False

    def feed(self, data: bytes) -> None:
        self._bytes += data
        while (message := self._next()) is not None:
            self._read(*message)

    def _next(self) -> tuple[bytes, bytes] | None:
        offset = 1 if self._has_started else 0
        if len(self._bytes) < offset + 4:
            return None
        end = offset + int.from_bytes(self._bytes[offset : offset + 4], "big")
        if len(self._bytes) < end:
            return None
        kind, body, self._bytes = self._bytes[:offset], self._bytes[offset + 4 : end], self._bytes[end:]
        return kind, body

    def _read(self, kind: bytes, body: bytes) -> None:
        if not kind:
            self._has_started = int.from_bytes(body[:4], "big") not in _TLS_OR_GSS
        elif kind == _PARSE:
            name, text = body.split(b"\0")[:2]
            self._prepared[name] = self._current = text.decode()
        elif kind == _BIND:
            self._current, self._runs = self._prepared[body.split(b"\0")[1]], True
        elif kind == _DESCRIBE and body[:1] == b"S":
            self._current = self._prepared[body[1:-1]]
        elif kind == _QUERY:
            self._trips.statements[body[:-1].decode()] += 1
        elif kind == _SYNC:
            counted = self._trips.statements if self._runs else self._trips.preparations
            counted[self._current] += 1
            self._runs = False


class PostgresProxy:
    """A proxy on a port of its own.

    Attributes:
        port: of 127.0.0.1.
        trips: what its clients sent so far.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self.trips = RoundTrips()
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()

    def url(self, url: str) -> str:
        """The address of a database through this proxy."""
        return url.replace(f":{self._target}/", f":{self.port}/")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until one side closes it."""
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        frontend = _Frontend(self.trips)
        self._writers |= {writer, there_writer}
        try:
            await asyncio.gather(_pass(reader, there_writer, frontend), _pass(there_reader, writer, None))
        finally:
            self._writers -= {writer, there_writer}
            writer.close()
            there_writer.close()

    async def cut(self) -> None:
        """Cut all connections, on the proxy's event loop."""
        for writer in tuple(self._writers):
            writer.transport.abort()
        while self._writers:
            await asyncio.sleep(0)


@contextmanager
def postgres_proxy(port: int) -> Iterator[PostgresProxy]:
    """A proxy before the server on a port of 127.0.0.1, on a thread of its own while the body runs."""
    proxy, loop = PostgresProxy(port), asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    starting = asyncio.run_coroutine_threadsafe(_started(proxy), loop)
    server = starting.result()
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(proxy.cut(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _started(proxy: PostgresProxy) -> asyncio.Server:
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    return server


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frontend: _Frontend | None) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            if frontend is not None:
                frontend.feed(data)
            writer.write(data)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()
