"""Keeping to a CRM's rate limits: those that its vendor documents, and what its answers say."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from leadline_server.concurrency.rate_limiter import Pace
from leadline_server.crm.toolkit.http_answers import HttpAnswer
from leadline_server.domain.errors import CrmHeldBack
from leadline_server.ports.crm import RateLimit

LONGEST_WAIT: Final = 5.0
"""How long a request waits for its turn, in seconds; one that would have to wait longer is not sent."""

_BURST_SHARE: Final = 5  # of what is allowed, this part may be sent at once

Pause: TypeAlias = Callable[[HttpAnswer], float | None]
"""Tells for how many seconds an answer asks to send nothing, whatever else it says; None: it does not."""


def _no_pause(_: HttpAnswer) -> None:
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
        self._paces = [(limit.scope, Pace(limit.requests / limit.seconds, limit.requests, now)) for limit in limits]
        self._now = now
        self._pause = pause
        self._held: dict[str, float] = {}

    async def turn(self, scope: str = "") -> None:
        """Wait until a request of `scope` may be sent; it counts for that scope and for the connection as a whole.

        Raises:
            CrmHeldBack: that would take longer than LONGEST_WAIT.
        """
        paces = [pace for name, pace in self._paces if name in ("", scope)]
        held = max((until - self._now() for name, until in self._held.items() if name in ("", scope)), default=0.0)
        seconds = max(held, *(pace.due_in() for pace in paces), 0.0)
        if seconds > LONGEST_WAIT:
            raise CrmHeldBack("More is asked of the CRM than its rate limit allows.", retry_after=seconds)
        seconds = max(held, *(pace.reserve() for pace in paces), 0.0)
        if seconds <= 0:
            return
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            for pace in paces:
                pace.give_back()
            raise

    def heed(self, answer: HttpAnswer) -> None:
        """Send nothing for as long as an answer asks for."""
        if seconds := self._pause(answer):
            self.hold(seconds)

    def hold(self, seconds: float, scope: str = "") -> None:
        """Send nothing of `scope` ("": nothing at all) for so many seconds: an answer said so."""
        self._held[scope] = max(self._held.get(scope, 0.0), self._now() + seconds)
