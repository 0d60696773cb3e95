"""Sends traces, and the audit trail, by OTLP. Needs `leadline[otel]`."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from leadline_server.domain.audit_chain import ChainedEntry
from leadline_server.parts import Parts
from leadline_server.tracing.parts import traced
from leadline_server.tracing.spans import Tracing

_SECONDS: Final = 3.0
"""How long one export may take; a server that stops waits no longer for a receiver that is away."""

Emit = Callable[[Sequence[ChainedEntry]], object]


class OtelMissing(Exception):
    """The packages of `leadline[otel]` are not installed."""


@dataclass(frozen=True, slots=True)
class Exports:
    """The two things that are sent: `tracing` makes spans, and `emit` takes chained entries of the audit trail."""

    tracing: Tracing
    emit: Emit

    @property
    def parts(self) -> Parts:
        """The parts of the service with their spans."""
        return traced(self.tracing)


@asynccontextmanager
async def otlp_exports(endpoint: str, ratio: float) -> AsyncIterator[Exports]:
    """Send by OTLP over gRPC while the body runs, in threads of OpenTelemetry. Refused data are dropped.

    OpenTelemetry's own environment variables add the rest, such as OTEL_EXPORTER_OTLP_HEADERS and
    OTEL_EXPORTER_OTLP_CERTIFICATE.

    Args:
        endpoint: `http://HOST:PORT` in clear text, `https://HOST:PORT` with TLS.
        ratio: the share of calls that are traced.

    Raises:
        OtelMissing: the packages are not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ModuleNotFoundError as error:
        raise OtelMissing(f"{error.name} is missing. Install leadline[otel], or leave otlp_endpoint empty.") from error
    resource = Resource.create({"service.name": "leadline", "service.version": version("leadline")})
    insecure = not endpoint.startswith("https://")
    traces = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    spans = OTLPSpanExporter(endpoint, insecure=insecure, timeout=_SECONDS)
    traces.add_span_processor(BatchSpanProcessor(spans))
    logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
    logs.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint, insecure=insecure, timeout=_SECONDS))
    )
    try:
        yield Exports(Tracing(traces.get_tracer("leadline"), ratio), _emitter(logs.get_logger("leadline.audit")))
    finally:
        await asyncio.to_thread(traces.shutdown)
        await asyncio.to_thread(logs.shutdown)


def _emitter(logger: Any) -> Emit:
    """Emits an entry as a log record. Its attributes are the place in the chain, so that a receiver can verify it."""
    from opentelemetry._logs import LogRecord, SeverityNumber

    def emit(entries: Sequence[ChainedEntry]) -> None:
        for entry in entries:
            document = json.loads(entry.document)
            logger.emit(
                LogRecord(
                    timestamp=entry.time * 1000,
                    severity_number=SeverityNumber.INFO,
                    event_name="leadline.audit",
                    body=entry.document.decode(),
                    attributes={
                        "account_id": entry.account_id,
                        "sequence": entry.sequence,
                        "hash": entry.hash.hex(),
                        "action": document["action"],
                    },
                )
            )

    return emit
