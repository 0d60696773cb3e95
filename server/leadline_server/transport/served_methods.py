"""The endpoints of a service, built at registration."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from leadline_server.auth.authenticator import Authenticator
from leadline_server.transport.admission.door import Door
from leadline_server.transport.admission.guard import Guard, check_row
from leadline_server.transport.bulk_reads import note_of
from leadline_server.transport.endpoint import unary_endpoint
from leadline_server.transport.rpc_counts import RpcCounts
from leadline_server.transport.stream_endpoint import stream_endpoint
from leadline_server.transport.streams import Streams
from leadline_server.transport.tracer import CallRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedMethod:
    """An RPC and its endpoint.

    Attributes:
        service, name: `leadline.v1.ContactService` and `FindContact`.
        input_type, output_type: the classes of its request and its answer.
        is_stream: whether it writes any number of messages to the context.
        serve: the endpoint. It takes the request's bytes and the call's context, and returns the answer's bytes.
        counts: its counts.
        guard: finds the principal, and asks whether it may call; None while authentication is off.
    """

    service: str
    name: str
    input_type: type[Message]
    output_type: type[Message]
    is_stream: bool
    serve: Callable[[bytes, Any], Awaitable[Any]]
    counts: RpcCounts
    guard: Guard | None = None

    @property
    def handler(self) -> "grpc.RpcMethodHandler[Any, Any]":
        """The endpoint, for registration with a gRPC server."""
        if self.is_stream:
            return grpc.unary_stream_rpc_method_handler(self.serve)
        return grpc.unary_unary_rpc_method_handler(self.serve)


def served_methods(
    service: ServiceDescriptor,
    servicer: object,
    counts_of: Callable[[str], RpcCounts],
    streams: Streams,
    door: Door,
    authenticator: Authenticator | None = None,
    records: CallRecords = CallRecords(),  # noqa: B008 - a constant
) -> Sequence[ServedMethod]:
    """The RPCs of one service with their endpoints. Without an authenticator everyone may call everything.

    `records` says where bulk reads and traces of calls are recorded.
    """
    methods = []
    for method in service.methods:
        check_row(method)
        counts, entry = counts_of(method.name), door.entry(method.name)
        guard = None if authenticator is None else Guard(authenticator, method)
        note = note_of(method.name, records.observations)
        behaviour = getattr(servicer, method.name)
        served = ServedMethod(
            service=service.full_name,
            name=method.name,
            input_type=GetMessageClass(method.input_type),
            output_type=GetMessageClass(method.output_type),
            is_stream=method.server_streaming,
            serve=stream_endpoint(method, behaviour, counts, streams, entry, guard, note)
            if method.server_streaming
            else unary_endpoint(method, behaviour, counts, streams, entry, guard, note, records.tracer),
            counts=counts,
            guard=guard,
        )
        methods.append(served)
    return methods
