"""A circuit breaker: a CRM that does not answer gets no requests for a while, and then one trial request."""

import random
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from leadline_server.domain.request_not_sent import CircuitOpen, CredentialsRefused

FAILURES: Final = 5
"""This many failures in a row open the breaker."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
"""The first and the longest pause, in seconds. Each is up to twice the one before; half of it is random."""

CREDENTIALS_PAUSE: Final = 60.0
"""The pause after a CRM refused leadline's credentials, in seconds."""

LONGEST_REQUESTED_PAUSE: Final = 300.0
"""The longest pause that the CRM can ask for, in seconds."""

_TRIAL_SECONDS: Final = 1.0


class BreakerState(IntEnum):
    """Whether requests are sent."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2
    REFUSED = 3


class CircuitBreaker:
    """Decides from the results of earlier requests whether a request may be sent.

    FAILURES requests in a row without an answer open it. A refused request is an answer. Refused credentials open it at
    once, for longer. After the pause one trial request is sent; its result closes the breaker or opens it again.

    Example: five timeouts, then a pause of about one second. The trial request times out too: a pause of about two
    seconds. The next one is answered: closed.

    Args:
        on_close: called when the CRM answers again.
        now: a clock in seconds that never goes back.
        jitter: returns a random number from 0 to 1.
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
        self._is_trying = False
        self.is_calm = True
        """Closed, and the last request was answered. Then callers skip `admit` and `answered`, which saves calls."""

    @property
    def state(self) -> BreakerState:
        """The state. After a pause it stays OPEN or REFUSED until the trial request."""
        return self._state

    @property
    def is_closed(self) -> bool:
        """Whether requests are sent without restriction."""
        return self._state is BreakerState.CLOSED

    @property
    def may_try(self) -> bool:
        """Whether the pause is over and no trial request is in progress."""
        return not self.is_closed and not self._is_trying and self._now() >= self._until

    def admit(self) -> bool:
        """Admit a request; True if it is the trial request.

        Raises:
            CircuitOpen: no request is sent, because the CRM did not answer.
            CredentialsRefused: no request is sent, because the CRM refused leadline's credentials.
        """
        if self._state is BreakerState.CLOSED:
            return False
        if not self.may_try:
            seconds = max(self._until - self._now(), _TRIAL_SECONDS)
            raise CredentialsRefused(seconds) if self._state is BreakerState.REFUSED else CircuitOpen(seconds)
        self._state = BreakerState.HALF_OPEN
        self._is_trying = True
        return True

    def answered(self) -> None:
        """The CRM answered."""
        self.is_calm = True
        self._failures = 0
        if self._state is not BreakerState.CLOSED:
            self._state = BreakerState.CLOSED
            self._pauses = 0
            self._is_trying = False
            self._on_close()

    def failed(self, asked: float = 0.0) -> None:
        """The CRM did not answer, or it asked for a pause of `asked` seconds."""
        self.is_calm = False
        self._failures += 1
        has_failed_often = self._state is BreakerState.CLOSED and self._failures >= FAILURES
        if has_failed_often or self._state is BreakerState.HALF_OPEN:
            ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(self._pauses, 16)))
            self._pauses += 1
            pause = ceiling * (0.5 + self._jitter() / 2)
            self._pause(BreakerState.OPEN, max(pause, min(asked, LONGEST_REQUESTED_PAUSE)))

    def refused(self) -> None:
        """The CRM refused the credentials."""
        self._pause(BreakerState.REFUSED, CREDENTIALS_PAUSE)

    def abandoned(self) -> None:
        """The trial request ended without a result, so the next request is the trial."""
        self._is_trying = False

    def invite(self) -> None:
        """End the pause: the next request is the trial. Call this if the CRM is probably well again."""
        self._until = self._now()

    def _pause(self, state: BreakerState, seconds: float) -> None:
        self.is_calm = False
        self._state = state
        self._until = self._now() + seconds
        self._is_trying = False
