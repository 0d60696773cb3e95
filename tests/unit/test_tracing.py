"""Which calls are traced, what their spans say, and what they never say."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from leadline.v1 import call_log_service_pb2, contact_service_pb2
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party
from leadline_server.app import open_app
from leadline_server.config import Settings
from leadline_server.tracing.parts import traced
from leadline_server.tracing.spans import Tracing, trace_ids
from leadline_server.transport.server import Server
from leadline_server.transport.tracer import CallRecords
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SAMPLED = ("traceparent", f"00-{TRACE}-{PARENT}-01")
NOT_SAMPLED = ("traceparent", f"00-{TRACE}-{PARENT}-00")
FIND = "/leadline.v1.ContactService/FindContact"
LOG = "/leadline.v1.CallLogService/LogCall"
STRANGER = "+12025550147"
NAME = "Ada Lovelace"
REFUSED = {"rpc": "FindContact", "code": "INVALID_ARGUMENT", "reason": "INVALID_REQUEST"}


class Spans:
    """A tracer that keeps its spans in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")

    @property
    def ended(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.ended]


class Context:
    """The context of a call."""

    def __init__(self, *metadata: tuple[str, str]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    def time_remaining(self) -> float:
        return 30.0

    async def abort(self, code: Any, message: str, _: object = ()) -> None:
        raise LookupError(f"{code} {message}")


@pytest.fixture
def spans() -> Spans:
    return Spans()


def tracing(spans: Spans, ratio: float = 0.0, draw: float = 0.5, now: float = 0.0) -> Tracing:
    return Tracing(spans.tracer, ratio, lambda: draw, lambda: now)


@pytest.mark.parametrize(
    ("metadata", "ratio", "is_traced"),
    [
        ([SAMPLED], 0.0, True),
        ([NOT_SAMPLED], 1.0, False),
        ([("traceparent", "00-zz")], 0.0, False),
        ([("traceparent", "x" * 55)], 1.0, False),
        ([], 0.4, False),
        ([], 0.6, True),
        (None, 0.6, True),
    ],
)
def test_the_caller_decides_and_else_the_ratio(
    spans: Spans, metadata: list[tuple[str, str]] | None, ratio: float, *, is_traced: bool
) -> None:
    span = tracing(spans, ratio).begin("leadline.v1.ContactService", "FindContact", metadata)
    assert (span is not None) == is_traced
    if span is not None:
        span.end("OK")


def test_callers_cannot_have_more_traced_than_the_limit(spans: Spans) -> None:
    one = tracing(spans)
    for _ in range(250):
        if (span := one.begin("s", "r", [SAMPLED])) is not None:
            span.end("OK")
    assert len(spans.ended) == 200


def test_an_incoming_trace_is_continued(spans: Spans) -> None:
    span = tracing(spans).begin("s", "r", [SAMPLED, ("tracestate", "vendor=1")])
    assert span is not None
    assert span.trace_id == TRACE
    assert trace_ids(None, "", {})["trace_id"] == TRACE
    span.end("UNAVAILABLE")
    assert trace_ids(None, "", {}) == {}
    [ended] = spans.ended
    assert ended.parent is not None
    assert f"{ended.parent.span_id:016x}" == PARENT
    assert ended.kind is SpanKind.SERVER
    assert ended.attributes is not None
    assert ended.attributes["error.type"] == "UNAVAILABLE"
    assert not ended.status.is_ok


def test_a_trace_that_begins_here_has_no_parent_even_in_a_task_of_another(spans: Spans) -> None:
    one = tracing(spans, 1.0)
    outer = one.begin("s", "outer", [SAMPLED])
    inner = one.begin("s", "inner", [])
    assert outer is not None
    assert inner is not None
    inner.end("OK")
    outer.end("OK")
    assert spans.ended[0].parent is None


def test_a_part_outside_of_a_traced_call_makes_no_span(spans: Spans) -> None:
    with tracing(spans).span("lookup"):
        pass
    assert spans.ended == []


def test_a_part_that_fails_has_the_type_of_the_error_and_no_text(spans: Spans) -> None:
    one = tracing(spans, 1.0)
    call = one.begin("s", "r", [])
    assert call is not None
    with pytest.raises(ValueError, match=NAME), one.span("lookup"):
        raise ValueError(NAME)
    call.end("INTERNAL")
    assert spans.ended[0].attributes == {"error.type": "ValueError"}
    assert NAME not in "".join(span.to_json() for span in spans.ended)


async def served(spans: Spans, data: Path, registry: CollectorRegistry, *calls: tuple[str, Any]) -> None:
    """Serve calls in this process, every one traced."""
    one = tracing(spans, 1.0)
    async with open_app(Settings(data_dir=data), registry=registry, parts=traced(one)) as app:
        server = Server(app.commands, registry, records=CallRecords(tracer=one))
        for path, request in calls:
            try:
                await server.methods[path].serve(request.SerializeToString(), Context(SAMPLED))
            except LookupError:
                continue


async def test_a_call_has_spans_of_its_lookup_its_decision_the_crm_and_the_ledger(spans: Spans, tmp_path: Path) -> None:
    registry = CollectorRegistry()
    party = Party(phone_number=STRANGER, name=NAME)
    call = Call(id="call-1", direction=CALL_DIRECTION_INBOUND, caller=party)
    log = call_log_service_pb2.LogCallRequest(account_id="demo", user_id="alice", call=call)
    find = contact_service_pb2.FindContactRequest(account_id="demo", user_id="alice", phone_numbers=[STRANGER])
    bad = contact_service_pb2.FindContactRequest(account_id="demo", user_id="alice", phone_numbers=[NAME])
    await served(spans, tmp_path, registry, (LOG, log), (FIND, find), (FIND, bad))
    names = spans.names
    assert {"decision", "lookup", "crm find_contacts", "ledger write"} <= set(names)
    assert {"leadline.v1.ContactService/FindContact", "leadline.v1.CallLogService/LogCall"} <= set(names)
    assert {f"{span.context.trace_id:032x}" for span in spans.ended if span.context} == {TRACE}
    codes = [
        span.attributes["rpc.response.status_code"]
        for span in spans.ended
        if span.kind is SpanKind.SERVER and span.attributes
    ]
    assert codes == ["OK", "OK", "INVALID_ARGUMENT"]
    text = "".join(span.to_json() for span in spans.ended)
    assert NAME not in text
    assert "5550147" not in text
    exposed = generate_latest(registry).decode()  # type: ignore[no-untyped-call] # ships no types
    assert f'trace_id="{TRACE}"' in exposed
    refused = registry.get_sample_value("leadline_rpcs_refused_total", REFUSED)
    assert refused == 1


async def test_calls_at_the_same_time_have_their_own_traces(spans: Spans) -> None:
    one = tracing(spans, 1.0)
    others = ("traceparent", f"00-{'1' * 32}-{PARENT}-01")

    async def call(parent: tuple[str, str]) -> str:
        span = one.begin("s", "r", [parent])
        assert span is not None
        await asyncio.sleep(0)
        with one.span("lookup"):
            await asyncio.sleep(0)
            found: str = trace_ids(None, "", {})["trace_id"]
        span.end("OK")
        return found

    assert list(await asyncio.gather(call(SAMPLED), call(others))) == [TRACE, "1" * 32]


def test_a_context_without_metadata_is_no_error(spans: Spans) -> None:
    assert tracing(spans).begin("s", "r", SimpleNamespace().__dict__.get("none")) is None
