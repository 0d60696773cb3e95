"""The socket of a fake phone system, to which listeners connect: what Asterisk's and FreeSWITCH's have in common."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar


class Client(Protocol):
    """A connection of a listener."""

    @property
    def writer(self) -> asyncio.StreamWriter:
        """Where its frames go."""
        ...


AnyClient = TypeVar("AnyClient", bound=Client)


@dataclass(kw_only=True)
class FakeSwitch(ABC, Generic[AnyClient]):
    """A server on a socket, and its clients.

    Attributes:
        port: where it listens.
        logins: how often a client logged in.
        listed: how often a client had all channels listed.
    """

    port: int = 0
    logins: int = 0
    listed: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _clients: set[AnyClient] = field(default_factory=set)
    _server: Any = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cut all connections."""
        for client in self._clients:
            client.writer.transport.abort()
        self._clients.clear()

    async def until(self, *, logins: int = 0, listed: int = 0) -> None:
        """Wait until clients logged in, and had the channels listed, so many times."""
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: self.logins >= logins and self.listed >= listed)

    async def _count(self, *, logins: int = 0, listed: int = 0) -> None:
        async with self.changed:
            self.logins += logins
            self.listed += listed
            self.changed.notify_all()

    @abstractmethod
    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak the phone system's protocol on a new connection."""
