"""When a delivery that failed is tried again."""

from datetime import timedelta
from typing import Final

from leadline_server.concurrency.circuit_breaker import CREDENTIALS_PAUSE
from leadline_server.domain.errors import CrmAuthFailed, CrmUnavailable, LeadlineError
from leadline_server.ports.crm import Capabilities

FIRST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(minutes=5)
LONGEST_WISH: Final = timedelta(hours=1)
"""The longest delay that a CRM may ask for: beyond that its answer is taken for a mistake."""

_DOUBLINGS: Final = 16


def settle_time(capabilities: Capabilities) -> timedelta:
    """How long a write may still take effect that nobody waits for any more, and that cannot be repeated till then."""
    return timedelta(0) if capabilities.enforces_unique_key else capabilities.settle_time


def delay_after(error: Exception, attempts: int, capabilities: Capabilities, chance: float) -> timedelta:
    """Until the next attempt: what the CRM asked for, else exponential, half of it by chance.

    Args:
        error: what the attempt failed with.
        attempts: how many failed before it.
        capabilities: of the CRM; a write that may have been sent is given its time to settle.
        chance: a random number from 0 to 1.
    """
    share = 0.5 + chance / 2
    delay = min(LONGEST, FIRST * (1 << min(attempts, _DOUBLINGS))) * share
    asked = error.retry_after if isinstance(error, LeadlineError) else None
    if asked is not None:
        delay = max(FIRST * share, min(LONGEST_WISH, timedelta(seconds=asked)))
    elif isinstance(error, CrmAuthFailed):
        delay = timedelta(seconds=CREDENTIALS_PAUSE)
    return max(delay, settle_time(capabilities)) if is_perhaps_sent(error) else delay


def is_perhaps_sent(error: Exception) -> bool:
    """Whether a write that ended with this error may have reached the CRM."""
    return not isinstance(error, CrmUnavailable | CrmAuthFailed)
