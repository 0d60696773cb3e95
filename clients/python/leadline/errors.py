"""The exceptions of the client.

    LeadlineError               the base of all, and the class of codes without one of their own
    ├── Cancelled               the client was closed
    ├── InvalidArgument         the request breaks a rule; `field_violations` has every invalid field
    ├── DeadlineExceeded        the deadline passed before an answer; a write may have taken effect
    ├── NotFound                no such account, call log or contact
    ├── AlreadyExists           the number has contacts already: `contact_ids`
    ├── PermissionDenied        the caller is known and may not do this
    ├── ResourceExhausted       a message too large, leadline's storage full, or a watcher too slow
    ├── FailedPrecondition      locked, not movable, refused by the CRM, or a `request_id` used before
    ├── OutOfRange              the resume token of a watch is too old
    ├── Unimplemented           the server, or the account's CRM, cannot do this
    ├── Internal                a bug in leadline; `correlation_id` finds it in the server's log
    ├── Unavailable             leadline or the CRM is unavailable: it cannot tell, try again
    └── Unauthenticated         the caller is not known

    ValueError                  a value that cannot be sent; no request was made
    └── UnknownEnumValue        an enum has no value of this name; `allowed` has the names

`reason` says which cause it is: the name of an ErrorReason without its prefix, such as ACCOUNT_NOT_FOUND.
"No match" is never an error, and "cannot tell" always is one.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed

DOMAIN: Final = "leadline"
_DETAILS_KEY: Final = "grpc-status-details-bin"  # google.rpc.Status, by gRPC's convention for rich errors
_CUT_SIGN: Final = "…"  # the server ends a value with it if the value is too long for a header

_Detail = TypeVar("_Detail", bound=Message)


class UnknownEnumValue(ValueError):
    """An enum has no value of this name; nothing was sent.

    Attributes:
        name: the unknown name, such as `SIDEWAYS`.
        allowed: the names that exist, such as `("INBOUND", "OUTBOUND", "INTERNAL")`.
    """

    def __init__(self, enum: str, name: str, allowed: Sequence[str]) -> None:
        super().__init__(enum, name, allowed)
        self.enum = enum
        self.name = name
        self.allowed = tuple(allowed)

    def __str__(self) -> str:
        return f"{self.enum} has no value {self.name!r}; it has {', '.join(self.allowed)}."


class FieldViolation(NamedTuple):
    """An invalid field.

    Attributes:
        field: its path in the request, such as `phone_numbers[1]`.
        description: what is wrong with it, for people.
    """

    field: str
    description: str


class LeadlineError(Exception):
    """An RPC that did not answer OK.

    Attributes:
        code: the gRPC status code.
        reason: the ErrorReason without its prefix; empty where the answer is not leadline's own (a connection that
            failed, a proxy, a deadline that passed here).
        message: one sentence for people.
        metadata: the values that belong to the reason, such as `account_id`.
        field_violations: the invalid fields, for InvalidArgument.
        retry_delay: the seconds after which a retry may help; None if the server names none.
        correlation_id: finds an internal error in the server's log; otherwise empty.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str = "",
        message: str = "",
        metadata: Mapping[str, str] | None = None,
        field_violations: Sequence[FieldViolation] = (),
        retry_delay: float | None = None,
        correlation_id: str = "",
    ) -> None:
        # All arguments are passed on: copying and pickling an exception calls its class with `args`.
        super().__init__(code, reason, message, metadata, field_violations, retry_delay, correlation_id)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.field_violations = tuple(field_violations)
        self.retry_delay = retry_delay
        self.correlation_id = correlation_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __str__(self) -> str:
        head = f"{self.code.name} ({self.reason})" if self.reason else self.code.name
        lines = (f"{violation.field}: {violation.description}" for violation in self.field_violations)
        faults = "; ".join(line for line in lines if line not in self.message)
        trace = f"correlation id {self.correlation_id}" if self.correlation_id else ""
        notes = "; ".join(note for note in (faults, trace) if note)
        return f"{head}: {self.message}" + (f" [{notes}]" if notes else "")


class Cancelled(LeadlineError):
    """The client was closed."""


class InvalidArgument(LeadlineError):
    """The request breaks a rule of the contract; nothing was changed."""


class DeadlineExceeded(LeadlineError):
    """The deadline passed before an answer. A write may have taken effect; it can be sent again unchanged."""


class NotFound(LeadlineError):
    """There is no such account, call log or contact; `reason` says which."""


class AlreadyExists(LeadlineError):
    """The number has contacts already."""

    @property
    def contact_ids(self) -> tuple[str, ...]:
        """The contacts' ids; where they are more than an error can carry, the first ones."""
        ids = self.metadata.get("contact_ids", "").split(",")
        return tuple(contact_id for contact_id in ids if contact_id and not contact_id.endswith(_CUT_SIGN))


class PermissionDenied(LeadlineError):
    """The caller is known and may not do this in this account."""


class ResourceExhausted(LeadlineError):
    """The message is too large, leadline's storage is full, or a watcher reads too slowly; `reason` says which."""


class FailedPrecondition(LeadlineError):
    """Something has to change first: a lock, the CRM's rules, a `request_id` that was used for another request."""


class OutOfRange(LeadlineError):
    """The resume token is too old: list the call logs, then watch without one."""


class Unimplemented(LeadlineError):
    """The server, or the account's CRM, cannot do this."""


class Internal(LeadlineError):
    """A bug in leadline; `correlation_id` finds it in the server's log."""


class Unavailable(LeadlineError):
    """leadline or the CRM is unavailable. This does not mean "no contact"."""


class Unauthenticated(LeadlineError):
    """The caller is not known."""


_CLASSES: Final[Mapping[grpc.StatusCode, type[LeadlineError]]] = {
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRange,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.INTERNAL: Internal,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
}


def from_rpc_error(error: grpc.aio.AioRpcError) -> LeadlineError:
    """The client's exception for gRPC's, with the details of the server's answer."""
    status = _status(error)
    info, bad_request, retry = _detail(status, ErrorInfo), _detail(status, BadRequest), _detail(status, RetryInfo)
    is_ours = info is not None and info.domain == DOMAIN
    metadata = dict(info.metadata) if info is not None and is_ours else {}
    return _CLASSES.get(error.code(), LeadlineError)(
        error.code(),
        info.reason if info is not None and is_ours else "",
        error.details() or "",
        metadata,
        [FieldViolation(at.field, at.description) for at in bad_request.field_violations] if bad_request else (),
        retry.retry_delay.ToMilliseconds() / 1000 if retry else None,
        metadata.get("correlation_id", ""),
    )


def _status(error: grpc.aio.AioRpcError) -> Status:
    """The google.rpc.Status of the answer; an empty one where there is none, or it cannot be read."""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                break
    return Status()


def _detail(status: Status, kind: type[_Detail]) -> _Detail | None:
    for packed in status.details:
        found = _unpacked(packed, kind)
        if found is not None:
            return found
    return None


def _unpacked(packed: Any, kind: type[_Detail]) -> _Detail | None:
    detail = kind()
    try:
        return detail if packed.Unpack(detail) else None
    except DecodeError:
        return None
