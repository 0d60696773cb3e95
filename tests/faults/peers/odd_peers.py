"""Peers that speak HTTP/2 oddly, in a process of their own: python -m faults.peers.odd_peers ADDRESS SECONDS [NAME]...

Each of them confirms SETTINGS and PINGs as HTTP/2 wants it, so that only its oddity can be the reason to hang up. It
repeats what it does while its connection lives, and a moment later opens the next one. At the end the
process prints a JSON object: for each name how often the server hung up, how many connections and streams there were,
and how long the longest connection lived, in seconds.
"""

import asyncio
import json
import os
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeAlias

from leadline.v1 import contact_service_pb2 as pb
from transport import http2

FIND: Final = "/leadline.v1.ContactService/FindContact"
ASK: Final = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550147"])
WINDOW_UPDATE: Final = 8
ACK: Final = 1
FLOOD: Final = 1_000
"""Frames that are sent at once, fifty times a second."""

BATCH: Final = 50
"""Streams that are opened at once, fifty times a second."""

Steps: TypeAlias = Iterator[bytes]
"""The bytes of a peer, piece by piece, with GAP seconds in between; an empty piece is a pause of PAUSE seconds."""

GAP: Final = 0.02
PAUSE: Final = 0.2
_HELLO: Final = http2.PREFACE + http2.settings(window=65_535)
_BLOCK: Final = http2.header_block(http2.head(FIND))
_CANCEL: Final = struct.pack(">I", http2.CANCEL)


def streams(step: int = 1) -> Iterator[int]:
    """The ids of a client's streams, each `step`-th."""
    return iter(range(1, 2**31, 2 * step))


def opened(stream: int, block: bytes = _BLOCK) -> bytes:
    """A stream whose request does not follow."""
    return http2.frame(http2.HEADERS, http2.END_HEADERS, stream, block)


def cancelled(stream: int) -> bytes:
    return http2.frame(http2.RST_STREAM, 0, stream, _CANCEL)


def window(stream: int, by: int) -> bytes:
    return http2.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", by))


def reset_at_once() -> Steps:
    yield _HELLO
    for first in streams(BATCH):
        yield b"".join(opened(stream) + cancelled(stream) for stream in range(first, first + 2 * BATCH, 2))


def abandoned() -> Steps:
    """A thousand streams, and the connection is dropped."""
    yield _HELLO
    yield b"".join(opened(stream) for stream in range(1, 2_000, 2))
    for _ in range(5):
        yield b""


def half_open() -> Steps:
    """As many streams as may be open, and nothing in them."""
    yield _HELLO
    yield b"".join(opened(stream) for stream in range(1, 2_000, 2))
    while True:
        yield b""


def slow_bodies() -> Steps:
    """Requests on 50 streams, a byte a second."""
    yield _HELLO
    yield b"".join(opened(stream) for stream in range(1, 101, 2))
    for byte in http2.message(bytes(1_000)):
        yield b"".join(http2.frame(http2.DATA, 0, stream, bytes([byte])) for stream in range(1, 101, 2))
        for _ in range(5):
            yield b""


def pings() -> Steps:
    yield _HELLO
    while True:
        yield http2.frame(http2.PING, payload=os.urandom(8)) * FLOOD


def settings() -> Steps:
    yield _HELLO
    while True:
        yield http2.settings(window=1) * FLOOD


def empty_data() -> Steps:
    yield _HELLO + opened(1)
    while True:
        yield http2.frame(http2.DATA, 0, 1) * FLOOD


def continuations() -> Steps:
    yield _HELLO + http2.frame(http2.HEADERS, 0, 1, _BLOCK)
    while True:
        yield http2.frame(http2.CONTINUATION, 0, 1) * FLOOD


def resets_of_nothing() -> Steps:
    """Streams that are reset before they are opened."""
    yield _HELLO
    while True:
        yield b"".join(map(cancelled, range(1, 2 * FLOOD, 2)))


def window_too_large() -> Steps:
    yield _HELLO + opened(1)
    while True:
        yield window(0, 2**31 - 1)
        yield b""


def window_of_nothing() -> Steps:
    yield _HELLO + opened(1) + window(0, 0)
    while True:
        yield b""


def window_by_bytes() -> Steps:
    """Requests whose answers are taken a byte at a time."""
    yield http2.PREFACE + http2.settings(window=0)
    yield b"".join(http2.request(FIND, ASK.SerializeToString(), stream) for stream in range(1, 401, 2))
    while True:
        yield b"".join(window(stream, 1) for stream in range(1, 401, 2))
        yield b""


def no_window() -> Steps:
    """Requests whose answers are never taken."""
    yield http2.PREFACE + http2.settings(window=0)
    for stream in streams():
        yield http2.request(FIND, ASK.SerializeToString(), stream)
        yield b""


ODDITIES: Final[Mapping[str, Callable[[], Steps]]] = {
    make.__name__: make
    for make in (
        reset_at_once,
        abandoned,
        half_open,
        slow_bodies,
        pings,
        settings,
        empty_data,
        continuations,
        resets_of_nothing,
        window_too_large,
        window_of_nothing,
        window_by_bytes,
        no_window,
    )
}


@dataclass
class Seen:
    """The connections of one peer: how often the server hung up, how many streams they opened, how long they lived."""

    hung_up: int = 0
    streams: int = 0
    seconds: list[float] = field(default_factory=list)


async def play(address: str, make: Callable[[], Steps], end: float, seen: Seen) -> None:
    """Open connections and be odd on them, until `end`."""
    while end - monotonic() > 2 * PAUSE:
        async with http2.connection(address, b"") as opened_:
            began, steps = monotonic(), make()
            await opened_.send(next(steps))  # HTTP/2 begins with the client's preface
            reading = asyncio.create_task(_read(opened_))
            talking = asyncio.create_task(_talk(opened_, steps, seen))
            await asyncio.wait({reading, talking}, timeout=end - began, return_when=asyncio.FIRST_COMPLETED)
            seen.hung_up += reading.done()
            seen.seconds.append(monotonic() - began)
            for task in (reading, talking):
                task.cancel()
            await asyncio.gather(reading, talking, return_exceptions=True)
        await asyncio.sleep(PAUSE)


async def _talk(opened_: http2.Connection, steps: Steps, seen: Seen) -> None:
    for piece in steps:
        if piece:
            seen.streams += piece.count(_BLOCK)
            await opened_.send(piece)
        await asyncio.sleep(GAP if piece else PAUSE)


async def _read(opened_: http2.Connection) -> None:
    """Confirm what wants to be confirmed, until the server hangs up."""
    try:
        while True:
            start = await opened_.reader.readexactly(9)
            payload = await opened_.reader.readexactly(int.from_bytes(start[:3]))
            if start[3] in (http2.SETTINGS, http2.PING) and not start[4] & ACK:
                answer = payload if start[3] == http2.PING else b""
                await opened_.send(http2.frame(start[3], ACK, 0, answer))
    except (asyncio.IncompleteReadError, ConnectionError):
        return


async def main(address: str, seconds: float, names: Sequence[str]) -> None:
    end, seen = monotonic() + seconds, {name: Seen() for name in names or ODDITIES}
    await asyncio.gather(*(play(address, ODDITIES[name], end, each) for name, each in seen.items()))
    figures = {
        name: {
            "hung_up": each.hung_up,
            "connections": len(each.seconds),
            "streams": each.streams,
            "longest": round(max(each.seconds), 1),
        }
        for name, each in seen.items()
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
