"""The server as a whole: what it serves besides RPCs, and how it stops."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.transport.addresses import AddressUnavailable
from leadline_server.transport.server import Server
from leadline_server.watch.batch import WatchItem
from prometheus_client import CollectorRegistry
from transport.serving import fake_commands, read_refusal, refused, serving

ASKED = pb.FindContactRequest(account_id="demo", phone_numbers=["+14155550123"])
SERVICES = [f"leadline.v1.{name}Service" for name in ("Contact", "CallLog", "Preferences")]
POSITION = "position-1"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def endless_watch(_: object) -> AsyncIterator[WatchItem]:
    yield WatchItem(None, POSITION)
    await asyncio.Event().wait()


async def drained(messages: AsyncIterator[object]) -> None:
    async for _ in messages:
        pass


async def test_a_taken_port_is_an_error_and_not_shared() -> None:
    async with serving() as it:
        second = Server(fake_commands(), CollectorRegistry())
        with pytest.raises(AddressUnavailable, match=f"Cannot listen on 127.0.0.1:{it.port}"):
            second.bind(f"127.0.0.1:{it.port}")


@pytest.mark.parametrize("address", ["50051", "127.0.0.1:http", "127.0.0.1:65536", ""])
async def test_a_malformed_address_is_an_error(address: str) -> None:
    with pytest.raises(AddressUnavailable):
        Server(fake_commands(), CollectorRegistry()).bind(address)


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_health_says_serving_for_the_server_and_for_each_service(service: str) -> None:
    async with serving() as it:
        stub = health_pb2_grpc.HealthStub(it.channel)  # type: ignore[no-untyped-call] # ships no types
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_names_the_services() -> None:
    async with serving() as it:

        def ask() -> set[str]:
            with grpc.insecure_channel(f"127.0.0.1:{it.port}") as channel:
                database = ProtoReflectionDescriptorDatabase(channel)
                return set(database.get_services())

        names = await asyncio.to_thread(ask)
    assert names >= {*SERVICES, "grpc.health.v1.Health"}


async def test_draining_finishes_what_is_in_flight_and_takes_nothing_new() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*_: object, **__: object) -> FoundContacts:
        started.set()
        await go_on.wait()
        return FoundContacts((), NOW)

    async with serving(find_contact=slow) as it:
        stub = ContactServiceStub(it.channel)
        call = stub.FindContact(ASKED)
        await asyncio.wait_for(started.wait(), 5)
        draining = asyncio.create_task(it.server.drain(5))
        while it.server.is_serving:
            await asyncio.sleep(0)
        go_on.set()
        assert (await call).as_of.ToDatetime(UTC) == NOW
        await asyncio.wait_for(draining, 5)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.FindContact(ASKED)
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_draining_ends_watches_at_once_and_says_why() -> None:
    async with serving(watch_call_logs=endless_watch) as it:
        watch = CallLogServiceStub(it.channel).WatchCallLogs(logs_pb.WatchCallLogsRequest(account_id="demo"))
        messages = aiter(watch)
        assert (await anext(messages)).resume_token == POSITION
        await asyncio.wait_for(it.server.drain(60), 5)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await anext(messages)
    answer = read_refusal(error.value)
    assert (answer.code, answer.info.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert answer.retry_seconds is not None


async def test_draining_ends_a_watch_that_is_never_short_of_news() -> None:
    async def busy(_: object) -> AsyncIterator[WatchItem]:
        while True:
            yield WatchItem(None, POSITION)

    async with serving(watch_call_logs=busy) as it:
        watch = CallLogServiceStub(it.channel).WatchCallLogs(logs_pb.WatchCallLogsRequest(account_id="demo"))
        messages = aiter(watch)
        await anext(messages)
        draining = asyncio.create_task(it.server.drain(60))
        answer = await refused(drained(messages))
        await asyncio.wait_for(draining, 5)
    assert answer.info.reason == "SHUTTING_DOWN"


async def test_draining_tells_health_watchers_and_does_not_wait_for_them() -> None:
    async with serving() as it:
        stub = health_pb2_grpc.HealthStub(it.channel)  # type: ignore[no-untyped-call] # ships no types
        watch = aiter(stub.Watch(health_pb2.HealthCheckRequest()))
        assert (await anext(watch)).status == health_pb2.HealthCheckResponse.SERVING
        await asyncio.wait_for(it.server.drain(60), 5)
        assert (await anext(watch)).status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_watcher_who_leaves_ends_the_command() -> None:
    left = asyncio.Event()

    async def watched(_: object) -> AsyncIterator[WatchItem]:
        try:
            yield WatchItem(None, POSITION)
            await asyncio.Event().wait()
        finally:
            left.set()

    async with serving(watch_call_logs=watched) as it:
        watch = CallLogServiceStub(it.channel).WatchCallLogs(logs_pb.WatchCallLogsRequest(account_id="demo"))
        await anext(aiter(watch))
        watch.cancel()
        await asyncio.wait_for(left.wait(), 5)
