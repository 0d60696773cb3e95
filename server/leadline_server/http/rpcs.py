"""All RPCs by the Connect protocol and gRPC-Web, as JSON or protobuf, over the same endpoints as gRPC.

An endpoint (`transport.endpoint`) takes a request's bytes and a context, and returns the answer's bytes. HTTP calls the
same endpoints, so deadlines, errors, limits, metrics and logs are those of gRPC. JSON requests are converted to
protobuf bytes, and protobuf answers to JSON.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, cast

import grpc
from connectrpc.code import Code
from connectrpc.codec import Codec
from connectrpc.errors import ConnectError, ErrorDetail
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from protobuf.wkt import Any as AnyDetail

from leadline_server.domain.errors import FieldViolation, MalformedMessage
from leadline_server.transport import status
from leadline_server.transport.endpoint import MAX_MESSAGE_BYTES, check_size
from leadline_server.transport.refusals import logged
from leadline_server.transport.served_methods import ServedMethod

_READ_BYTES: Final = 4 * MAX_MESSAGE_BYTES
"""The most bytes that are read of a request. It is above MAX_MESSAGE_BYTES, so that leadline's own error is sent."""

PEER: Final[ContextVar[Mapping[str, Sequence[bytes]] | None]] = ContextVar("peer", default=None)
"""The names in the client certificate of the request in progress."""

MAX_NESTING: Final = 100  # as protobuf's own readers have it


@dataclass(frozen=True, slots=True)
class _Body:
    """A request or an answer, as connectrpc passes it on: bytes of protobuf or of JSON."""

    data: bytes
    is_json: bool = False


