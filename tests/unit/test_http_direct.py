"""Requests that are written straight to connections: what they say, and what becomes of them."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from leadline_server.crm.egress import Egress
from leadline_server.crm.http_sessions import checked_session, trusted_session
from leadline_server.crm.toolkit import http_exchange
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmTooMuch, CrmUnavailable
from unit.http_failures import Client, client_of, failure

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with trusted_session(Egress()) as session:
        yield client_of(session)


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """A server that does with each connection what `serve` does; yields its address."""

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(whole, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def answering_with(*answers: bytes, heads: list[bytes] | None = None) -> Serve:
    """Each connection gets one answer for its first request, and is closed after the last of `answers`."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            head = await reader.readuntil(b"\r\n\r\n")
            if heads is not None:
                heads.append(head)
            writer.write(left.pop(0))
            await writer.drain()

    return serve


async def test_a_request_says_what_http_needs(client: Client) -> None:
    heads: list[bytes] = []
    async with serving(answering_with(OK, OK, heads=heads)) as url:
        await client(url).ask("GET", "/a?b=c", params={"q": "\u00fc &"})
        await client(url).tell("POST", "/d")
    asked, told = (head.split(b"\r\n")[:-2] for head in heads)
    assert asked[:2] == [b"GET /a?b=c&q=%C3%BC+%26 HTTP/1.1", f"Host: {url.removeprefix('http://')}".encode()]
    assert b"Accept-Encoding: gzip, deflate" in asked
    assert not any(line.startswith(b"Content-Length") for line in asked)
    assert b"Content-Length: 0" in told


async def test_no_header_begins_in_the_value_of_another(client: Client) -> None:
    heads: list[bytes] = []
    async with serving(answering_with(OK, heads=heads)) as url:
        for name, value in (("X", "a\r\nEvil: 1"), ("X", "a\nEvil: 1"), ("X\r\nEvil", "1"), ("X", "a\0")):
            await failure(client(url).ask("GET", "/", headers={name: value}))
    assert heads == []


@pytest.mark.parametrize("packed", [b"gzip", b"deflate"])
async def test_a_compressed_answer_is_read(client: Client, packed: bytes) -> None:
    body = zlib.compress(b'{"a": 1}') if packed == b"deflate" else gzipped(b'{"a": 1}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (packed, len(body))
    async with serving(answering_with(head + body)) as url:
        assert (await client(url).ask("GET", "/")).json() == {"a": 1}


async def test_a_small_answer_that_unpacks_to_a_large_one_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_exchange, "MAX_ANSWER_BYTES", 10_000)
    body = gzipped(b" " * 20_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with serving(answering_with(head + body)) as url:
        assert type(await failure(client(url).ask("GET", "/"))) is CrmTooMuch


async def test_an_answer_in_chunks_and_one_after_an_interim_answer_are_read(client: Client) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    early = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK
    async with serving(answering_with(chunked, early, OK)) as url:
        for _ in range(3):
            assert (await client(url).ask("GET", "/")).json() == {}


@pytest.mark.parametrize("answer", [b"\0\0\0", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", b""])
async def test_an_answer_that_is_no_http_or_ends_early_is_of_no_use(client: Client, answer: bytes) -> None:
    async with serving(answering_with(answer)) as url:
        assert type(await failure(client(url).ask("POST", "/"))) is CrmUnavailable
    async with serving(answering_with(answer)) as url:
        assert type(await failure(client(url).tell("POST", "/"))) is CrmOutcomeUnknown


@pytest.mark.parametrize(("method", "is_repeated"), [("GET", True), ("PUT", True), ("POST", False), ("PATCH", False)])
async def test_a_request_on_a_kept_connection_that_closes_is_repeated_if_that_changes_nothing(
    client: Client, method: str, *, is_repeated: bool
) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")  # the next request of this connection gets no answer

    async with serving(serve) as url:
        asking = client(url)
        await asking.ask("GET", "/")
        if is_repeated:
            await asking.tell(method, "/")
        else:
            assert type(await failure(asking.tell(method, "/"))) is CrmOutcomeUnknown
    assert len(heads) == 1 + is_repeated


async def test_an_answer_that_was_not_waited_for_is_not_the_answer_to_the_next_request(client: Client) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3 if b"/slow" in head else 0)
        writer.write(OK.replace(b"{}", b"[]") if b"/slow" in head else OK)
        await writer.drain()

    async with serving(serve) as url:
        await failure(client(url, deadline=0.1).ask("GET", "/slow"))
        for _ in range(3):
            assert (await client(url).ask("GET", "/")).body == b"{}"
            await asyncio.sleep(0.1)


async def test_a_session_that_is_checked_reaches_no_address_of_this_machine() -> None:
    heads: list[bytes] = []
    async with serving(answering_with(OK, heads=heads)) as url, checked_session(Egress()) as session:
        error = await failure(client_of(session)(url).tell("POST", "/"))
        assert type(error) is CrmUnavailable
        assert "is not a public address" in error.message
        by_name = url.replace("127.0.0.1", "localhost")
        assert "is not a public address" in (await failure(client_of(session)(by_name).tell("POST", "/"))).message
    assert heads == []


async def test_aiohttps_own_client_checks_the_same_session() -> None:
    async with serving(answering_with(OK)) as url, checked_session(Egress()) as session:
        with pytest.raises(aiohttp.ClientError) as refused:
            await session.get(url)
    assert "is not a public address" in str(refused.value.__cause__)


def gzipped(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=31)
    return packing.compress(data) + packing.flush()
