"""The port's errors for statuses of adapters.

A status may come from the adapter, from gRPC on either side, or from a proxy between them. The code alone does not
tell. gRPC's libraries never produce INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED,
OUT_OF_RANGE and DATA_LOSS themselves (gRPC's "Status codes and their use in gRPC"). They produce UNAVAILABLE when a
connection breaks, and RESOURCE_EXHAUSTED when an answer is too large. A write may have taken effect by then. So after a
write these two mean "outcome unknown", unless the adapter itself gives a reason.
"""

from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed

from leadline_server.crm.remote.names import DETAILS_KEY, DOMAIN, REASON_KEY, REASONS, RETRY_AFTER_KEY
from leadline_server.crm.toolkit import in_its_words
from leadline_server.crm.toolkit.delays import checked_delay
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmInvalidCursor,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmTooMuch,
    CrmUnavailable,
)

_ALL_CODES: Final[Mapping[grpc.StatusCode, type[CrmError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: CrmRejected,
    grpc.StatusCode.FAILED_PRECONDITION: CrmRejected,
    grpc.StatusCode.ALREADY_EXISTS: CrmRejected,
    grpc.StatusCode.OUT_OF_RANGE: CrmRejected,
    grpc.StatusCode.UNAUTHENTICATED: CrmAuthFailed,
    grpc.StatusCode.PERMISSION_DENIED: CrmAuthFailed,
}
_READ_CODES: Final[Mapping[grpc.StatusCode, type[CrmError]]] = {
    **_ALL_CODES,
    grpc.StatusCode.RESOURCE_EXHAUSTED: CrmRateLimited,
}
_WRITE_CODES: Final[Mapping[grpc.StatusCode, type[CrmError]]] = {
    **_ALL_CODES,
    grpc.StatusCode.NOT_FOUND: CrmRejected,
    grpc.StatusCode.UNIMPLEMENTED: CrmRejected,
}
"""The errors for codes without a reason. For any other code leadline cannot tell."""

_PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"  # gRFC A6: milliseconds; negative: no more attempts

_LONGEST_DURATION: Final = 1e8  # three years, in seconds

_BEGINNINGS: Final[Mapping[type[CrmError], str]] = {
    CrmUnavailable: "{title} failed",
    CrmTooMuch: "{title} has more records than leadline reads",
    CrmRateLimited: "{title} asks to slow down",
    CrmRejected: "{title} refuses this",
    CrmInvalidCursor: "{title} did not make this cursor",
    CrmAuthFailed: "{title} refuses the credentials",
    CrmOutcomeUnknown: "{title} got a write whose outcome is unknown",
}


def failure_of(error: grpc.aio.AioRpcError, title: str, secrets: tuple[str, ...], *, is_write: bool) -> CrmError:
    """The port's error for a status.

    Args:
        error: the failure of the call.
        title: the adapter's name in messages.
        secrets: texts that no message may show.
        is_write: whether the call changes data.
    """
    code, trailing = error.code(), dict(error.trailing_metadata() or ())
    kind, retry_after = _said(trailing)
    if kind is None and code is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after is not None:
        kind = CrmRateLimited  # gRPC's own status has no delay, so this one is the adapter's
    if kind is None:
        kind = _WRITE_CODES.get(code, CrmOutcomeUnknown) if is_write else _READ_CODES.get(code, CrmUnavailable)
    if kind is CrmOutcomeUnknown and not is_write:
        kind = CrmUnavailable
    if retry_after is None:
        retry_after = _pushback(trailing.get(_PUSHBACK_KEY))
    beginning = _BEGINNINGS[kind].format(title=title)
    words = in_its_words(error.details() or "", secrets=secrets)
    return kind(f"{beginning} ({code.name})" + (f": {words}" if words else "."), retry_after=retry_after)


def unusable(title: str, what: str, *, is_write: bool) -> CrmError:
    """The error for an answer that leadline cannot use. After a write its outcome is unknown."""
    message = f"{title} gave an answer that {what}."
    return CrmOutcomeUnknown(message) if is_write else CrmUnavailable(message)


def _said(trailing: Mapping[str, str | bytes]) -> tuple[type[CrmError] | None, float | None]:
    """The adapter's own reason and delay, from the details of the status or else from plain metadata.

    Unreadable ones are ignored.
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
                # A duration is never a time of day, so it stays below what `read_delay` takes for one.
                seconds = _seconds(min(_LONGEST_DURATION, delay.retry_delay.seconds + delay.retry_delay.nanos / 1e9))
    except DecodeError:
        return None, None
    return kind, seconds


def _seconds(value: Any) -> float | None:
    """A delay, at most a day; None if it is negative or unreadable: then nothing says that a write was not done."""
    delay = checked_delay(value, "retry delay of a remote adapter", unreadable=0.0)
    return None if delay is None or (delay.is_clamped and not delay.seconds) else delay.seconds


def _pushback(said: str | bytes | None) -> float | None:
    """The delay of gRPC's pushback, in seconds. It may come from a proxy, so it says nothing of what was done."""
    try:
        return None if said is None else _seconds(min(float(said) / 1000, _LONGEST_DURATION))
    except ValueError:
        return None


def is_never_done(error: CrmError) -> bool:
    """Whether the adapter says that it has no such method."""
    cause = error.__cause__
    return isinstance(cause, grpc.aio.AioRpcError) and cause.code() is grpc.StatusCode.UNIMPLEMENTED
