"""Errors as gRPC statuses: one table, and the details that travel with a code.

Every error carries google.rpc.ErrorInfo; a bad request google.rpc.BadRequest with its violations; and where sending the
same request again can help, google.rpc.RetryInfo says when (google/rpc/error_details.proto).
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed

from leadline_server.domain import errors
from leadline_server.domain.delay import bounded_seconds

DOMAIN: Final = "leadline"
"""`ErrorInfo.domain` of every error."""

DETAILS_KEY: Final = "grpc-status-details-bin"
"""Trailing metadata that carries google.rpc.Status, by gRPC's convention for rich errors."""

PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
"""Trailing metadata that a client's retry policy keeps to: milliseconds until its next attempt; negative: no more.

gRFC A6, "Pushback". Such retries wait inside the client, whose caller hears nothing until they end.
"""

_NO_RETRY: Final = "-1"
_MOST_PUSHBACK: Final = 2**31 - 1  # what every client can read, in milliseconds

INTERNAL_MESSAGE: Final = "Something went wrong inside leadline; the log has the details under this id."

OK: Final = grpc.StatusCode.OK.name
CANCELLED: Final = grpc.StatusCode.CANCELLED.name

_INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
_NOT_FOUND = grpc.StatusCode.NOT_FOUND
_FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
_RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
_UNAVAILABLE = grpc.StatusCode.UNAVAILABLE

CODES: Final[Mapping[type[Exception], grpc.StatusCode]] = {
    errors.InvalidRequest: _INVALID_ARGUMENT,
    errors.MessageTooLarge: _RESOURCE_EXHAUSTED,
    errors.AccountNotFound: _NOT_FOUND,
    errors.CallLogNotFound: _NOT_FOUND,
    errors.ContactNotFound: _NOT_FOUND,
    errors.ContactAlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.RequestIdReused: _FAILED_PRECONDITION,
    errors.PreferenceLocked: _FAILED_PRECONDITION,
    errors.CallLogNotMovable: _FAILED_PRECONDITION,
    errors.UserNotFound: _NOT_FOUND,
    errors.UserConflict: grpc.StatusCode.ALREADY_EXISTS,
    errors.TooManyUsers: _RESOURCE_EXHAUSTED,
    errors.ResumeTokenExpired: grpc.StatusCode.OUT_OF_RANGE,
    errors.WatcherTooSlow: _RESOURCE_EXHAUSTED,
    errors.CrmUnavailable: _UNAVAILABLE,
    errors.CrmRejected: _FAILED_PRECONDITION,
    errors.CrmAuthFailed: _UNAVAILABLE,
    errors.CrmOutcomeUnknown: _UNAVAILABLE,
    errors.LedgerUnavailable: _UNAVAILABLE,
    errors.LedgerFull: _RESOURCE_EXHAUSTED,
    errors.BudgetExhausted: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.ShuttingDown: _UNAVAILABLE,
    Exception: grpc.StatusCode.INTERNAL,
}
"""The code of each error; a class that is not named has its nearest base's."""

_RETRY_AFTER: Final[Mapping[errors.ErrorReason, float]] = {
    errors.ErrorReason.CRM_UNAVAILABLE: 1.0,
    errors.ErrorReason.CRM_RATE_LIMITED: 5.0,
    errors.ErrorReason.CRM_AUTH_FAILED: 60.0,  # an administrator has to act first
    errors.ErrorReason.CRM_OUTCOME_UNKNOWN: 1.0,
    errors.ErrorReason.DEADLINE_EXCEEDED: 1.0,
    errors.ErrorReason.LEDGER_UNAVAILABLE: 1.0,
    errors.ErrorReason.LEDGER_FULL: 60.0,  # an administrator has to act first
    errors.ErrorReason.WATCHER_TOO_SLOW: 1.0,
    errors.ErrorReason.SHUTTING_DOWN: 1.0,
}
"""Seconds after which a retry may help, where the error itself does not say."""

