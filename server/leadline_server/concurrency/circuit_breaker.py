"""A circuit breaker: a CRM that does not answer is left alone, and tried again by one call at a time."""

import random
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from leadline_server.domain.request_not_sent import CircuitOpen, CredentialsRefused

FAILURES: Final = 5
"""So many failures in a row open the breaker."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
"""The first pause and the longest, in seconds; each is twice the one before, half of it by chance."""

CREDENTIALS_PAUSE: Final = 60.0
"""How long a CRM that refuses leadline's credentials is left alone, in seconds."""

LONGEST_WISH: Final = 300.0
"""The longest pause that the CRM may ask for itself, in seconds."""

_PROBE_SECONDS: Final = 1.0


class BreakerState(IntEnum):
    """Whether the CRM is asked."""

    CLOSED = 0
    PROBING = 1
    OPEN = 2
    REFUSED = 3


class CircuitBreaker:
    """Whether a CRM may be asked now, from what came of asking it before.

    An outage is FAILURES in a row without an answer. A refusal of the request itself is an answer; one of the
    credentials is no outage, but a longer pause at once. After a pause one call goes through, and decides.

    Args:
        on_close: called when the CRM answers again after a pause.
        now: a clock in seconds that never goes back.
        jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        on_close: Callable[[], object] = lambda: None,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._on_close = on_close
        self._now = now
        self._jitter = jitter
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._pauses = 0
        self._until = 0.0
        self._is_probing = False
        self.is_calm = True
        """Closed, and the last request was answered: it need not be asked, nor told of another answer."""

    @property
    def state(self) -> BreakerState:
        """The state; a pause that has run out is OPEN or REFUSED until somebody asks."""
        return self._state

    @property
    def is_closed(self) -> bool:
        """Whether all is well."""
        return self._state is BreakerState.CLOSED

    @property
    def may_probe(self) -> bool:
        """Whether the pause is over, and nobody tries the CRM yet."""
        return not self.is_closed and not self._is_probing and self._now() >= self._until

    def admit(self) -> bool:
        """Let one call through; True if it is the probe on which all depends.

        Raises:
            CircuitOpen: the CRM is left alone because it does not answer.
            CredentialsRefused: ... because it refuses leadline's credentials.
        """
        if self._state is BreakerState.CLOSED:
            return False
        if not self.may_probe:
            seconds = max(self._until - self._now(), _PROBE_SECONDS)
            raise CredentialsRefused(seconds) if self._state is BreakerState.REFUSED else CircuitOpen(seconds)
        self._state = BreakerState.PROBING
        self._is_probing = True
        return True

    def answered(self) -> None:
        """The CRM answered."""
        self.is_calm = True
        self._failures = 0
        if self._state is not BreakerState.CLOSED:
            self._state = BreakerState.CLOSED
            self._pauses = 0
            self._is_probing = False
            self._on_close()

    def failed(self, asked: float = 0.0) -> None:
        """The CRM did not answer, or only to ask for a pause of `asked` seconds."""
        self.is_calm = False
        self._failures += 1
        is_closed_too_long = self._state is BreakerState.CLOSED and self._failures >= FAILURES
        if is_closed_too_long or self._state is BreakerState.PROBING:
            ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(self._pauses, 16)))
            self._pauses += 1
            pause = ceiling * (0.5 + self._jitter() / 2)
            self._pause(BreakerState.OPEN, max(pause, min(asked, LONGEST_WISH)))

    def refused(self) -> None:
        """The CRM refused the credentials."""
        self._pause(BreakerState.REFUSED, CREDENTIALS_PAUSE)

    def abandoned(self) -> None:
        """The probe ended without a verdict; the next call is the probe."""
        self._is_probing = False

    def invite(self) -> None:
        """Somebody has reason to think that the CRM is well: the next call may try."""
        self._until = self._now()

    def _pause(self, state: BreakerState, seconds: float) -> None:
        self.is_calm = False
        self._state = state
        self._until = self._now() + seconds
        self._is_probing = False
