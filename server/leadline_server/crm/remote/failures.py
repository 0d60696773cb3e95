"""Statuses of adapters, in the port's words.

A status comes from the adapter, or from gRPC on either side, or from a proxy between them; the code alone does not say
from which. gRPC's libraries never make INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED,
OUT_OF_RANGE and DATA_LOSS by themselves (gRPC's "Status codes and their use in gRPC"); they make UNAVAILABLE when a
connection breaks, and RESOURCE_EXHAUSTED when an answer is too large: a write may have been done by then. So of a write
these say "outcome unknown", unless the adapter itself gives a reason.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed

from leadline_server.crm.remote.names import DETAILS_KEY, DOMAIN, REASON_KEY, REASONS, RETRY_AFTER_KEY
from leadline_server.crm.toolkit.redaction import in_its_words
from leadline_server.domain.errors import (
    CrmAuthFailed,
    CrmError,
    CrmInvalidCursor,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmTooMuch,
    CrmUnavailable,
)

_OF_ALL: Final[Mapping[grpc.StatusCode, type[CrmError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: CrmRejected,
    grpc.StatusCode.FAILED_PRECONDITION: CrmRejected,
    grpc.StatusCode.ALREADY_EXISTS: CrmRejected,
    grpc.StatusCode.OUT_OF_RANGE: CrmRejected,
    grpc.StatusCode.UNAUTHENTICATED: CrmAuthFailed,
    grpc.StatusCode.PERMISSION_DENIED: CrmAuthFailed,
}
_OF_READS: Final[Mapping[grpc.StatusCode, type[CrmError]]] = {
    **_OF_ALL,
    grpc.StatusCode.RESOURCE_EXHAUSTED: CrmRateLimited,
}
_OF_WRITES: Final[Mapping[grpc.StatusCode, type[CrmError]]] = {
    **_OF_ALL,
    grpc.StatusCode.NOT_FOUND: CrmRejected,
    grpc.StatusCode.UNIMPLEMENTED: CrmRejected,
}
"""What a code means that comes without a reason. One that is not named: nobody can tell."""

_BEGINNINGS: Final[Mapping[type[CrmError], str]] = {
    CrmUnavailable: "{title} failed",
    CrmTooMuch: "{title} has more to tell than can be read",
    CrmRateLimited: "{title} asks to slow down",
    CrmRejected: "{title} refuses this",
    CrmInvalidCursor: "{title} did not make this cursor",
    CrmAuthFailed: "{title} refuses the credentials",
    CrmOutcomeUnknown: "{title} was told, and it is not known what became of it",
}


def failure_of(error: grpc.aio.AioRpcError, title: str, secrets: tuple[str, ...], *, is_write: bool) -> CrmError:
    """The port's error for a status.

    Args:
        error: what the call failed with.
        title: what messages call the adapter.
        secrets: what no message may repeat.
        is_write: whether the call would have changed something.
    """
    code, trailing = error.code(), dict(error.trailing_metadata() or ())
    kind, retry_after = _said(trailing)
    if kind is None and code is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after is not None:
        kind = CrmRateLimited  # gRPC's own has no delay, so it is the adapter's
    if kind is None:
        kind = _OF_WRITES.get(code, CrmOutcomeUnknown) if is_write else _OF_READS.get(code, CrmUnavailable)
    if kind is CrmOutcomeUnknown and not is_write:
        kind = CrmUnavailable
    beginning = _BEGINNINGS[kind].format(title=title)
    words = in_its_words(error.details() or "", secrets=secrets)
    return kind(f"{beginning} ({code.name})" + (f": {words}" if words else "."), retry_after=retry_after)


def unusable(title: str, what: str, *, is_write: bool) -> CrmError:
    """The error for an answer of no use: after a write nobody knows what became of it."""
    message = f"{title} gave an answer that {what}."
    return CrmOutcomeUnknown(message) if is_write else CrmUnavailable(message)


def _said(trailing: Mapping[str, str | bytes]) -> tuple[type[CrmError] | None, float | None]:
    """The adapter's own reason and delay: from the details of the status, else from plain metadata.

    What cannot be read was not said.
    """
    kind, seconds = _detailed(trailing.get(DETAILS_KEY))
    plain = trailing.get(REASON_KEY)
    if kind is None and isinstance(plain, str):
        kind = REASONS.get(plain)
    return kind, _seconds(trailing.get(RETRY_AFTER_KEY)) if seconds is None else seconds


def _detailed(details: Any) -> tuple[type[CrmError] | None, float | None]:
    kind, seconds = None, None
    try:
        for packed in Status.FromString(details).details if isinstance(details, bytes) else ():
            info, delay = ErrorInfo(), RetryInfo()
            if packed.Unpack(info) and info.domain == DOMAIN:
                kind = REASONS.get(info.reason)
            elif packed.Unpack(delay):
                seconds = _seconds(delay.retry_delay.seconds + delay.retry_delay.nanos / 1e9)
    except DecodeError:
        return None, None
    return kind, seconds


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def is_never_done(error: CrmError) -> bool:
    """Whether the adapter says that it has no such method."""
    cause = error.__cause__
    return isinstance(cause, grpc.aio.AioRpcError) and cause.code() is grpc.StatusCode.UNIMPLEMENTED
