"""Adapters in other processes that answer just what a test says: on a real socket, with the bytes of real gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import capabilities_pb2, records_pb2
from leadline.v1 import contact_pb2
from leadline_server.crm.remote.names import DOMAIN, SERVICE

Answer = Callable[[bytes, Any], Awaitable[bytes]]

CONTACT: Final = contact_pb2.Contact(id="c-1", name="Ada Lovelace", phone_numbers=["+12025550147"])
LOG: Final = records_pb2.CrmLog(id="l-1", url="https://crm.example/l-1")
PROMISES: Final = capabilities_pb2.Capabilities(finds_log_by_key=True, enforces_unique_key=True, moves_log=True)


def says(message: Message) -> Answer:
    """An adapter's answer."""
    return sends(message.SerializeToString())


def sends(data: bytes) -> Answer:
    """Bytes in the place of an answer."""

    async def answer(_: bytes, __: Any) -> bytes:
        return data

    return answer


def fails(code: grpc.StatusCode, words: str = "", **trailing: str | bytes) -> Answer:
    """A status; the names of trailing metadata have _ for -."""

    async def answer(_: bytes, context: Any) -> bytes:
        metadata = tuple((name.replace("_", "-"), value) for name, value in trailing.items())
        return await context.abort(code, words, metadata)  # type: ignore[no-any-return] # it never returns

    return answer


async def hangs(_: bytes, __: Any) -> bytes:
    """Nothing, ever."""
    await asyncio.Event().wait()
    raise AssertionError


def details(reason: str, domain: str = DOMAIN, retry_after: float | None = None) -> bytes:
    """A google.rpc.Status as trailing metadata has it."""
    status = Status()
    parts: list[Message] = [ErrorInfo(reason=reason, domain=domain)] if reason else []
    if retry_after is not None:
        parts.append(RetryInfo())
        parts[-1].retry_delay.FromMilliseconds(round(retry_after * 1000))  # type: ignore[attr-defined] # RetryInfo's
    for part in parts:
        packed = Packed()
        packed.Pack(part)
        status.details.append(packed)
    written: bytes = status.SerializeToString()
    return written


def well() -> dict[str, Answer]:
    """The answers of an adapter that is well."""
    return {
        "Describe": says(pb.DescribeResponse(title="Acme CRM", capabilities=PROMISES)),
        "FindContacts": says(pb.FindContactsResponse(contacts=[CONTACT], is_complete=True)),
        "GetContact": says(pb.GetContactResponse(contact=CONTACT)),
        "SearchContacts": says(pb.SearchContactsResponse(contacts=[CONTACT], is_complete=True)),
        "CreateContact": says(pb.CreateContactResponse(contact=CONTACT)),
        "CreateCallLog": says(pb.CreateCallLogResponse(log=LOG)),
        "UpdateCallLog": says(pb.UpdateCallLogResponse(log=LOG)),
        "FindCallLog": says(pb.FindCallLogResponse(log=LOG)),
        "Check": says(pb.CheckResponse()),
    }


@dataclass
class ScriptedAdapter:
    """An adapter on a port of its own, which it keeps when it is stopped and started again.

    Attributes:
        answers: by method; a method that is missing is UNIMPLEMENTED.
        received: the requests as they came, by method.
        metadata: what came with the last of them.
        silent: methods that end with OK and no answer; to be set before it starts.
    """

    answers: dict[str, Answer] = field(default_factory=well)
    received: list[tuple[str, bytes]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    silent: frozenset[str] = frozenset()
    credentials: grpc.ServerCredentials | None = None
    _server: Any = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def count(self, method: str) -> int:
        """How many requests of a method came."""
        return sum(name == method for name, _ in self.received)

    async def start(self) -> None:
        # A port that was just left has connections in their last state, which a bound socket may share.
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 1)])
        handlers = {method.name: self._handler(method.name) for method in SERVICE.methods}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE.full_name, handlers),))
        address = self.address
        if self.credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, self.credentials)
        await self._server.start()

    async def stop(self) -> None:
        """End it; what is in flight breaks."""
        await self._server.stop(0)

    def _handler(self, method: str) -> "grpc.RpcMethodHandler[Any, Any]":
        async def endpoint(data: bytes, context: Any) -> bytes:
            self.received.append((method, data))
            self.metadata = dict(context.invocation_metadata())
            if method not in self.answers:
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
            return await self.answers[method](data, context)

        async def ends(_: bytes, __: Any) -> AsyncIterator[bytes]:
            for nothing in list[bytes]():
                yield nothing

        if method in self.silent:
            return grpc.unary_stream_rpc_method_handler(ends)
        return grpc.unary_unary_rpc_method_handler(endpoint)


@asynccontextmanager
async def scripted_adapter(credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[ScriptedAdapter]:
    """An adapter that is well, until a test says otherwise."""
    adapter = ScriptedAdapter(credentials=credentials)
    await adapter.start()
    try:
        yield adapter
    finally:
        await adapter.stop()
