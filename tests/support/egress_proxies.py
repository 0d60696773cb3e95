"""An HTTP proxy on this machine, as strict as a company's: CONNECT alone (RFC 9110, section 9.3.6), to named places."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class EgressProxy:
    """A proxy that runs.

    Attributes:
        places: where each `host:port` that it lets pass really is, as a port of this machine.
        asked: the first line of each request.
        url: its address.
    """

    places: Mapping[str, int]
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.partition("\r\n")[0])
            method, _, rest = self.asked[-1].partition(" ")
            place = self.places.get(rest.partition(" ")[0])
            if method != "CONNECT" or place is None:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", place)
            writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            await asyncio.gather(_copied(reader, inner_writer), _copied(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client is gone
        finally:
            writer.close()


@asynccontextmanager
async def egress_proxy(places: Mapping[str, int]) -> AsyncIterator[EgressProxy]:
    """Run a proxy that lets `places` pass, such as `{"crm.example.com:443": 40123}`."""
    proxy = EgressProxy(places)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
