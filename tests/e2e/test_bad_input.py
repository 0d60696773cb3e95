"""Bad requests: each is refused for what is wrong with it, all of it at once, and none of them changes anything."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeAlias

import grpc
import pytest
from e2e.bad_calls import LOG_CALL_REQUESTS
from e2e.bad_preferences import PREFERENCES_REQUESTS
from e2e.bad_requests import (
    ADA,
    CALL_LOG_REQUESTS,
    CONTACT_REQUESTS,
    INVALID,
    LOCKED,
    METHODS,
    Bad,
    Seed,
    good,
)
from leadline.v1 import call_log_service_pb2, contact_service_pb2
from support.databases import dump, rows
from support.servers import ServerProcess, server_process, until
from transport.serving import Refused, refused

RawRpc: TypeAlias = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
TABLE = [*CONTACT_REQUESTS, *CALL_LOG_REQUESTS, *LOG_CALL_REQUESTS, *PREFERENCES_REQUESTS]


class Target:
    """A server with something in it, and its databases as they are before any bad request."""

    def __init__(self, server: ServerProcess, seed: Seed) -> None:
        self.server = server
        self.seed = seed
        new = "SELECT id FROM audit WHERE hash IS NULL"
        until(lambda: not rows(server.data_dir / "ledger.db", new))  # what it did is in the chain of the audit trail
        self.before = dump(server.data_dir)

    def assert_unchanged(self) -> None:
        assert dump(self.server.data_dir) == self.before


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    data = tmp_path_factory.mktemp("bad-input") / "data"
    with server_process(data) as server:  # the audit trail of large reads is complete when a server has ended
        seed = _fill(server.address)
    with server_process(data) as server:
        target = Target(server, seed)
        yield target
        target.assert_unchanged()
        assert "Traceback" not in server.stderr


@pytest.fixture
async def channel(target: Target) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(target.server.address) as channel:
        yield channel


def _fill(address: str) -> Seed:
    """One good request of each RPC, which shows that they are good, and the tokens that they give."""
    with grpc.insecure_channel(address) as channel:

        def ask(rpc: str, **fields: Any) -> bytes:
            raw: Any = channel.unary_stream(_path(rpc))
            call = raw(good(rpc, **fields).SerializeToString())
            answer: bytes = next(call)
            call.cancel()
            return answer

        ask("CreateContact", request_id="", name="Ada Lovelace", phone_number=ADA)
        ask("LogCall", call={"id": "other", "direction": "CALL_DIRECTION_INBOUND"})
        answers = {rpc: ask(rpc) for rpc in METHODS}
        watch = call_log_service_pb2.WatchCallLogsResponse.FromString(answers["WatchCallLogs"])
        search = contact_service_pb2.SearchContactsResponse.FromString(ask("SearchContacts", page_size=1))
        listed = call_log_service_pb2.ListCallLogsResponse.FromString(ask("ListCallLogs", page_size=1))
    assert all((search.next_page_token, listed.next_page_token, watch.resume_token))
    return Seed(search.next_page_token, listed.next_page_token, watch.resume_token)


def _path(rpc: str) -> str:
    return f"/{METHODS[rpc].containing_service.full_name}/{rpc}"


async def send(channel: grpc.aio.Channel, rpc: str, data: bytes) -> Refused:
    """The refusal of these bytes; a stream and a single answer look alike here."""
    raw: RawRpc = channel.unary_stream(_path(rpc))
    return await refused(anext(aiter(raw(data, timeout=10))))


def test_the_table_has_bad_requests_of_every_rpc() -> None:
    assert {bad.rpc for bad in TABLE} == set(METHODS)
    assert len(METHODS) == 13


@pytest.mark.parametrize("bad", TABLE, ids=lambda bad: f"{bad.rpc}: {bad.what}")
async def test_a_bad_request_is_refused_with_all_its_violations_and_changes_nothing(
    target: Target, channel: grpc.aio.Channel, bad: Bad
) -> None:
    answer = await send(channel, bad.rpc, bad.request(target.seed).SerializeToString())
    assert (answer.code, answer.info.reason) == (bad.code, bad.reason)
    assert set(answer.violations) == bad.violations
    assert all(answer.violations.values())
    assert answer.info.domain == "leadline"
    assert answer.message
    target.assert_unchanged()


@pytest.mark.parametrize("rpc", METHODS)
@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff", b"\x0a\x7fcut", b"\x0a\x02\xff\xfe"],
    ids=["no message", "cut off", "text that is no UTF-8"],
)
async def test_bytes_that_cannot_be_decoded_are_a_bad_request(
    target: Target, channel: grpc.aio.Channel, rpc: str, data: bytes
) -> None:
    answer = await send(channel, rpc, data)
    assert (answer.code, answer.info.reason) == (INVALID, "MALFORMED_MESSAGE")
    assert len(answer.violations) == 1
    target.assert_unchanged()


@pytest.mark.parametrize("rpc", METHODS)
async def test_a_request_of_more_than_a_mebibyte_is_refused(
    target: Target, channel: grpc.aio.Channel, rpc: str
) -> None:
    padding = b"\xfa\x3f\x81\x80\x40" + b"x" * (1024 * 1024 + 1)  # field 1023, which no message has
    answer = await send(channel, rpc, good(rpc).SerializeToString() + padding)
    assert (answer.code, answer.info.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert answer.info.metadata["limit"] == str(1024 * 1024)
    target.assert_unchanged()


async def test_a_locked_field_is_named(channel: grpc.aio.Channel) -> None:
    update = good("UpdatePreferences", update_mask={"paths": ["*"]})
    answer = await send(channel, "UpdatePreferences", update.SerializeToString())
    assert dict(answer.info.metadata) == {"fields": LOCKED}


async def test_many_violations_are_all_counted_even_where_not_all_fit(
    target: Target, channel: grpc.aio.Channel
) -> None:
    request = good("UpdatePreferences", preferences={"excluded_numbers": {"values": ["hello"] * 1000}})
    answer = await send(channel, "UpdatePreferences", request.SerializeToString())
    assert answer.code is INVALID
    assert answer.info.metadata["violations"] == "1000"
    assert "preferences.excluded_numbers.values[0]" in answer.violations
    target.assert_unchanged()
