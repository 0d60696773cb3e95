"""Spans: what a traced call waits for. Their names and attributes are constants and ids; none is a caller's text.

An interceptor of OpenTelemetry costs 115 microseconds a call even if the call is not traced. So the endpoint decides
first, which costs little, and makes spans for traced calls alone.
"""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as current
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

MOST_TRACES: Final = 200
"""The most calls that are traced in a second, whatever their callers ask for."""

_PARENT: Final = "traceparent"
_STATE: Final = "tracestate"
_SAMPLED: Final = 0x01
_PARENT_LENGTH: Final = 55  # of version 00: W3C Trace Context, section 3.2
_MOST_STATE: Final = 512  # characters; longer ones need not be kept (section 3.3.1.5)
_CALLERS_FAULTS: Final = frozenset(
    {
        "OK",
        "CANCELLED",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "FAILED_PRECONDITION",
        "OUT_OF_RANGE",
        "UNAUTHENTICATED",
    }
)
"""Codes that are no error of the server: OpenTelemetry's conventions for RPC."""

_propagator: Final = TraceContextTextMapPropagator()
_TRACED: Final[ContextVar[bool]] = ContextVar("leadline_traced", default=False)
_NOTHING: Final = nullcontext()


class Tracing:
    """Decides which calls are traced, and makes their spans.

    Args:
        tracer: makes spans, all of which are recorded.
        ratio: the share of calls that are traced, 0 to 1, of those whose callers do not say.
        draw: a random number from 0 to 1.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        tracer: Tracer,
        ratio: float,
        draw: Callable[[], float] = random.random,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tracer = tracer
        self._ratio = ratio
        self._draw = draw
        self._now = now
        self._second = 0
        self._traced = 0

    def begin(self, service: str, rpc: str, metadata: Any) -> "RpcSpan | None":
        """The span of a call; None: the call is not traced. `metadata` has pairs of keys and values."""
        parent = state = ""
        for key, value in metadata or ():
            if key == _PARENT:
                parent = value
            elif key == _STATE:
                state = value
        wanted = _is_sampled(parent) if parent else self._draw() < self._ratio
        if not wanted or not self._has_room():
            return None
        return RpcSpan(self._tracer, service, rpc, _headers_of(parent, state))

    def span(self, name: str, **attributes: str) -> AbstractContextManager[object]:
        """A part of a traced call. Outside of one it does nothing."""
        return Part(self._tracer, name, attributes) if _TRACED.get() else _NOTHING

    def _has_room(self) -> bool:
        second = int(self._now())
        if second != self._second:
            self._second, self._traced = second, 0
        self._traced += 1
        return self._traced <= MOST_TRACES


def is_traced() -> bool:
    """Whether the call in progress is traced. It costs a thousandth of a span."""
    return _TRACED.get()


class Part:
    """The span of a part of a call, current while the body runs."""

    __slots__ = ("_span", "_token")

    def __init__(self, tracer: Tracer, name: str, attributes: Mapping[str, str]) -> None:
        self._span = tracer.start_span(name, attributes=attributes)

    def __enter__(self) -> None:
        self._token = current.attach(set_span_in_context(self._span))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        current.detach(self._token)
        if kind is not None:
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class RpcSpan:
    """The span of one RPC, current in its task until it ends."""

    __slots__ = ("_mark", "_span", "_token")

    def __init__(self, tracer: Tracer, service: str, rpc: str, headers: dict[str, str]) -> None:
        self._span = tracer.start_span(
            f"{service}/{rpc}",
            context=_propagator.extract(headers) if headers else current.Context(),
            kind=SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": rpc},
        )
        self._token = current.attach(set_span_in_context(self._span))
        self._mark = _TRACED.set(True)

    @property
    def trace_id(self) -> str:
        """The trace's id: 32 hexadecimal digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    def end(self, code: str) -> None:
        """The call has ended with a status code, such as `OK`."""
        self._span.set_attribute("rpc.response.status_code", code)
        if code not in _CALLERS_FAULTS:
            self._span.set_attribute("error.type", code)
            self._span.set_status(Status(StatusCode.ERROR))
        current.detach(self._token)
        _TRACED.reset(self._mark)
        self._span.end()


def trace_ids(_: Any, __: str, event: Any) -> Any:
    """A structlog processor: add the ids of the trace that the line belongs to."""
    context = get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"], event["span_id"] = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    return event


def _is_sampled(parent: str) -> bool:
    if len(parent) != _PARENT_LENGTH:
        return False
    try:
        return bool(int(parent[-2:], 16) & _SAMPLED)
    except ValueError:
        return False


def _headers_of(parent: str, state: str) -> dict[str, str]:
    if not parent:
        return {}
    return {_PARENT: parent, _STATE: state} if len(state) <= _MOST_STATE else {_PARENT: parent}
