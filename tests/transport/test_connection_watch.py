"""Peers whose streams bring no requests are hung up on, and no other client is."""

import asyncio
from time import thread_time
from typing import Any

import grpc
import pytest
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.transport import connection_watch
from leadline_server.transport.channelz import server_ids, socket_ids
from leadline_server.transport.connection_watch import Connection, ConnectionWatch
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from support.apps import started
from transport import http2
from transport.serving import fake_commands, refused

FIND = "/leadline.v1.ContactService/FindContact"
BLOCK = http2.header_block(http2.head(FIND))
OPENED = http2.PREFACE + http2.settings(window=65_535) + http2.frame(http2.HEADERS, http2.END_HEADERS, 1, BLOCK)


def counted(*, started: int, succeeded: int = 0, failed: int = 0, messages: int = 0) -> Connection:
    peer = (b"\x7f\0\0\1", 5)
    return Connection(peer=peer, started=started, succeeded=succeeded, failed=failed, messages=messages)


def test_streams_that_are_over_without_a_request_are_abandoned_if_they_are_most() -> None:
    assert counted(started=1_000, failed=1_000).is_abandoning
    assert not counted(started=999, failed=999).is_abandoning
    assert not counted(started=5_000, failed=1_000, succeeded=4_000, messages=4_000).is_abandoning
    assert not counted(started=5_000).is_abandoning, "they wait to be read"


def test_a_stream_waits_for_its_request_until_it_came_or_the_stream_is_over() -> None:
    assert counted(started=1).waits_for_request
    assert not counted(started=1, messages=1).waits_for_request
    assert not counted(started=3, failed=2, messages=1).waits_for_request


@pytest.mark.parametrize("idle_bytes", [connection_watch.MOST_IDLE_BYTES, 100_000])
async def test_a_slow_request_or_many_idle_bytes_end_a_connection_and_no_other(
    monkeypatch: pytest.MonkeyPatch, idle_bytes: int
) -> None:
    async def find(*_: Any, **__: Any) -> Any:
        raise CrmUnavailable("Down.")

    monkeypatch.setattr(connection_watch, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(connection_watch, "MOST_IDLE_BYTES", idle_bytes)
    registry = CollectorRegistry()
    is_slow = idle_bytes > 100_000
    made = Server(fake_commands(find_contact=find), registry, request_seconds=0.3 if is_slow else 60)
    address = f"127.0.0.1:{made.bind('127.0.0.1:0')}"
    async with started(made), grpc.aio.insecure_channel(address) as channel, http2.connection(address, OPENED) as odd:
        stub, ask = (
            ContactServiceStub(channel),
            pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550101"]),
        )
        closed = asyncio.ensure_future(odd.closed())
        async with asyncio.timeout(20):
            while not closed.done():
                if not is_slow:
                    await odd.send(http2.settings(window=65_535) * 100)
                assert (await refused(stub.FindContact(ask))).info.reason == "CRM_UNAVAILABLE"
    assert registry.get_sample_value("leadline_connections_hung_up_total") == 1


async def test_the_time_that_the_sockets_take_counts_for_the_rest_after_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    async def find(*_: Any, **__: Any) -> Any:
        raise CrmUnavailable("Down.")

    def busy() -> dict[Any, int]:
        began = thread_time()
        while thread_time() - began < 0.05:
            pass
        return {}

    made = Server(fake_commands(find_contact=find), CollectorRegistry())
    address = f"127.0.0.1:{made.bind('127.0.0.1:0')}"
    async with started(made), grpc.aio.insecure_channel(address) as channel:
        await refused(ContactServiceStub(channel).FindContact(pb.FindContactRequest()))
        [server_id] = [number for number in server_ids() if socket_ids(number, 0)]
        monkeypatch.setattr(connection_watch, "received_bytes", busy)
        assert await ConnectionWatch(server_id).look() >= 0.05
