"""Errors of a CRM that leadline did not ask, on purpose.

A lookup treats them like the CRM's own errors. Delivery does not count them as an attempt.
"""

from typing import Final

from leadline_server.domain.crm_errors import CrmAuthFailed, CrmHeldBack, CrmRateLimited, CrmUnavailable

_NOT_USED_SECONDS: Final = 5.0
"""How soon a call is tried again that met a standby or a missing key."""


class RequestNotSent(Exception):
    """The CRM was not asked. `retry_after`, in seconds, says when it may be."""

    message: str
    retry_after: float | None


class CircuitOpen(RequestNotSent, CrmUnavailable):
    """The CRM did not answer several times in a row, and is left alone for a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__("The CRM does not answer; leadline asks it again in a moment.", retry_after=seconds)


class CredentialsRefused(RequestNotSent, CrmAuthFailed):
    """The CRM refuses leadline's credentials, and is tried again slowly."""

    def __init__(self, seconds: float, refusal: str = "") -> None:
        said = refusal.rstrip(".") or "The CRM refuses leadline's credentials"
        super().__init__(f"{said}; an administrator has to act.", retry_after=seconds)


class WriteUnsettled(RequestNotSent, CrmUnavailable):
    """An earlier write of the call got no answer and may still take effect; a look now would not find it."""

    def __init__(self, seconds: float) -> None:
        super().__init__("An earlier write of this call may still take effect in the CRM.", retry_after=seconds)


class RateLimitExceeded(RequestNotSent, CrmRateLimited):
    """So many calls wait for the account's rate limit that this one would wait for too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__("More is asked of the CRM than its rate limit allows.", retry_after=seconds)


class CrmNotUsed(RequestNotSent, CrmUnavailable):
    """This server must not use the CRM now: it is a restored copy, or the key of the CRM's tokens is missing."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, retry_after=_NOT_USED_SECONDS)


NOT_SENT: Final = (RequestNotSent, CrmHeldBack)
"""Errors that say nothing about the state of the CRM."""
