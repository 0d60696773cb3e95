"""A receiver of OTLP over gRPC, on a free port: it keeps the spans and the log records that it gets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces_pb

_TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
_LOGS = "opentelemetry.proto.collector.logs.v1.LogsService"


@dataclass
class Received:
    """The spans and records that came, as OTLP's own messages."""

    address: str = ""
    requests: list[bytes] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)

    def trace(self, trace_id: str) -> list[Any]:
        """The spans of one trace."""
        return [span for span in self.spans if span.trace_id.hex() == trace_id]


@contextmanager
def otlp_receiver() -> Iterator[Received]:
    """Receive while the body runs."""
    received = Received()

    def take_traces(data: bytes, _: Any) -> bytes:
        received.requests.append(data)
        for resource in traces_pb.ExportTraceServiceRequest.FromString(data).resource_spans:
            received.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return traces_pb.ExportTraceServiceResponse().SerializeToString()

    def take_logs(data: bytes, _: Any) -> bytes:
        received.requests.append(data)
        for resource in logs_pb.ExportLogsServiceRequest.FromString(data).resource_logs:
            received.records += [record for scope in resource.scope_logs for record in scope.log_records]
        return logs_pb.ExportLogsServiceResponse().SerializeToString()

    server = grpc.server(ThreadPoolExecutor(4))
    for service, take in ((_TRACES, take_traces), (_LOGS, take_logs)):
        handlers: dict[str, Any] = {"Export": grpc.unary_unary_rpc_method_handler(take)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    received.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield received
    finally:
        server.stop(None).wait()


def attributes(span: Any) -> dict[str, Any]:
    """The attributes of a span or of a record."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}
