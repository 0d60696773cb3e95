"""Connections that want nothing, or nothing sensible: none of them costs the others anything, and none is kept."""

import asyncio
import os
import random
import struct
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
from leadline_server.transport import server as transport_server
from support.servers import ServerProcess, server_process
from transport import http2
from transport.serving import serving
from transport.vitals import assert_answers, nothing_left, open_files

IDLE = 1_000
IDLE_CHANNELS = 50
TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(32) + bytes(161)
FIND_CONTACT = "/leadline.v1.ContactService/FindContact"
GARBAGE = {
    "random bytes": random.Random(1).randbytes(4_096),
    "a TLS hello": TLS_HELLO,
    "HTTP/1.1": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "half of a preface": http2.PREFACE[:11],
    "a frame beyond all limits": http2.PREFACE + b"\xff\xff\xff" + bytes(6) + bytes(1_000),
    "a frame of no known type": http2.PREFACE + http2.settings() + http2.frame(200, 255, 7, b"x"),
    "data on a stream that was never opened": http2.PREFACE + http2.settings() + http2.frame(http2.DATA, 0, 9, b"x"),
    "headers that are no HPACK": http2.PREFACE + http2.settings() + http2.frame(http2.HEADERS, 4, 1, b"\xff" * 99),
    "half a request": http2.PREFACE + http2.settings() + http2.request(FIND_CONTACT, b"\x0a\x04demo")[:-3],
    "a request without a message": http2.PREFACE
    + http2.settings()
    + http2.frame(http2.HEADERS, 5, 1, http2.header_block(http2.head(FIND_CONTACT))),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("connections") / "data") as process:
        yield process


async def test_a_thousand_idle_connections_slow_nobody_down_and_leave_nothing(server: ServerProcess) -> None:
    async with nothing_left(server, growth=80), AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(http2.connection(server.address)) for _ in range(IDLE)]
        await asyncio.gather(*(each.greeted() for each in opened))
        assert open_files(server) >= IDLE
        await assert_answers(server)


async def test_channels_that_have_asked_and_fell_silent_leave_nothing(server: ServerProcess) -> None:
    async with nothing_left(server, growth=60):
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.aio.insecure_channel(server.address, options=options) for _ in range(IDLE_CHANNELS)]
        await asyncio.gather(*(asyncio.wait_for(channel.channel_ready(), 20) for channel in channels))
        await assert_answers(server)
        await asyncio.gather(*(channel.close() for channel in channels))


@pytest.mark.parametrize("what", GARBAGE)
async def test_garbage_is_hung_up_on_or_waited_for_and_leaves_nothing(server: ServerProcess, what: str) -> None:
    async with nothing_left(server, growth=40), AsyncExitStack() as stack:
        for _ in range(50):
            await stack.enter_async_context(http2.connection(server.address, GARBAGE[what]))
        await assert_answers(server)


async def test_connections_that_are_reset_at_any_moment_leave_nothing(server: ServerProcess) -> None:
    whole = http2.PREFACE + http2.settings() + http2.request(FIND_CONTACT, b"\x0a\x04demo\x1a\x0c+12025550147")
    async with nothing_left(server, growth=40):
        for length in range(0, len(whole), 2):
            async with http2.connection(server.address, whole[:length]) as opened:
                opened.vanish()


async def test_a_connection_that_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    options = dict(transport_server.OPTIONS)
    assert options["grpc.server_handshake_timeout_ms"] <= 20_000
    options["grpc.server_handshake_timeout_ms"] = 200
    monkeypatch.setattr(transport_server, "OPTIONS", tuple(options.items()))
    async with serving() as it, asyncio.timeout(10):
        for greeting in (b"", http2.PREFACE):
            async with http2.connection(f"127.0.0.1:{it.port}", greeting) as opened:
                await opened.closed()


@pytest.mark.parametrize("flood", ["streams opened and cancelled", "pings", "settings", "continued headers"])
async def test_a_flood_of_frames_does_no_harm(server: ServerProcess, flood: str) -> None:
    async with nothing_left(server, growth=60), http2.connection(server.address) as opened:
        await opened.greeted()
        await asyncio.wait_for(opened.send(_flood(flood)), 20)
        await assert_answers(server)


def _flood(kind: str) -> bytes:
    if kind == "pings":
        return http2.frame(http2.PING, payload=os.urandom(8)) * 10_000
    if kind == "settings":
        return http2.settings(window=65_535) * 10_000
    block = http2.header_block(http2.head(FIND_CONTACT))
    if kind == "continued headers":
        more = http2.header_block((f"x-{number}", "y") for number in range(10))
        return http2.frame(http2.HEADERS, 0, 1, block) + http2.frame(http2.CONTINUATION, 0, 1, more) * 10_000
    reset = struct.pack(">I", http2.CANCEL)
    return b"".join(
        http2.frame(http2.HEADERS, http2.END_HEADERS, stream, block) + http2.frame(http2.RST_STREAM, 0, stream, reset)
        for stream in range(1, 10_000, 2)
    )


async def test_peers_that_do_not_take_a_goodbye_keep_a_server_no_longer_than_its_grace(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", settings={"LEADLINE_GRACE_PERIOD": "0.5"}) as process:
        async with http2.connection(process.address) as opened, http2.connection(process.address, b"") as silent:
            await opened.greeted()
            process.terminate()
            assert await asyncio.to_thread(process.wait, 5.0) == 0
            await silent.closed()
