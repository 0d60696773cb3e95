"""The errors of credentials and permissions."""

from leadline_server.domain.errors import ErrorReason, LeadlineError


class Unauthenticated(LeadlineError):
    """The request has no credential, or one that is not accepted. The message never repeats it."""

    reason = ErrorReason.UNAUTHENTICATED


class PermissionDenied(LeadlineError):
    """The role of the credential may not do this in its own account."""

    reason = ErrorReason.PERMISSION_DENIED

    def __init__(self, message: str, *, rpc: str, role: str) -> None:
        super().__init__(message, metadata={"rpc": rpc, "role": role})


class KeyNotFound(LeadlineError):
    """The account has no such API key."""

    reason = ErrorReason.KEY_NOT_FOUND

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is no API key {key_id!r} in this account.", metadata={"key_id": key_id})


class KeyConflict(LeadlineError):
    """The key cannot be rotated or issued as things are; the message says what to do first."""

    reason = ErrorReason.KEY_CONFLICT


class TooManyKeys(LeadlineError):
    """The account has as many API keys as it may have."""

    reason = ErrorReason.TOO_MANY_KEYS

    def __init__(self, limit: int) -> None:
        super().__init__(f"An account has at most {limit} API keys.", metadata={"limit": str(limit)})
