"""TLS on an HTTP port: the handshakes of its connections, bounded in time and number.

asyncio's servers give a handshake a minute and do not count those that have begun, so peers that connect and send
nothing could take all descriptors. Here the port accepts its connections itself.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, cast

import structlog

HANDSHAKE_SECONDS: Final = 10.0
"""How long a handshake may take."""

MOST_HANDSHAKES: Final = 200
"""The most handshakes of a port at once. Beyond it the oldest is ended: an honest one takes a few round trips."""

_SHUTDOWN_SECONDS: Final = 5.0
_REST_SECONDS: Final = 0.5

_log = structlog.get_logger(__name__)


class TlsPort:
    """The TLS of one port.

    Args:
        context: makes the context of a connection.
        seconds: how long a handshake may take.
        most: the most handshakes at once.

    Attributes:
        failed: handshakes that failed, took too long, or made room for others.
    """

    def __init__(
        self, context: Callable[[], ssl.SSLContext], seconds: float = HANDSHAKE_SECONDS, most: int = MOST_HANDSHAKES
    ) -> None:
        self._context = context
        self._seconds = seconds
        self._most = most
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._with_certificate: set[asyncio.Transport] = set()
        self.failed = 0

    @property
    def handshakes(self) -> int:
        """The handshakes that go on now."""
        return len(self._handshakes)

    @property
    def open_with_certificate(self) -> Sequence[asyncio.Transport]:
        """The open connections whose client showed a certificate."""
        self._with_certificate = {transport for transport in self._with_certificate if not transport.is_closing()}
        return list(self._with_certificate)

    @asynccontextmanager
    async def accepting(self, listener: socket.socket, make: Callable[[], asyncio.Protocol]) -> AsyncIterator[None]:
        """Accept connections while the body runs, and then close the listener. Those with TLS stay open.

        Args:
            listener: a socket that listens.
            make: makes the protocol of a connection whose handshake is complete.
        """
        listener.setblocking(False)
        accepting = asyncio.create_task(self._accept(listener, make))
        try:
            yield
        finally:
            for task in (accepting, *self._handshakes):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await accepting
            listener.close()

    async def _accept(self, listener: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listener)
            except OSError as error:  # such as too many open files
                _log.warning("no connection accepted; trying again", error=type(error).__name__)
                await asyncio.sleep(_REST_SECONDS)
                continue
            if len(self._handshakes) >= self._most:
                self._end(next(iter(self._handshakes)))
            self._handshakes[asyncio.create_task(self._shake_hands(accepted, make))] = None

    def _end(self, handshake: "asyncio.Task[None]") -> None:
        del self._handshakes[handshake]
        handshake.cancel()

    async def _shake_hands(self, accepted: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        transport: asyncio.Transport | None = None
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                make,
                accepted,
                ssl=self._context(),
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        except OSError:  # ssl.SSLError is one
            pass
        finally:
            self._handshakes.pop(cast("asyncio.Task[None]", asyncio.current_task()), None)
            if transport is None:
                self.failed += 1
                accepted.close()
        if transport is not None and transport.get_extra_info("peercert"):
            self._with_certificate = {*self.open_with_certificate, transport}
