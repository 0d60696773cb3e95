"""HTTP/2 by hand (RFC 9113), to say on a connection what no client library would say."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE: Final = 4  # of SETTINGS
CANCEL: Final = 8  # of RST_STREAM
_READ_BYTES: Final = 65_536

_status = re.compile(rb"grpc-status(?:\x01(\d)|\x02(\d\d))").search


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """A frame: its length in 24 bits, its type, flags and stream, and what it carries."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values: int) -> bytes:
    """SETTINGS; `window` is how much of each stream the server may send before it has to wait."""
    numbers = {"window": INITIAL_WINDOW_SIZE}
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", numbers[name], v) for name, v in values.items()))


def header_block(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Fields as literals without indexing (RFC 7541, section 6.2.2)."""
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in pairs)


def message(data: bytes, flag: int = 0) -> bytes:
    """A length-prefixed message, as gRPC frames it."""
    return struct.pack(">BI", flag, len(data)) + data


def head(path: str, **changed: str) -> list[tuple[str, str]]:
    """The fields of a gRPC request; `content_type="text/plain"` changes or adds one, an empty value removes it."""
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test"}
    fields |= {"content-type": "application/grpc", "te": "trailers"}
    fields |= {(f":{name}" if f":{name}" in fields else name.replace("_", "-")): v for name, v in changed.items()}
    return [(name, value) for name, value in fields.items() if value]


def request(path: str, data: bytes, stream: int = 1, **changed: str) -> bytes:
    """A whole unary request whose message is `data`."""
    block = header_block(head(path, **changed))
    return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, message(data))


@dataclass(frozen=True)
class Connection:
    """A TCP connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send all of it, or as much as the server takes before it hangs up."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            return

    async def greeted(self) -> None:
        """Wait for the first bytes of the server, its SETTINGS."""
        await self.reader.readexactly(9)

    async def status(self) -> int | None:
        """The first gRPC status on this connection, where its name is still spelt out; None if the stream was reset."""
        while True:
            kind, payload = await self.frame()
            if kind == RST_STREAM:
                return None
            if kind == HEADERS and (found := _status(payload)):
                return int(found[1] or found[2])

    async def frame(self) -> tuple[int, bytes]:
        """The type and the payload of the server's next frame. Raises IncompleteReadError: it hung up."""
        start = await self.reader.readexactly(9)
        return start[3], await self.reader.readexactly(int.from_bytes(start[:3]))

    async def closed(self) -> None:
        """Wait until the server hangs up."""
        while await self._read():
            pass

    def vanish(self) -> None:
        """Be gone without a word: no FIN, but a reset, as from a host that lost the connection."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _read(self) -> bytes:
        try:
            return await self.reader.read(_READ_BYTES)
        except ConnectionError:
            return b""


@asynccontextmanager
async def connection(address: str, greeting: bytes = PREFACE + settings()) -> AsyncIterator[Connection]:
    """A connection that has sent `greeting`, until the body ends."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    opened = Connection(reader, writer)
    try:
        await opened.send(greeting)
        yield opened
    finally:
        writer.transport.abort()


def _text(text: str) -> bytes:
    data = text.encode()
    return _length(len(data)) + data


def _length(value: int) -> bytes:
    """An integer with a prefix of 7 bits (RFC 7541, section 5.1)."""
    if value < 127:
        return bytes([value])
    value -= 127
    rest = bytearray()
    while value >= 128:
        rest.append(value % 128 + 128)
        value //= 128
    return bytes([127, *rest, value])