# All trailing metadata of an answer must stay below 8 KiB, gRPC's default soft limit on the client's side, and on the
# wire a message may triple (percent-encoding) and details grow by a third (base64). Hence these limits, in bytes.
_MESSAGE_BYTES: Final = 512
_VALUE_BYTES: Final = 512
_VIOLATION_BYTES: Final = 320
_VIOLATIONS_BYTES: Final = 2_800


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as the caller gets it.

    Attributes:
        code: from the table.
        reason: for programs; with `metadata` the content of ErrorInfo.
        message: for people.
        metadata: the values that belong to the reason.
        details: google.rpc.Status, serialized.
        pushback: seconds that a retry policy has to wait, where that is known; infinite where it must not retry.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str]
    details: bytes
    pushback: float | None = None

    def trailing(self, seconds_left: float | None) -> tuple[tuple[str, str | bytes], ...]:
        """The trailing metadata, for a caller with so many seconds left; None without a deadline.

        A retry policy whose next attempt comes after the deadline would only wait for that, and tell its caller
        DEADLINE_EXCEEDED instead of this error; so it is told not to retry.
        """
        details = (DETAILS_KEY, self.details)
        if self.pushback is None:
            return (details,)
        return details, (
            PUSHBACK_KEY,
            _pushback_text(self.pushback, math.inf if seconds_left is None else seconds_left),
        )


def refusal(error: Exception) -> Refusal:
    """What to answer for `error`. Of an unexpected one nothing is told but a new correlation id.

    It never raises: an error whose own fields cannot be sent counts as unexpected, such as one with a key that is no
    text.
    """
    if isinstance(error, errors.LeadlineError) and _code(error) is not grpc.StatusCode.INTERNAL:
        with suppress(Exception):
            return _known(error)
    correlation_id = uuid.uuid4().hex
    reason, metadata = errors.ErrorReason.INTERNAL, {"correlation_id": correlation_id}
    return _refusal(grpc.StatusCode.INTERNAL, reason, INTERNAL_MESSAGE, metadata, [])


def _known(error: errors.LeadlineError) -> Refusal:
    metadata = {key: _cut(value, _VALUE_BYTES) for key, value in error.metadata.items()}
    details: list[Message] = []
    if isinstance(error, errors.InvalidRequest):
        shown = _shown(error.violations)
        details.append(BadRequest(field_violations=shown))
        if len(shown) < len(error.violations):
            metadata["violations"] = str(len(error.violations))
    delay = _RETRY_AFTER.get(error.reason) if error.retry_after is None else bounded_seconds(error.retry_after)
    if delay is not None:
        details.append(RetryInfo(retry_delay=_duration(delay)))
    answer = _refusal(_code(error), error.reason, _cut(error.message, _MESSAGE_BYTES), metadata, details)
    return replace(answer, pushback=_pushback(error))


def _refusal(
    code: grpc.StatusCode,
    reason: errors.ErrorReason,
    message: str,
    metadata: Mapping[str, str],
    details: Sequence[Message],
) -> Refusal:
    status = Status(code=code.value[0], message=message)
    for detail in (ErrorInfo(reason=reason.value, domain=DOMAIN, metadata=metadata), *details):
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return Refusal(code, reason.value, message, metadata, status.SerializeToString())


def _pushback(error: errors.LeadlineError) -> float | None:
    """What is known of when a retry can help: not before somebody acts, or not before the delay that was asked for."""
    if isinstance(error, errors.CrmAuthFailed):
        return math.inf
    if isinstance(error, errors.CrmRateLimited) and error.retry_after is None:
        return _RETRY_AFTER[error.reason]
    return None if error.retry_after is None else bounded_seconds(error.retry_after)


def _pushback_text(delay: float, seconds_left: float) -> str:
    if not delay < seconds_left:
        return _NO_RETRY
    return str(min(_MOST_PUSHBACK, math.ceil(max(0.0, delay) * 1000)))


def _code(error: Exception) -> grpc.StatusCode:
    return next(CODES[ancestor] for ancestor in type(error).__mro__ if ancestor in CODES)


def _shown(violations: Sequence[errors.FieldViolation]) -> list[BadRequest.FieldViolation]:
    """As many violations as fit; there is always room for the first."""
    shown: list[BadRequest.FieldViolation] = []
    size = 0
    for violation in violations:
        message = BadRequest.FieldViolation(
            field=_cut(violation.field, _VIOLATION_BYTES), description=_cut(violation.description, _VIOLATION_BYTES)
        )
        size += message.ByteSize() + 4
        if shown and size > _VIOLATIONS_BYTES:
            break
        shown.append(message)
    return shown


def _cut(text: str, limit: int) -> str:
    """The text, or as much of its start as has at most `limit` bytes in UTF-8."""
    encoded = text.encode(errors="replace")  # an unpaired surrogate has no bytes: protobuf refuses it
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode(errors="ignore") + "…"


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(max(0, round(seconds * 1000)))
    return duration
