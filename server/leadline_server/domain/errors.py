"""Every error that leadline raises on purpose.

    LeadlineError
    +-- InvalidRequest              the request breaks a rule; names every field at once
    |   +-- MalformedMessage        the bytes are no message of this RPC
    |   +-- InvalidPageToken
    |   +-- InvalidResumeToken
    +-- MessageTooLarge
    +-- AccountNotFound
    +-- AccountAlreadyExists
    +-- AccountDisabled
    +-- AccountNotChangeable        the settings file has it
    |   +-- AccountBeingDeleted
    +-- ConnectionNotFound
    +-- CallLogNotFound
    +-- ContactNotFound
    +-- ContactAlreadyExists
    +-- RequestIdReused             the same request_id with another request
    +-- PreferenceLocked
    +-- UserNotFound
    +-- UserConflict                another user has the extension, number or address
    +-- TooManyUsers
    +-- CallLogNotMovable
    +-- ResumeTokenExpired
    +-- WatcherTooSlow
    +-- CrmError                    what an adapter raises
    |   +-- CrmUnavailable          cannot tell; try again
    |   |   +-- CrmRateLimited      ... after a delay
    |   |   |   +-- CrmHeldBack     ... leadline itself keeps to the CRM's limit
    |   |   +-- CrmTooMuch          ... there is more to be told than can be read
    |   +-- CrmRejected             the CRM refuses this request for good
    |   |   +-- CrmInvalidCursor    ... a search cannot go on from this cursor
    |   +-- CrmAuthFailed           the CRM refuses leadline's credentials
    |   +-- CrmOutcomeUnknown       a write was sent and no answer came
    +-- LedgerUnavailable           leadline's own storage cannot be used now
    |   +-- LedgerFull
    |   +-- StandbyLedger           ... since it is a restored copy that is not the live one
    |   +-- KeyMissing              ... for documents whose key is missing
    |   +-- SecretDamaged           ... for documents that were changed, or moved to another row
    +-- QuotaExceeded               the account uses more than it may
    +-- Unauthenticated             no credential, or one that is not accepted
    +-- PermissionDenied            the credential's role may not do this
    +-- KeyNotFound
    +-- KeyConflict                 two keys of one rotation are live already
    +-- TooManyKeys
    +-- BudgetExhausted             the caller's deadline left no time for the work
    +-- ShuttingDown

The errors of CRMs are in `crm_errors`, those of accounts and users in `account_errors`, those of credentials in
`access_errors`, those of storage in `ledger_errors`; all others are here.

"Not found" of a lookup is a value (an empty list), never one of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from leadline_server.domain.delay import bounded_seconds


class ErrorReason(StrEnum):
    """Why a request failed: the values of `leadline.v1.ErrorReason` without their prefix."""

    INVALID_REQUEST = "INVALID_REQUEST"
    MALFORMED_MESSAGE = "MALFORMED_MESSAGE"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    INVALID_PAGE_TOKEN = "INVALID_PAGE_TOKEN"  # noqa: S105 - a reason, not a secret
    INVALID_RESUME_TOKEN = "INVALID_RESUME_TOKEN"  # noqa: S105 - a reason, not a secret
    RESUME_TOKEN_EXPIRED = "RESUME_TOKEN_EXPIRED"  # noqa: S105 - a reason, not a secret
    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    CALL_LOG_NOT_FOUND = "CALL_LOG_NOT_FOUND"
    CONTACT_NOT_FOUND = "CONTACT_NOT_FOUND"
    CONTACT_ALREADY_EXISTS = "CONTACT_ALREADY_EXISTS"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    PREFERENCE_LOCKED = "PREFERENCE_LOCKED"
    CALL_LOG_NOT_MOVABLE = "CALL_LOG_NOT_MOVABLE"
    USER_NOT_FOUND = "USER_NOT_FOUND"
    USER_CONFLICT = "USER_CONFLICT"
    TOO_MANY_USERS = "TOO_MANY_USERS"
    CRM_UNAVAILABLE = "CRM_UNAVAILABLE"
    CRM_RATE_LIMITED = "CRM_RATE_LIMITED"
    CRM_REJECTED = "CRM_REJECTED"
    CRM_AUTH_FAILED = "CRM_AUTH_FAILED"
    CRM_OUTCOME_UNKNOWN = "CRM_OUTCOME_UNKNOWN"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    LEDGER_FULL = "LEDGER_FULL"
    WATCHER_TOO_SLOW = "WATCHER_TOO_SLOW"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"
    ACCOUNT_ALREADY_EXISTS = "ACCOUNT_ALREADY_EXISTS"
    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    ACCOUNT_NOT_CHANGEABLE = "ACCOUNT_NOT_CHANGEABLE"
    CONNECTION_NOT_FOUND = "CONNECTION_NOT_FOUND"
    KEY_NOT_FOUND = "KEY_NOT_FOUND"
    KEY_CONFLICT = "KEY_CONFLICT"
    TOO_MANY_KEYS = "TOO_MANY_KEYS"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One broken rule of a request: the field's path as in the contract, and a sentence."""

    field: str
    description: str