class _Refused(Exception):
    """An endpoint ended the call with an error."""

    def __init__(self, code: grpc.StatusCode, message: str, details: bytes) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class CallContext:
    """The context of a call over HTTP. It has the methods of gRPC's context that endpoints use.

    Args:
        seconds: how long the caller waits; None without a deadline.
        headers: the request's headers.
        peer: where it comes from: `192.0.2.1:50000`.
        send: sends a stream's next message.
    """

    def __init__(
        self,
        seconds: float | None,
        headers: Sequence[tuple[str, str]] = (),
        peer: str = "",
        send: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> None:
        self._end = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self._headers = headers
        self._peer = peer
        self._send = send
        self._names = PEER.get() or {}

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """The request's headers."""
        return self._headers

    def peer(self) -> str:
        """Where the request comes from."""
        return self._peer

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """The properties of the connection's client certificate, by name."""
        return self._names

    def time_remaining(self) -> float | None:
        """How much longer the caller waits, in seconds; None without a deadline."""
        return None if self._end is None else max(0.0, self._end - asyncio.get_running_loop().time())

    async def write(self, message: bytes) -> None:
        """Send a stream's next message."""
        if self._send is not None:
            await self._send(message)

    async def abort(
        self, code: grpc.StatusCode, message: str, trailing_metadata: Sequence[tuple[str, str | bytes]] = ()
    ) -> None:
        """End the call with an error."""
        details = next((value for key, value in trailing_metadata if key == status.DETAILS_KEY), b"")
        raise _Refused(code, message, details if isinstance(details, bytes) else b"")


class _RawCodec(Codec[Any, Any]):
    """Passes bytes on as they are. The endpoint decodes them, so that errors are leadline's own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        """The codec's name in content types: `proto` or `json`."""
        return self._name

    def encode(self, message: _Body) -> bytes:
        """The answer's bytes."""
        return message.data

    def decode(self, data: bytes | bytearray, message_class: type[Any]) -> _Body:  # noqa: ARG002 - connectrpc's signature
        """The request's bytes."""
        return _Body(bytes(data), is_json=self._name == "json")


class RpcApplication(ConnectASGIApplication[None]):
    """The RPCs `methods`, by their full names, as an ASGI application."""

    def __init__(self, methods: Mapping[str, ServedMethod]) -> None:
        endpoints = {name: _endpoint(method) for name, method in methods.items()}
        super().__init__(
            service=None,
            endpoints=lambda _: endpoints,
            read_max_bytes=_READ_BYTES,
            codecs=[_RawCodec("proto"), _RawCodec("json")],
        )

    @property
    def path(self) -> str:
        """Empty: each RPC has its own path below the root."""
        return ""


def context_of(scope: Mapping[str, Any], seconds: float | None) -> CallContext:
    """The context of a request that is not an RPC."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    host, port = scope.get("client") or ("", 0)
    return CallContext(seconds, headers, f"{host}:{port}")


async def call(method: ServedMethod, request: Message, context: CallContext) -> Message:
    """Call an RPC's endpoint with a message, for pages that are not RPCs.

    Raises:
        ConnectError: the endpoint refused.
    """
    try:
        data = await method.serve(request.SerializeToString(), context)
    except _Refused as refused:
        raise _connect_error(refused) from None
    return method.output_type.FromString(data)


def _endpoint(method: ServedMethod) -> Any:
    info: MethodInfo[Any, Any] = MethodInfo(
        name=method.name,
        service_name=method.service,
        input=_Body,
        output=_Body,
        # Otherwise Connect offers GET for methods without side effects, with callers' numbers in URLs.
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.SERVER_STREAM if method.is_stream else StreamType.UNARY,
    )
    if method.is_stream:
        return Endpoint.server_stream(info, _stream(method))
    return Endpoint.unary(info, _unary(method))


def _unary(method: ServedMethod) -> Callable[[_Body, RequestContext[Any, Any]], Awaitable[_Body]]:
    async def answered(body: _Body, context: RequestContext[Any, Any]) -> _Body:
        call_context = _context(context)
        request = await _binary(method, body, call_context)
        try:
            data = await method.serve(request, call_context)
        except _Refused as refused:
            raise _connect_error(refused) from None
        return _written(method, data, is_json=body.is_json)

    return answered


def _stream(method: ServedMethod) -> Callable[[_Body, RequestContext[Any, Any]], AsyncIterator[_Body]]:
    async def streamed(body: _Body, context: RequestContext[Any, Any]) -> AsyncIterator[_Body]:
        messages: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        call_context = _context(context, messages.put)
        request = await _binary(method, body, call_context)

        async def work() -> None:
            try:
                await method.serve(request, call_context)
            finally:
                await messages.put(None)

        serving = asyncio.create_task(work())
        try:
            while (data := await messages.get()) is not None:
                yield _written(method, data, is_json=body.is_json)
            await serving
        except _Refused as refused:
            raise _connect_error(refused) from None
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError, _Refused):
                await serving

    return streamed


def _context(context: RequestContext[Any, Any], send: Callable[[bytes], Awaitable[None]] | None = None) -> CallContext:
    seconds = None if context.timeout_ms is None else max(0.0, context.timeout_ms / 1000)
    return CallContext(seconds, list(context.request_headers.allitems()), context.client_address or "", send)


async def _binary(method: ServedMethod, body: _Body, context: CallContext) -> bytes:
    """The request as protobuf bytes. One that cannot be read is counted and refused as the endpoint does it.

    JSON is not read before its sender is known. The endpoint finds the principal again, in a cache.
    """
    if not body.is_json:
        return body.data
    try:
        if method.guard is not None:
            await method.guard.authenticate(context)
        return _read_json(method, body.data).SerializeToString()
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not reach the caller
        began = method.counts.begin()
        refusal = logged(method.name, error)
        method.counts.refused[refusal.code.name, refusal.reason] += 1
        method.counts.end(refusal.code.name, began)
        raise _as_connect_error(refusal) from None


def _read_json(method: ServedMethod, data: bytes) -> Message:
    check_size(data)
    message = method.input_type()
    try:
        # An unknown field is an error, because people write these requests, and it is probably a typing mistake.
        Parse(data or b"{}", message, ignore_unknown_fields=False, max_recursion_depth=MAX_NESTING)
    except (ParseError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200] if isinstance(error, ParseError) else "The JSON is not valid."
        raise MalformedMessage([FieldViolation("request", said)]) from error
    return message


def _written(method: ServedMethod, data: bytes, *, is_json: bool) -> _Body:
    if not is_json:
        return _Body(data)
    # Field names as in the .proto files and in the documents. Readers of proto3 JSON accept both spellings.
    try:
        text = MessageToJson(method.output_type.FromString(data), preserving_proto_field_name=True, indent=None)
        return _Body(text.encode(), is_json=True)
    except Exception as error:  # noqa: BLE001 - as above
        raise _as_connect_error(logged(method.name, error)) from None


def _as_connect_error(refusal: status.Refusal) -> ConnectError:
    return _connect_error(_Refused(refusal.code, refusal.message, refusal.details))


def _connect_error(refused: _Refused) -> ConnectError:
    details = []
    if refused.details:
        packed = Status.FromString(refused.details).details
        details = [ErrorDetail(AnyDetail(type_url=one.type_url, value=one.value)) for one in packed]
    code = Code.CANCELED if refused.code is grpc.StatusCode.CANCELLED else Code[refused.code.name]
    return ConnectError(code, refused.message, cast("Any", details))
