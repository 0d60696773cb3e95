"""Connections have an end, and a number, on every port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import grpc
import pytest
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.http import server as http_server_module
from leadline_server.http.protocol import bounded_protocol
from leadline_server.http.server import HttpOptions, http_server
from leadline_server.transport import connections, metrics
from leadline_server.transport.connections import ConnectionLimits
from leadline_server.transport.metrics import metrics_endpoint
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from support.apps import started
from transport import http2
from transport.serving import fake_commands, refused

HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
ASKED = HALF_A_HEAD + b"\r\n"


@asynccontextmanager
async def http(connections: int) -> AsyncIterator[str]:
    receiver, methods = cast("Any", None), Server(fake_commands(), CollectorRegistry()).methods
    served = http_server("127.0.0.1:0", methods, receiver, HttpOptions(connections=connections))
    async with served as port:
        yield f"127.0.0.1:{port}"


async def answered(opened: http2.Connection) -> bytes:
    return await asyncio.wait_for(opened.reader.readline(), 10)


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD])
async def test_half_a_head_over_http_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(http_server_module, "bounded_protocol", lambda most: bounded_protocol(most, 0.1))
    async with http(10) as address, http2.connection(address, sent) as opened:
        await asyncio.wait_for(opened.closed(), 10)


async def test_an_http_connection_too_many_is_closed_and_the_others_stay() -> None:
    async with http(2) as address, http2.connection(address, b"") as first, http2.connection(address, b"") as second:
        for each in (first, second):
            await each.send(ASKED)
            assert await answered(each) == b"HTTP/1.1 404 Not Found\r\n"
        async with http2.connection(address, ASKED) as third:
            await asyncio.wait_for(third.closed(), 10)
        await first.send(ASKED)
        first.writer.write_eof()
        await asyncio.wait_for(first.closed(), 10)
        async with asyncio.timeout(10):
            while not await _is_answered(address):
                await asyncio.sleep(0.01)


async def _is_answered(address: str) -> bool:
    async with http2.connection(address, ASKED) as opened:
        try:
            return bool(await answered(opened))
        except ConnectionError:
            return False


@pytest.mark.parametrize(
    ("descriptors", "grpc_connections", "http_connections"), [(1_024, 576, 192), (65_536, 10_000, 1_000), (100, 6, 2)]
)
def test_http_gets_a_quarter_of_the_connections_and_1000_at_most(
    descriptors: int, grpc_connections: int, http_connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "raise_descriptors", lambda: descriptors)
    limits = connections.connection_limits(10_000, 0.0)
    assert (limits.grpc, limits.http) == (grpc_connections, http_connections)


async def test_idle_connections_do_not_keep_health_checks_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_CONNECTIONS", 4)
    async with metrics_endpoint("127.0.0.1:0", CollectorRegistry(), lambda: True) as port, AsyncExitStack() as stack:
        address = f"127.0.0.1:{port}"
        idle = [await stack.enter_async_context(http2.connection(address, b"")) for _ in range(12)]
        async with http2.connection(address, ASKED) as opened:
            assert await answered(opened) == b"HTTP/1.1 200 OK\r\n"
        for oldest in idle[:8]:
            await asyncio.wait_for(oldest.closed(), 10)
        await idle[-1].send(ASKED)
        assert await answered(idle[-1]) == b"HTTP/1.1 200 OK\r\n"


async def test_an_old_grpc_connection_is_replaced_and_no_call_is_lost() -> None:
    async def find(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    limits = ConnectionLimits(age_seconds=0.3, age_grace_seconds=5)
    made = Server(fake_commands(find_contact=find), CollectorRegistry(), connections=limits)
    address = f"127.0.0.1:{made.bind('127.0.0.1:0')}"
    async with started(made), http2.connection(address) as old, grpc.aio.insecure_channel(address) as channel:
        closed = asyncio.ensure_future(old.closed())
        ask = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550101"])
        answers = []
        async with asyncio.timeout(20):
            while not closed.done():
                answers.append(await refused(ContactServiceStub(channel).FindContact(ask)))
    assert {answer.info.reason for answer in answers} == {"INTERNAL"}
