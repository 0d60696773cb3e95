"""The statuses of the port's errors, for an adapter that leadline serves. `failures` is the inverse."""

import asyncio
from collections.abc import Mapping
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed

from leadline_server.crm.remote.names import DETAILS_KEY, DOMAIN, TOO_MUCH
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
from leadline_server.domain.delay import bounded_seconds
from leadline_server.domain.errors import LeadlineError

_CODES: Final[Mapping[type[CrmError], grpc.StatusCode]] = {
    CrmRateLimited: grpc.StatusCode.RESOURCE_EXHAUSTED,
    CrmUnavailable: grpc.StatusCode.UNAVAILABLE,
    CrmInvalidCursor: grpc.StatusCode.INVALID_ARGUMENT,
    CrmRejected: grpc.StatusCode.FAILED_PRECONDITION,
    CrmAuthFailed: grpc.StatusCode.UNAUTHENTICATED,
    CrmOutcomeUnknown: grpc.StatusCode.UNKNOWN,
}
_UNEXPECTED: Final = "The adapter failed unexpectedly; its log has the details."
_MOST_BYTES: Final = 1024  # trailing metadata must stay below 8 KiB, and encoding may triple a message


class BadRequest(Exception):
    """A request that cannot be served; the message says why."""


class Unauthorized(Exception):
    """A request without the right token."""


Trailing = tuple[tuple[str, str | bytes], ...]


def refusal(error: Exception) -> tuple[grpc.StatusCode, str, Trailing]:
    """The status of an error: code, message and trailing metadata. An unexpected error has a fixed message."""
    if isinstance(error, BadRequest):
        return grpc.StatusCode.INVALID_ARGUMENT, str(error), ()
    if isinstance(error, Unauthorized):
        return grpc.StatusCode.UNAUTHENTICATED, "The token is missing, or not the right one.", ()
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return grpc.StatusCode.DEADLINE_EXCEEDED, "The CRM did not answer in time.", ()
    if not isinstance(error, CrmError):
        return grpc.StatusCode.INTERNAL, _UNEXPECTED, ()
    code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
    message = error.message.encode(errors="replace")[:_MOST_BYTES].decode(errors="ignore")
    return code, message, ((DETAILS_KEY, _details(code, message, error)),)


def _details(code: grpc.StatusCode, message: str, error: LeadlineError) -> bytes:
    reason = TOO_MUCH if isinstance(error, CrmTooMuch) else error.reason.value
    details: list[Message] = [ErrorInfo(reason=reason, domain=DOMAIN)]
    if error.retry_after is not None:
        delay = Duration()
        delay.FromMilliseconds(round(bounded_seconds(error.retry_after) * 1000))
        details.append(RetryInfo(retry_delay=delay))
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    written: bytes = status.SerializeToString()
    return written
