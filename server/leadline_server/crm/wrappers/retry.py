"""A CRM adapter whose reads are tried again when they fail for a moment."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, ParamSpec, TypeVar

from leadline_server.crm.wrappers.wrapper import CrmWrapper, Operation
from leadline_server.domain.errors import CrmRateLimited, CrmTooMuch, CrmUnavailable
from leadline_server.ports.crm import CrmAdapter

PAUSES: Final = (0.1, 0.3)
"""The pauses before the second try and the third, in seconds, less up to half of each by chance."""

LONGEST_WISH: Final = 1.0
"""The longest delay, in seconds, that the CRM may ask for and still be tried again here."""

LAST_TRY: Final = 1.5
"""No try begins later than this after the first one, in seconds: who waits for the answer has a deadline."""

_READS: Final = frozenset(
    {Operation.FIND_CONTACTS, Operation.GET_CONTACT, Operation.SEARCH_CONTACTS, Operation.FIND_CALL_LOG}
)

P = ParamSpec("P")
T = TypeVar("T")


class RetryCrm(CrmWrapper):
    """`inner`, whose reads that raise CrmUnavailable are tried again after a short pause.

    Writes are not: whoever delivers a call repeats them, after a look at what the first one did. Neither is `check`,
    which asks how the CRM is now.

    Args:
        inner: the adapter.
        final: errors that are passed on at once, whatever delay they have: the CRM was not asked.
        jitter: a random number from 0 to 1.
        pauses: see PAUSES; as many as there may be further tries.
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

    async def _do(self, operation: Operation, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if operation not in _READS:
            return await work(*args, **kwargs)
        now = asyncio.get_running_loop().time
        began = now()
        for pause in self._pauses:
            try:
                return await work(*args, **kwargs)
            except CrmUnavailable as error:
                seconds = self._pause_after(error, pause)
                if seconds is None or now() + seconds - began > LAST_TRY:
                    raise
            await asyncio.sleep(seconds)
        return await work(*args, **kwargs)

    def _pause_after(self, error: CrmUnavailable, pause: float) -> float | None:
        """How long to wait before the next try, in seconds; None: a short pause does not help."""
        if isinstance(error, (*self._final, CrmTooMuch)):  # as much would be found again
            return None
        jittered = pause * (0.5 + self._jitter() / 2)
        if error.retry_after is None:
            # Who is asked to slow down, and is not told for how long, does not try again at once.
            return None if isinstance(error, CrmRateLimited) else jittered
        return max(error.retry_after, jittered) if error.retry_after <= LONGEST_WISH else None
