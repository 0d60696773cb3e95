"""The errors of a CRM."""

from collections.abc import Sequence

from leadline_server.domain.contact import Contact
from leadline_server.domain.errors import ErrorReason, LeadlineError


class CrmError(LeadlineError):
    """The base of what a CRM adapter raises."""

    reason = ErrorReason.CRM_UNAVAILABLE


class CrmUnavailable(CrmError):
    """The CRM failed, timed out or answered only in part: cannot tell. Repeating may help."""


class CrmRateLimited(CrmUnavailable):
    """The CRM asks to slow down; `retry_after` says for how long."""

    reason = ErrorReason.CRM_RATE_LIMITED


class CrmHeldBack(CrmRateLimited):
    """leadline keeps to the CRM's rate limit by itself: the CRM was not asked, and has not failed."""


class CrmTooMuch(CrmUnavailable):
    """The CRM answers with more than can be read: cannot tell. Repeating does not help, but asking for less may.

    `read` has the contacts that were read of a lookup's answer. They may be enough to tell that several have a number.
    """

    def __init__(self, message: str, *, read: Sequence[Contact] = (), retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.read = read


class CrmRejected(CrmError):
    """The CRM refuses this very request; repeating it unchanged never helps."""

    reason = ErrorReason.CRM_REJECTED


class CrmInvalidCursor(CrmRejected):
    """A cursor that the adapter did not make for this search. Callers get InvalidPageToken for it."""

    reason = ErrorReason.INVALID_PAGE_TOKEN


class CrmAuthFailed(CrmError):
    """The CRM refuses leadline's credentials: an administrator has to act."""

    reason = ErrorReason.CRM_AUTH_FAILED


class CrmOutcomeUnknown(CrmError):
    """A write was sent and no answer came: it may or may not have happened."""

    reason = ErrorReason.CRM_OUTCOME_UNKNOWN
