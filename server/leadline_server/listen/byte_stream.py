"""A connection to a phone system: bytes in and out, and a peer that vanished is noticed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

_CHUNK: Final = 64 * 1024


class ConnectionLost(Exception):
    """The connection cannot be made, or it ended. The message says why."""


class LoginRefused(Exception):
    """The phone system refuses the user or the password. The message is the phone system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a phone system listens.

    Attributes:
        title: its name for people, such as Asterisk.
        connect_seconds: for the connection and the login.
        quiet_seconds: without a byte, after which it is asked for a sign; after twice the time the connection is lost.
    """

    title: str
    host: str
    port: int
    connect_seconds: float = 10.0
    quiet_seconds: float = 20.0

    def __str__(self) -> str:
        return f"{self.title} at {self.host}:{self.port}"


class ByteStream:
    """An open connection. Each method raises ConnectionLost at its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, endpoint: Endpoint) -> None:
        self._reader, self._writer, self._endpoint = reader, writer, endpoint

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise ConnectionLost(_reason(error)) from None

    async def read(self, ask: Callable[[], Awaitable[object]]) -> bytes:
        """The next bytes. `ask` sends a question, if none come for long."""
        for is_last in (False, True):
            try:
                async with asyncio.timeout(self._endpoint.quiet_seconds):
                    data = await self._reader.read(_CHUNK)
            except TimeoutError:
                if not is_last:
                    await ask()
                continue
            except OSError as error:
                raise ConnectionLost(_reason(error)) from None
            if not data:
                raise ConnectionLost(f"{self._endpoint.title} closed the connection")
            return data
        raise ConnectionLost(f"{self._endpoint.title} does not answer any more")

    async def within_time(self, login: Awaitable[object]) -> None:
        """Await the login. Raises ConnectionLost if it takes too long."""
        try:
            async with asyncio.timeout(self._endpoint.connect_seconds):
                await login
        except TimeoutError:
            raise ConnectionLost(f"{self._endpoint.title} does not answer the login") from None


@asynccontextmanager
async def open_stream(endpoint: Endpoint) -> AsyncIterator[ByteStream]:
    """A connection, which is closed afterwards. Raises ConnectionLost."""
    try:
        async with asyncio.timeout(endpoint.connect_seconds):
            reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    except (OSError, TimeoutError) as error:
        raise ConnectionLost(_reason(error)) from None
    try:
        yield ByteStream(reader, writer, endpoint)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def one_line(*texts: str) -> None:
    """Check that texts can be sent as one line each. Raises ValueError."""
    if any(sign in text for text in texts for sign in "\r\n\0"):
        raise ValueError("the user and the password must be one line each")


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
