"""When a failed delivery is tried again.

Example: the third failure waits 2 to 4 seconds. If the CRM asked for 30 seconds, it waits 30 seconds.
"""

from datetime import timedelta
from typing import Final

from leadline_server.concurrency.circuit_breaker import CREDENTIALS_PAUSE
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmUnavailable
from leadline_server.domain.delay import bounded_seconds
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.crm_guarantees import Capabilities

FIRST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(minutes=5)
LONGEST_WISH: Final = timedelta(hours=1)
"""The longest delay that a CRM may ask for. A longer one is treated as a mistake."""

_DOUBLINGS: Final = 16


def delay_after(error: Exception, attempts: int, capabilities: Capabilities, chance: float) -> timedelta:
    """The delay before the next attempt: what the CRM asked for, else exponential with half of it random.

    Args:
        error: the error of the attempt.
        attempts: how many attempts failed before it.
        capabilities: of the CRM. After a write that may have been sent, the delay is at least its settle time.
        chance: a random number from 0 to 1.
    """
    share = 0.5 + chance / 2
    delay = min(LONGEST, FIRST * (1 << min(attempts, _DOUBLINGS))) * share
    asked = error.retry_after if isinstance(error, LeadlineError) else None
    if asked is not None:
        delay = max(FIRST * share, min(LONGEST_WISH, timedelta(seconds=bounded_seconds(asked))))
    elif isinstance(error, CrmAuthFailed):
        delay = timedelta(seconds=CREDENTIALS_PAUSE)
    return max(delay, settle_time(capabilities)) if is_perhaps_sent(error) else delay


def is_perhaps_sent(error: Exception) -> bool:
    """Whether a write that ended with this error may have reached the CRM."""
    return not isinstance(error, CrmUnavailable | CrmAuthFailed)


def settle_time(capabilities: Capabilities) -> timedelta:
    """How long a write without an answer may still take effect, if repeating it would do it twice."""
    return timedelta(0) if capabilities.enforces_unique_key else capabilities.settle_time
