"""Keeping to a CRM's rate limits: those that its vendor documents, and what its answers say."""

import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from leadline_server.concurrency.rate_limiter import RateLimiter, wait_for_reserved
from leadline_server.crm.toolkit.http_answers import Answer
from leadline_server.domain.errors import CrmHeldBack
from leadline_server.ports.crm import RateLimit

LONGEST_WAIT: Final = 5.0
"""How long a request waits for its turn, in seconds; one that would have to wait longer is not sent."""

_BURST_SHARE: Final = 5  # of what is allowed, this part may be sent at once

Pause: TypeAlias = Callable[[Answer], float | None]
"""Tells for how many seconds an answer asks to send nothing, whatever else it says; None: it does not."""


def _no_pause(_: Answer) -> None:
    """What a CRM asks that does not say how much of its rate limit is left."""


def spread(limit: RateLimit) -> RateLimit:
    """A pace that never sends more than `limit` in any stretch of time: a part at once, the rest spread over it.

    `Throttle` alone lets a whole burst through after a rest, and then as many again, for CRMs that fill up a bucket;
    most count in windows.
    """
    burst = max(1, limit.requests // _BURST_SHARE)
    rate = max(1, limit.requests - burst) / limit.seconds
    return RateLimit(burst, burst / rate, limit.scope)


class Throttle:
    """Gives the requests of one connection their turns.

    It counts this process's own requests. What others use up of the same limit shows in the answers: `hold` takes that.

    Args:
        limits: what is allowed.
        now: a clock in seconds that never goes back.
        pause: what answers ask for by their headers, say; `heed` is told of every answer.
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
        """Wait until a request of `scope` may be sent; it counts for that scope and for the connection as a whole.

        Raises:
            CrmHeldBack: that would take longer than LONGEST_WAIT.
        """
        limiters = [limiter for name, limiter in self._limiters if name in ("", scope)]
        held = max((until - self._now() for name, until in self._held.items() if name in ("", scope)), default=0.0)
        seconds = max(held, *(limiter.due_in() for limiter in limiters), 0.0)
        if seconds > LONGEST_WAIT:
            raise CrmHeldBack("More is asked of the CRM than its rate limit allows.", retry_after=seconds)
        await wait_for_reserved(limiters, max(held, *(limiter.reserve() for limiter in limiters), 0.0))

    def heed(self, answer: Answer) -> None:
        """Send nothing for as long as an answer asks for."""
        if seconds := self._pause(answer):
            self.hold(seconds)

    def hold(self, seconds: float, scope: str = "") -> None:
        """Send nothing of `scope` ("": nothing at all) for so many seconds: an answer said so."""
        self._held[scope] = max(self._held.get(scope, 0.0), self._now() + seconds)
