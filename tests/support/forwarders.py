"""Forwards TCP connections, between network namespaces too, and holds back what it forwards while it is cut."""

import asyncio
import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Final

_NAMESPACES: Final = Path("/run/netns")
_CLONE_NEWNET: Final = 0x40000000


class Forwarder:
    """Forwards from a port of its own to a port of 127.0.0.1.

    Attributes:
        host: the address that it listens on.
        port: the port that it listens on.
    """

    def __init__(self, target: int, host: str, namespace: str) -> None:
        self.host = host
        self.port = 0
        self._target = target
        self._namespace = namespace
        self._loop = asyncio.new_event_loop()
        self._passes = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server

    def cut(self) -> None:
        """Forward nothing from now on, and close nothing: as a network that is cut."""
        self._loop.call_soon_threadsafe(self._passes.clear)

    def join(self) -> None:
        """Forward again, at first what was held back."""
        self._loop.call_soon_threadsafe(self._passes.set)

    async def start(self) -> None:
        """Listen here, and connect in the namespace from now on: it is the thread's."""
        self._passes.set()
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        if self._namespace:
            _enter(self._namespace)

    async def stop(self) -> None:
        """Listen no more, and cut all connections."""
        for listener in self._server.sockets:
            self._loop.remove_reader(listener)
        # A connection that was just accepted gets its transport in the loop's next pass. A closed server refuses that,
        # and would leave the connection's socket open.
        await asyncio.sleep(0)
        self._server.close()
        self._passes.set()
        while asyncio.all_tasks() - {asyncio.current_task()}:
            for writer in tuple(self._writers):
                writer.transport.abort()
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passes.wait()
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        try:
            await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        finally:
            self._writers -= {writer, there_writer}
            writer.transport.abort()
            there_writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._passes.wait()
                writer.write(data)
                await writer.drain()
            writer.write_eof()


@contextmanager
def forwarder(target: int, *, host: str = "127.0.0.1", namespace: str = "") -> Iterator[Forwarder]:
    """A forwarder on a thread of its own while the body runs.

    Args:
        target: the port of 127.0.0.1 to forward to.
        host: the address to listen on, in this process's namespace.
        namespace: the network namespace of the target; empty: this process's.
    """
    opened = Forwarder(target, host, namespace)
    loop = opened._loop  # noqa: SLF001 - the two belong together
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(opened.start(), loop).result()
        yield opened
    finally:
        asyncio.run_coroutine_threadsafe(opened.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _enter(namespace: str) -> None:
    """Move this thread into a network namespace; see setns(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(_NAMESPACES / namespace, os.O_RDONLY)
    try:
        if libc.setns(file, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(file)
