"""Takes TLS connections on a listening socket.

asyncio's servers keep one SSLContext for ever, and do not count connections that are in their handshake. Here each
connection gets the certificate in force, and connections in a handshake are bounded in number and time.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from leadline_server.tls.certificate import ServedCertificate

HANDSHAKE_SECONDS: Final = 10.0
"""How long a handshake may take."""

MOST_HANDSHAKES: Final = 128
"""Handshakes in progress at once. Beyond them the oldest is closed, so that slow clients do not keep others out."""

_PAUSE_SECONDS: Final = 0.1  # after an error of accept, such as a lack of descriptors


@asynccontextmanager
async def tls_connections(
    listener: socket.socket, served: ServedCertificate, protocol: Callable[[], asyncio.Protocol]
) -> AsyncIterator[None]:
    """Serve TLS connections of a listening socket while the body runs. The socket is closed at the end.

    Args:
        listener: it listens, and does not block.
        served: the certificate.
        protocol: makes the protocol of a connection, after its handshake.
    """
    acceptor = _Acceptor(listener, served, protocol)
    accepting = asyncio.create_task(acceptor.run())
    try:
        yield
    finally:
        accepting.cancel()
        with suppress(asyncio.CancelledError):
            await accepting
        listener.close()
        await acceptor.end()


class _Acceptor:
    def __init__(
        self, listener: socket.socket, served: ServedCertificate, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self._listener = listener
        self._served = served
        self._protocol = protocol
        self._handshakes: dict[asyncio.Task[None], None] = {}  # the oldest first

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if len(self._handshakes) >= MOST_HANDSHAKES:
                next(iter(self._handshakes)).cancel()
            handshake = asyncio.create_task(self._shake_hands(connection))
            self._handshakes[handshake] = None
            handshake.add_done_callback(self._handshakes.pop)

    async def end(self) -> None:
        for handshake in self._handshakes:
            handshake.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    async def _shake_hands(self, connection: socket.socket) -> None:
        # ssl.SSLError is an OSError. A handshake that fails is the client's affair.
        with suppress(OSError, TimeoutError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._served.current().context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
