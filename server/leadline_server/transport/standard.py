"""gRPC's standard services, health and reflection, with requests read as those of leadline's own are."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from leadline_server.domain.errors import FieldViolation, MalformedMessage
from leadline_server.transport.context import Context
from leadline_server.transport.refusals import logged, refuse
from leadline_server.transport.registration import register

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Read: TypeAlias = Callable[[bytes], Any]


class StandardServices:
    """Registers standard services, such as health and reflection, with the server.

    gRPC answers a request that cannot be decoded with UNKNOWN and the exception's text. Here it is INVALID_ARGUMENT, as
    for all other RPCs.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Register a service's handlers. Generated code calls this."""
        guarded = {name: _guarded(f"{service}/{name}", handler) for name, handler in handlers.items()}
        register(self._server, service, guarded)

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Do nothing: generated code also registers the same handlers with `add_registered_method_handlers`."""


def _guarded(rpc: str, handler: Any) -> _Handler:
    """The handler, for requests that are not decoded yet."""
    read, write = handler.request_deserializer, handler.response_serializer
    if handler.stream_stream is not None:
        return grpc.stream_stream_rpc_method_handler(_stream(rpc, read, handler.stream_stream), None, write)
    if handler.unary_stream is not None:
        return grpc.unary_stream_rpc_method_handler(_unary(rpc, read, handler.unary_stream), None, write)
    return grpc.unary_unary_rpc_method_handler(_unary(rpc, read, handler.unary_unary), None, write)


def _unary(rpc: str, read: _Read, behaviour: Any) -> Any:
    async def guarded(data: bytes, context: Context) -> Any:
        return await behaviour(await _message(rpc, read, data, context), context)

    return guarded


def _stream(rpc: str, read: _Read, behaviour: Any) -> Any:
    async def messages(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[Any]:
        async for data in requests:
            yield await _message(rpc, read, data, context)

    async def guarded(requests: AsyncIterator[bytes], context: Context) -> AsyncGenerator[Any, None]:
        async with aclosing(behaviour(messages(requests, context), context)) as answers:
            async for answer in answers:
                yield answer

    return guarded


async def _message(rpc: str, read: _Read, data: bytes, context: Context) -> Any:
    try:
        return read(data)
    except DecodeError as error:
        malformed = MalformedMessage([FieldViolation("request", "The bytes are not a request of this RPC.")])
        malformed.__cause__ = error
        await refuse(context, logged(rpc, malformed))
