"""uvicorn's HTTP/1.1 protocol with two more bounds: on connections, and on the time of a request's head."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 20.0
"""How long a new connection has to send its first request's head, in seconds; a later head has as long from its first
byte."""


def bounded_protocol(connections: int, head_seconds: float = HEAD_SECONDS) -> type[HttpToolsProtocol]:
    """The protocol for a server that has at most `connections` at once, and closes others as soon as they come."""

    class Bounded(HttpToolsProtocol):
        _head: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
            super().connection_made(transport)
            if len(self.connections) > connections:
                transport.abort()
            else:
                self._await_head()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._await_head()

        def on_headers_complete(self) -> None:
            self._end_head()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_head()
            super().connection_lost(exc)

        def _await_head(self) -> None:
            if self._head is None:
                self._head = self.loop.call_later(head_seconds, self.transport.abort)

        def _end_head(self) -> None:
            if self._head is not None:
                self._head.cancel()
                self._head = None

    return Bounded
