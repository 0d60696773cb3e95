"""Serves a CrmAdapter to leadline servers in other processes."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection

from leadline_server.crm.remote.names import SERVICE, TOKEN_KEY
from leadline_server.crm.remote.refusals import BadRequest, Unauthorized, refusal
from leadline_server.crm.remote.servicer import AdapterServicer
from leadline_server.crm.toolkit import Connect
from leadline_server.domain.crm_errors import CrmError

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of a request. A call with a long transcript fits in."""

_MAX_PENDING: Final = 20_000
_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    # By default gRPC ends requests as CANCELLED if more than 1000 wait. Their outcome would be unknown.
    ("grpc.server.max_pending_requests", _MAX_PENDING),
    ("grpc.server.max_pending_requests_hard_limit", _MAX_PENDING),
)
_GRACE_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)

_Endpoint = Callable[[bytes, Any], Awaitable[bytes]]


@asynccontextmanager
async def serve_adapter(
    connect: Connect,
    address: str = "127.0.0.1:0",
    *,
    title: str = "",
    token: str = "",
    grace: float = _GRACE_SECONDS,
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
) -> AsyncIterator[int]:
    """Serve an adapter until the body ends; yields the port.

    Args:
        connect: makes the adapter of an account.
        address: HOST:PORT without encryption: on this machine, or behind a proxy that encrypts. Port 0: a free one.
        title: the CRM's name for people.
        token: the token that requests must have; empty: none.
        grace: seconds for pending requests at the end.
        interceptors: interceptors of the gRPC server.

    Raises:
        OSError: the address is in use, or not one of this machine.
    """
    server = grpc.aio.server(options=_OPTIONS, interceptors=interceptors)
    servicer = AdapterServicer(connect, title)
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        method.name: grpc.unary_unary_rpc_method_handler(_endpoint(method, getattr(servicer, method.name), token))
        for method in SERVICE.methods
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE.full_name, handlers),))
    reflection.enable_server_reflection((SERVICE.full_name, reflection.SERVICE_NAME), server)  # type: ignore[no-untyped-call] # ships no types
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"Cannot serve on {address}: it is in use, or not an address of this machine.") from error
    await server.start()
    try:
        yield port
    finally:
        await server.stop(grace)


def _endpoint(method: MethodDescriptor, behaviour: Callable[[Any], Awaitable[Message]], token: str) -> _Endpoint:
    """One RPC from bytes to bytes, with authorization, decoding, and a status for every error."""
    request_type = GetMessageClass(method.input_type)

    async def endpoint(data: bytes, context: Any) -> bytes:
        try:
            _authorize(dict(context.invocation_metadata()), token)
            return (await behaviour(_decoded(request_type, data))).SerializeToString()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - no error's text may reach the caller
            if not isinstance(error, CrmError | BadRequest | Unauthorized | TimeoutError):
                _log.error("adapter failed", rpc=method.name, exc_info=error)
            code, message, trailing = refusal(error)
        return await context.abort(code, message, trailing)  # type: ignore[no-any-return] # it never returns

    return endpoint


def _decoded(kind: type[Message], data: bytes) -> Message:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise BadRequest(f"The bytes are not a {kind.DESCRIPTOR.full_name}.") from error


def _authorize(metadata: Mapping[str, Any], token: str) -> None:
    if token and not hmac.compare_digest(str(metadata.get(TOKEN_KEY, "")).encode(), f"Bearer {token}".encode()):
        raise Unauthorized
