"""Keeps requests within a CRM's rate limits: those in the vendor's documentation, and those in its answers."""

import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from leadline_server.concurrency.rate_limiter import RateLimiter, wait_for_reserved
from leadline_server.crm.toolkit.http_answers import HttpAnswer
from leadline_server.domain.crm_errors import CrmHeldBack
from leadline_server.domain.delay import bounded_seconds
from leadline_server.ports.crm_guarantees import RateLimit

LONGEST_WAIT: Final = 5.0
"""The longest wait for a turn, in seconds. A request that would have to wait longer is not sent."""

_BURST_SHARE: Final = 5  # a fifth of the allowed requests may be sent at once

Pause: TypeAlias = Callable[[HttpAnswer], float | None]
"""Returns for how many seconds an answer asks to send nothing, whatever its status; None: it does not."""


def _no_pause(_: HttpAnswer) -> None:
    """For CRMs whose answers do not say how much of a rate limit is left."""


def spread(limit: RateLimit) -> RateLimit:
    """A limit that never sends more than `limit` in any window: a part at once, the rest spread over the window.

    `Throttle` alone sends a whole burst after a rest, and then as many again over the window. That suits CRMs with a
    token bucket, but most count in windows. Example: `RateLimit(100, 10.0)` becomes `RateLimit(20, 2.5)`.
    """
    burst = max(1, limit.requests // _BURST_SHARE)
    rate = max(1, limit.requests - burst) / limit.seconds
    return RateLimit(burst, burst / rate, limit.scope)


class Throttle:
    """Gives each request of one connection its turn.

    It counts the requests of this process. Answers show if other programs use the same limit; `hold` reacts to that.

    Args:
        limits: the allowed rates.
        now: a monotonic clock, in seconds.
        pause: returns the pause that an answer asks for, by its headers for example. `heed` calls it for every answer.
    """

    def __init__(
        self,
        limits: Sequence[RateLimit] = (),
        now: Callable[[], float] = time.monotonic,
        pause: Pause = _no_pause,
    ) -> None:
        self._limiters = [
            (limit.scope, RateLimiter(limit.requests / limit.seconds, limit.requests, now)) for limit in limits
        ]
        self._now = now
        self._pause = pause
        self._held: dict[str, float] = {}

    async def turn(self, scope: str = "") -> None:
        """Wait until a request of `scope` may be sent. It counts for that scope, and for the whole connection.

        Raises:
            CrmHeldBack: the wait would be longer than LONGEST_WAIT.
        """
        limiters = [limiter for name, limiter in self._limiters if name in ("", scope)]
        seconds = self._held_for(scope) if self._held else 0.0
        for limiter in limiters:
            seconds = max(seconds, limiter.due_in())
        if seconds > LONGEST_WAIT:
            raise CrmHeldBack("leadline needs more requests than the CRM's rate limit allows.", retry_after=seconds)
        for limiter in limiters:
            seconds = max(seconds, limiter.reserve())
        await wait_for_reserved(limiters, seconds)

    def _held_for(self, scope: str) -> float:
        now = self._now()
        return max((until - now for name, until in self._held.items() if name in ("", scope)), default=0.0)

    def heed(self, answer: HttpAnswer) -> None:
        """Pause if an answer asks for it."""
        if seconds := self._pause(answer):
            self.hold(seconds)

    def hold(self, seconds: float, scope: str = "") -> None:
        """Send no request of `scope` for so many seconds (empty: no request at all), because an answer says so.

        The pause lasts a day at most, whatever the answer says.
        """
        self._held[scope] = max(self._held.get(scope, 0.0), self._now() + bounded_seconds(seconds))