class LeadlineError(Exception):
    """The base: a sentence for people, a reason for programs, and values as metadata.

    `retry_after` is in seconds, from 0 to a day; None where repeating the same request does not help. Other numbers are
    clamped: adapters may pass on what a CRM sent.
    """

    reason: ClassVar[ErrorReason] = ErrorReason.INTERNAL

    def __init__(
        self, message: str, *, metadata: Mapping[str, str] | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.retry_after = None if retry_after is None else bounded_seconds(retry_after)


class InvalidRequest(LeadlineError):
    """The request breaks rules of the contract; nothing was changed."""

    reason = ErrorReason.INVALID_REQUEST

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in violations))
        self.violations = tuple(violations)


class MalformedMessage(InvalidRequest):
    """The bytes received are not a message of this RPC."""

    reason = ErrorReason.MALFORMED_MESSAGE


class InvalidPageToken(InvalidRequest):
    """A page token that leadline did not make for this very list."""

    reason = ErrorReason.INVALID_PAGE_TOKEN


class InvalidResumeToken(InvalidRequest):
    """A resume token that leadline did not make for this very watch."""

    reason = ErrorReason.INVALID_RESUME_TOKEN


class MessageTooLarge(LeadlineError):
    """The request is larger than the server reads."""

    reason = ErrorReason.MESSAGE_TOO_LARGE


class CallLogNotFound(LeadlineError):
    """No call with this id was ever reported to the account."""

    reason = ErrorReason.CALL_LOG_NOT_FOUND

    def __init__(self, call_id: str) -> None:
        super().__init__(f"No call {call_id!r} is known in this account.", metadata={"call_id": call_id})


class ContactNotFound(LeadlineError):
    """The CRM has no contact with the id that a person chose."""

    reason = ErrorReason.CONTACT_NOT_FOUND

    def __init__(self, contact_id: str) -> None:
        super().__init__(f"The CRM has no contact {contact_id!r}.", metadata={"contact_id": contact_id})


class ContactAlreadyExists(LeadlineError):
    """The number has contacts already, and `allow_duplicate` was not set."""

    reason = ErrorReason.CONTACT_ALREADY_EXISTS

    def __init__(self, contact_ids: Sequence[str]) -> None:
        super().__init__(
            "The number has a contact already. Set allow_duplicate to create another one.",
            metadata={"contact_ids": ",".join(contact_ids)},
        )


class RequestIdReused(LeadlineError):
    """The `request_id` was used for another request within the last 24 hours."""

    reason = ErrorReason.REQUEST_ID_REUSED

    def __init__(self, request_id: str) -> None:
        super().__init__(
            "This request_id belongs to another request. Use a new one.", metadata={"request_id": request_id}
        )


class PreferenceLocked(LeadlineError):
    """The administrator locked the preferences that a user tried to write."""

    reason = ErrorReason.PREFERENCE_LOCKED

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(
            f"Locked by the account's administrator: {', '.join(fields)}.", metadata={"fields": ",".join(fields)}
        )


class CallLogNotMovable(LeadlineError):
    """The CRM cannot move an existing call log to another contact."""

    reason = ErrorReason.CALL_LOG_NOT_MOVABLE


class ResumeTokenExpired(LeadlineError):
    """Changes since this token are no longer kept; list the calls anew and watch from now."""

    reason = ErrorReason.RESUME_TOKEN_EXPIRED


class WatcherTooSlow(LeadlineError):
    """The watcher reads slower than calls change; resume from the token in the metadata."""

    reason = ErrorReason.WATCHER_TOO_SLOW


class QuotaExceeded(LeadlineError):
    """An account uses more than it may; nothing was read or changed.

    Args:
        account_id: the account.
        quota: the name of the quota: `calls_per_second`.
        limit: what the account may use.
        retry_after: seconds until there is room again.
    """

    reason = ErrorReason.QUOTA_EXCEEDED

    def __init__(self, account_id: str, quota: str, limit: float, retry_after: float) -> None:
        super().__init__(
            f"The account uses more than its quota {quota}. Retry later.",
            metadata={"account_id": account_id, "quota": quota, "limit": f"{limit:g}"},
            retry_after=retry_after,
        )
        self.account_id = account_id


class BudgetExhausted(LeadlineError):
    """The time left until the caller's deadline was not enough to answer."""

    reason = ErrorReason.DEADLINE_EXCEEDED


class ShuttingDown(LeadlineError):
    """The server is draining; another one, or this one in a moment, will answer."""

    reason = ErrorReason.SHUTTING_DOWN
