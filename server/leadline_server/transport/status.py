"""Errors as gRPC statuses: one table of codes, and the details of each error.

Every error has google.rpc.ErrorInfo. A bad request also has google.rpc.BadRequest with its violations, and an
exceeded quota google.rpc.QuotaFailure. If sending the
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
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed

from leadline_server.domain import access_errors, account_errors, crm_errors, errors, ledger_errors
from leadline_server.domain.delay import bounded_seconds

DOMAIN: Final = "leadline"
"""`ErrorInfo.domain` of every error."""

DETAILS_KEY: Final = "grpc-status-details-bin"
"""The trailing metadata with google.rpc.Status, by gRPC's convention for rich errors."""

PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
"""The trailing metadata for a client's retry policy: milliseconds until its next attempt; negative: no more attempts.

See gRFC A6, "Pushback". The client waits for the retries before it returns to its caller.
"""

_NO_RETRY: Final = "-1"
_MOST_PUSHBACK: Final = 2**31 - 1  # in milliseconds; every client can read that

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
    account_errors.AccountNotFound: _NOT_FOUND,
    account_errors.AccountAlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    account_errors.AccountDisabled: _FAILED_PRECONDITION,
    account_errors.AccountNotChangeable: _FAILED_PRECONDITION,
    account_errors.ConnectionNotFound: _NOT_FOUND,
    errors.CallLogNotFound: _NOT_FOUND,
    errors.ContactNotFound: _NOT_FOUND,
    errors.ContactAlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.RequestIdReused: _FAILED_PRECONDITION,
    errors.PreferenceLocked: _FAILED_PRECONDITION,
    errors.CallLogNotMovable: _FAILED_PRECONDITION,
    account_errors.UserNotFound: _NOT_FOUND,
    account_errors.UserConflict: grpc.StatusCode.ALREADY_EXISTS,
    account_errors.TooManyUsers: _RESOURCE_EXHAUSTED,
    errors.ResumeTokenExpired: grpc.StatusCode.OUT_OF_RANGE,
    errors.WatcherTooSlow: _RESOURCE_EXHAUSTED,
    crm_errors.CrmUnavailable: _UNAVAILABLE,
    crm_errors.CrmRejected: _FAILED_PRECONDITION,
    crm_errors.CrmAuthFailed: _UNAVAILABLE,
    crm_errors.CrmOutcomeUnknown: _UNAVAILABLE,
    ledger_errors.LedgerUnavailable: _UNAVAILABLE,
    ledger_errors.LedgerFull: _RESOURCE_EXHAUSTED,
    errors.BudgetExhausted: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.ShuttingDown: _UNAVAILABLE,
    errors.QuotaExceeded: _RESOURCE_EXHAUSTED,
    access_errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    access_errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    access_errors.KeyNotFound: _NOT_FOUND,
    access_errors.KeyConflict: _FAILED_PRECONDITION,
    access_errors.TooManyKeys: _RESOURCE_EXHAUSTED,
    Exception: grpc.StatusCode.INTERNAL,
}
"""The code of each error. A class that is not listed has the code of its nearest base class."""

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
"""Seconds after which a retry may help, if the error has no delay of its own."""

# The trailing metadata of an answer must stay below 8 KiB, the default soft limit of gRPC's clients. Percent-encoding
# can triple a message, and base64 adds a third to the details. These limits, in bytes, allow for both.
_MESSAGE_BYTES: Final = 512
_VALUE_BYTES: Final = 512
_VIOLATION_BYTES: Final = 320
_VIOLATIONS_BYTES: Final = 2_800


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as the caller gets it.

    Attributes:
        code: the status code.
        reason: for programs; with `metadata` the content of ErrorInfo.
        message: for people.
        metadata: the values that belong to the reason.
        details: google.rpc.Status, serialized.
        pushback: seconds that a retry policy has to wait; infinite: it must not retry; None: unknown.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str]
    details: bytes
    pushback: float | None = None

    def trailing(self, seconds_left: float | None) -> tuple[tuple[str, str | bytes], ...]:
        """The trailing metadata, for a caller that waits `seconds_left` more; None without a deadline.

        A retry policy must not retry after the deadline: its caller would get DEADLINE_EXCEEDED instead of this error.
        So it is told not to retry.
        """
        details = (DETAILS_KEY, self.details)
        if self.pushback is None:
            return (details,)
        return details, (
            PUSHBACK_KEY,
            _pushback_text(self.pushback, math.inf if seconds_left is None else seconds_left),
        )


def refusal(error: Exception) -> Refusal:
    """The status for `error`. An unexpected error is hidden: the answer has only a new correlation id.

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
    if isinstance(error, errors.QuotaExceeded):
        subject = _cut(f"account:{error.account_id}", _VALUE_BYTES)
        violation = QuotaFailure.Violation(subject=subject, description=_cut(error.message, _MESSAGE_BYTES))
        details.append(QuotaFailure(violations=[violation]))
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
    """Seconds before which a retry cannot help; infinite if a person has to act first; None if it is unknown."""
    if isinstance(error, crm_errors.CrmAuthFailed):
        return math.inf
    if isinstance(error, crm_errors.CrmRateLimited) and error.retry_after is None:
        return _RETRY_AFTER[error.reason]
    return None if error.retry_after is None else bounded_seconds(error.retry_after)


def _pushback_text(delay: float, seconds_left: float) -> str:
    if not delay < seconds_left:
        return _NO_RETRY
    return str(min(_MOST_PUSHBACK, math.ceil(max(0.0, delay) * 1000)))


def _code(error: Exception) -> grpc.StatusCode:
    return next(CODES[ancestor] for ancestor in type(error).__mro__ if ancestor in CODES)


def _shown(violations: Sequence[errors.FieldViolation]) -> list[BadRequest.FieldViolation]:
    """As many violations as fit. The first always fits."""
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
