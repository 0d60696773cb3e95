"""Requests that are too large, compressed or for unknown RPCs are refused, and no other request is affected."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, TypeAlias

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from support.servers import ServerProcess, server_process
from transport import http2
from transport.serving import refused
from transport.vitals import assert_answers, nothing_left, peak_memory

MIB: Final = 1024 * 1024
FIND_CONTACT: Final = "/leadline.v1.ContactService/FindContact"
ASKED: Final = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550147"])
BODY: Final = ASKED.SerializeToString()
RawUnary: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
OK, INVALID_ARGUMENT, UNIMPLEMENTED, RESOURCE_EXHAUSTED = 0, 3, 12, 8
INTERNAL = 13  # in this module only gRPC's own, of a request that never reaches leadline


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("requests") / "data") as process:
        yield process


@pytest.fixture
async def channel(server: ServerProcess) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        yield channel


@pytest.mark.parametrize("mebibytes", [1, 3])
async def test_above_leadlines_limit_the_answer_names_the_limit(channel: grpc.aio.Channel, mebibytes: int) -> None:
    send: RawUnary = channel.unary_unary(FIND_CONTACT)
    answer = await refused(send(BODY + b"\xfa\x3f\x80\x80\x40" + b"x" * MIB * mebibytes))
    assert (answer.code, answer.info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")


@pytest.mark.parametrize("mebibytes", [5, 64])
async def test_above_grpcs_limit_grpc_refuses_it_unread(
    server: ServerProcess, channel: grpc.aio.Channel, mebibytes: int
) -> None:
    async with nothing_left(server, growth=40):
        send: RawUnary = channel.unary_unary(FIND_CONTACT)
        with pytest.raises(grpc.aio.AioRpcError, match="larger than max"):
            await send(b"x" * MIB * mebibytes)


async def test_a_compressed_request_is_read(server: ServerProcess) -> None:
    async with grpc.aio.insecure_channel(server.address, compression=grpc.Compression.Gzip) as compressing:
        answer = await ContactServiceStub(compressing).FindContact(ASKED)
    assert not answer.matches


async def test_a_compressed_request_may_have_as_much_as_another(server: ServerProcess) -> None:
    big = ASKED.SerializeToString() + b"\xfa\x3f\x80\x80\x40" + b"x" * MIB
    async with grpc.aio.insecure_channel(server.address, compression=grpc.Compression.Gzip) as compressing:
        send: RawUnary = compressing.unary_unary(FIND_CONTACT)
        answer = await refused(send(big))
    assert answer.info.reason == "MESSAGE_TOO_LARGE"


async def test_gzip_bombs_are_not_unpacked_beyond_the_limit(server: ServerProcess) -> None:
    bomb = gzip.compress(bytes(48 * MIB))
    assert len(bomb) < 64 * 1024  # so that it may be sent without waiting for the server's windows
    before = peak_memory(server)
    block = http2.header_block(http2.head(FIND_CONTACT, grpc_encoding="gzip"))
    request = http2.frame(http2.HEADERS, http2.END_HEADERS, 1, block) + _in_frames(http2.message(bomb, 1))
    assert await asyncio.gather(*(_status(server, request) for _ in range(16))) == [RESOURCE_EXHAUSTED] * 16
    assert peak_memory(server) - before < 200  # all of them unpacked would be 768
    await assert_answers(server)


def _in_frames(data: bytes) -> bytes:
    parts = [data[at : at + 16_384] for at in range(0, len(data), 16_384)]
    ends = [0] * (len(parts) - 1) + [http2.END_STREAM]
    return b"".join(http2.frame(http2.DATA, end, 1, part) for part, end in zip(parts, ends, strict=True))


@pytest.mark.parametrize("count", [1_000, 5_000])
async def test_thousands_of_headers_are_refused_and_the_next_request_is_not(
    server: ServerProcess, channel: grpc.aio.Channel, count: int
) -> None:
    async with nothing_left(server, growth=40):
        stub = ContactServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.FindContact(ASKED, metadata=tuple((f"x-{number}", "y") for number in range(count)))
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await stub.FindContact(ASKED)


async def test_metadata_of_a_mebibyte_is_refused_and_a_modest_one_is_not(
    server: ServerProcess, channel: grpc.aio.Channel
) -> None:
    async with nothing_left(server, growth=40):
        stub = ContactServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.FindContact(ASKED, metadata=(("x-large", "y" * MIB),))
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await stub.FindContact(ASKED, metadata=(("x-modest", "y" * 8_192),))


@pytest.mark.parametrize(
    "path",
    ["/leadline.v1.ContactService/Nothing", "/leadline.v1.Nobody/FindContact", "/", "nothing", "/" + "x" * 5_000],
    ids=["no such RPC", "no such service", "root", "no slash", "long"],
)
async def test_what_does_not_exist_is_unimplemented(server: ServerProcess, path: str) -> None:
    assert await _status(server, http2.request(path, BODY)) == UNIMPLEMENTED


ODD: Final[dict[str, tuple[bytes, int | None]]] = {
    "a content type that is not gRPC's": (http2.request(FIND_CONTACT, BODY, content_type="application/json"), OK),
    "no content type": (http2.request(FIND_CONTACT, BODY, content_type=""), OK),
    "GET": (http2.request(FIND_CONTACT, BODY, method="GET"), None),
    "no path": (http2.request("", BODY), None),
    "no trailers wanted": (http2.request(FIND_CONTACT, BODY, te=""), None),
    "an encoding that nobody knows": (http2.request(FIND_CONTACT, BODY, grpc_encoding="snappy"), INTERNAL),
    "a deadline that is no time": (http2.request(FIND_CONTACT, BODY, grpc_timeout="soon"), INTERNAL),
    "a deadline below zero": (http2.request(FIND_CONTACT, BODY, grpc_timeout="-1S"), INTERNAL),
}


@pytest.mark.parametrize("what", ODD)
async def test_an_odd_request_is_answered_or_reset_by_grpc(server: ServerProcess, what: str) -> None:
    async with nothing_left(server, growth=40):
        request, status = ODD[what]
        assert await _status(server, request) == status


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (http2.message(BODY, 7), INVALID_ARGUMENT),
        (http2.message(b"no gzip", 1), INTERNAL),
        (b"\0\xff\xff\xff\xff", RESOURCE_EXHAUSTED),
        (http2.message(BODY) * 2, OK),
    ],
    ids=["unknown flags", "said to be compressed", "said to have 4 GiB", "two messages where one is wanted"],
)
async def test_a_message_in_an_odd_frame_is_answered(server: ServerProcess, data: bytes, status: int) -> None:
    block = http2.header_block(http2.head(FIND_CONTACT))
    odd = http2.frame(http2.HEADERS, http2.END_HEADERS, 1, block) + http2.frame(http2.DATA, http2.END_STREAM, 1, data)
    assert await _status(server, odd) == status
    await assert_answers(server)


async def _status(server: ServerProcess, request: bytes) -> int | None:
    async with http2.connection(server.address) as opened, asyncio.timeout(10):
        await opened.send(request)
        return await opened.status()


@pytest.mark.parametrize(
    "rpc", ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch", "grpc.health.v1.Health/List"]
)
async def test_bytes_that_are_no_message_are_a_bad_request_for_health_too(channel: grpc.aio.Channel, rpc: str) -> None:
    ask: Any = channel.unary_stream(f"/{rpc}")
    answer = await refused(anext(aiter(ask(b"\xff\xff\xff"))))
    assert (answer.code, answer.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE")


async def test_bytes_that_are_no_message_are_a_bad_request_for_reflection_too(channel: grpc.aio.Channel) -> None:
    ask: Any = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    answer = await refused(anext(aiter(ask([b"\xff\xff\xff"]))))
    assert (answer.code, answer.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE")


async def test_health_and_reflection_answer_beside_a_thousand_lookups(
    server: ServerProcess, channel: grpc.aio.Channel
) -> None:
    lookups = asyncio.gather(*(ContactServiceStub(channel).FindContact(ASKED, timeout=30) for _ in range(1_000)))
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)]) as own:
        health: Any = health_pb2_grpc.HealthStub(own)  # type: ignore[no-untyped-call] # ships no types
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(own)  # type: ignore[no-untyped-call] # ships no types
        status = (await health.Check(health_pb2.HealthCheckRequest(), timeout=5)).status
        asked = reflection.ServerReflectionInfo([reflection_pb2.ServerReflectionRequest(list_services="")], timeout=5)
        services = {service.name for service in (await anext(aiter(asked))).list_services_response.service}
    assert status == health_pb2.HealthCheckResponse.SERVING
    assert "leadline.v1.CallLogService" in services
    assert len(await lookups) == 1_000
