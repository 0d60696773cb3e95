"""A real server over a socket with commands made by hand, and what its errors carry."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar, cast

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from leadline_server.commands import Commands
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry
from support.accounts import FakeAccounts
from support.apps import started

_Response = TypeVar("_Response")


class Serving(NamedTuple):
    server: Server
    port: int
    channel: grpc.aio.Channel
    registry: CollectorRegistry


@asynccontextmanager
async def serving(**commands: Callable[..., Any]) -> AsyncIterator[Serving]:
    """Serve commands given by name; the account `demo` exists, in region US."""
    registry = CollectorRegistry()
    server = Server(fake_commands(**commands), registry)
    port = server.bind("127.0.0.1:0")
    async with started(server), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Serving(server, port, channel, registry)


def fake_commands(**commands: Callable[..., Any]) -> Commands:
    """Commands given by name; `find_contact` stands in for the lookup, which answers FindContact."""
    made = {name: SimpleNamespace(execute=execute) for name, execute in commands.items()}
    made["lookup"] = SimpleNamespace(answer=commands.get("find_contact"))
    return cast("Commands", SimpleNamespace(accounts=FakeAccounts(demo="US"), **made))


class Refused(NamedTuple):
    """An error as a client sees it."""

    code: grpc.StatusCode
    message: str
    info: Any
    violations: dict[str, str]
    retry_seconds: float | None
    raw: bytes


async def refused(call: Awaitable[_Response]) -> Refused:
    try:
        response = await call
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    raise AssertionError(f"It was answered: {response}")


def read_refusal(error: grpc.aio.AioRpcError) -> Refused:
    trailing = {str(key): value for key, value in error.trailing_metadata()}
    raw = cast("bytes", trailing["grpc-status-details-bin"])
    status, info, bad_request, retry_info = Status.FromString(raw), ErrorInfo(), BadRequest(), RetryInfo()
    found = {type(part) for part in (info, bad_request, retry_info) for any_ in status.details if any_.Unpack(part)}
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    return Refused(
        code=error.code(),
        message=error.details() or "",
        info=info,
        violations={violation.field: violation.description for violation in bad_request.field_violations},
        retry_seconds=retry_info.retry_delay.ToMilliseconds() / 1000 if RetryInfo in found else None,
        raw=raw,
    )
