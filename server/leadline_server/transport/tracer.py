"""The interface of tracing that an endpoint needs. `leadline_server.tracing` implements it, without an import here."""

from typing import Any, NamedTuple, Protocol

from leadline_server.audit.observations import Observations


class CallSpan(Protocol):
    """The span of one call."""

    @property
    def trace_id(self) -> str:
        """The trace's id: 32 hexadecimal digits."""
        ...

    def end(self, code: str) -> None:
        """The call has ended with a status code, such as `OK`."""
        ...


class Tracer(Protocol):
    """Decides which calls are traced."""

    def begin(self, service: str, rpc: str, metadata: Any) -> CallSpan | None:
        """The span of a call; None: the call is not traced. `metadata` has pairs of keys and values."""
        ...


class CallRecords(NamedTuple):
    """Where calls are recorded beside metrics and the log: bulk reads in the audit trail, and traces. None: nowhere."""

    observations: Observations | None = None
    tracer: Tracer | None = None
