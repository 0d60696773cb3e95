"""uvicorn's HTTP/1.1 protocol with two more bounds: on connections, and on the time of a request's head."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from leadline_server.auth.certificate_names import NOT_AFTER

HEAD_SECONDS: Final = 20.0
"""How long a new connection has to send its first request's head, in seconds; a later head has as long from its first
byte."""


PEER_NAMES: Final = "leadline.peer_names"
"""The extension of a request's scope with the names and the end of the client's certificate, by gRPC's names."""


def names_in(certificate: Mapping[str, Any] | None) -> dict[object, object]:
    """The names in a verified client certificate, and when it expires: `{"peer_dns": [b"pbx.acme"]}`; none without one.

    Args:
        certificate: as `ssl.SSLSocket.getpeercert` tells it: `{"subjectAltName": (("DNS", "pbx.acme"),)}` and more.
    """
    named = (certificate or {}).get("subjectAltName", ())
    found: dict[object, object] = {
        "peer_dns": [value.encode() for kind, value in named if kind == "DNS"],
        "peer_uri": [value.encode() for kind, value in named if kind == "URI"],
    }
    if certificate and "notAfter" in certificate:
        found[NOT_AFTER] = [str(ssl.cert_time_to_seconds(certificate["notAfter"])).encode()]
    return {kind: values for kind, values in found.items() if values}


def bounded_protocol(connections: int, head_seconds: float = HEAD_SECONDS) -> type[HttpToolsProtocol]:
    """The protocol for a server that has at most `connections` at once, and closes others as soon as they come."""

    class Bounded(HttpToolsProtocol):
        _head: asyncio.TimerHandle | None = None
        _peer_names: dict[object, object] = {}  # noqa: RUF012 - it is replaced, never changed

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
            super().connection_made(transport)
            self._peer_names = names_in(transport.get_extra_info("peercert"))
            if len(self.connections) > connections:
                transport.abort()
            else:
                self._await_head()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["extensions"] = {PEER_NAMES: self._peer_names}
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
