"""A CRM adapter that repeats reads after a short failure."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, TypeVar

from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.crm_errors import CrmRateLimited, CrmTooMuch, CrmUnavailable
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import WRITES, CrmMethod

PAUSES: Final = (0.1, 0.3)
"""The pauses before the second and the third attempt, in seconds. Up to half of each is left out at random."""

LONGEST_RETRY_AFTER: Final = 1.0
"""If the CRM asks for a longer delay, in seconds, the read is not repeated here."""

LAST_START: Final = 1.5
"""No attempt starts later than this after the first, in seconds: the caller has a deadline."""

_REPEATED: Final = frozenset(CrmMethod) - WRITES - {CrmMethod.CHECK}

P = ParamSpec("P")
T = TypeVar("T")


class RetryCrm(CrmWrapper):
    """`inner`, whose reads are repeated after CrmUnavailable.

    Writes are not: delivery repeats them, after it has looked for the result of the first one. `check` is not either:
    it asks for the state of the CRM at this moment.

    Args:
        inner: the adapter.
        final: errors that end the call at once, although they have a delay: the request was not sent.
        jitter: a random number from 0 to 1.
        pauses: see PAUSES; one for each further attempt.
    """

    def __init__(
        self,
        inner: CrmAdapter,
        final: tuple[type[Exception], ...],
        jitter: Callable[[], float] = random.random,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        super().__init__(inner)
        self._final = final
        self._jitter = jitter
        self._pauses = pauses

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if method not in _REPEATED:
            return await work(*args, **kwargs)
        now = asyncio.get_running_loop().time
        start = now()
        for pause in self._pauses:
            try:
                return await work(*args, **kwargs)
            except CrmUnavailable as error:
                seconds = self._delay_after(error, pause)
                if seconds is None or now() + seconds - start > LAST_START:
                    raise
            await asyncio.sleep(seconds)
        return await work(*args, **kwargs)

    def _delay_after(self, error: CrmUnavailable, pause: float) -> float | None:
        """The delay before the next attempt, in seconds; None: a short delay does not help."""
        if isinstance(error, (*self._final, CrmTooMuch)):  # the CRM would find as much again
            return None
        jittered = pause * (0.5 + self._jitter() / 2)
        if error.retry_after is None:
            # The CRM asks to slow down and names no delay: an immediate repetition would disregard that.
            return None if isinstance(error, CrmRateLimited) else jittered
        return max(error.retry_after, jittered) if error.retry_after <= LONGEST_RETRY_AFTER else None
