"""The time for which a claim is held: moved on while its holder works, so that a dead holder's runs out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.domain.errors import CrmOutcomeUnknown, LedgerUnavailable

LEASE: Final = timedelta(seconds=10)
"""How long a claim outlives a holder that died."""

RENEW_SECONDS: Final = 3.0
"""How often the claim of a holder at work is renewed, in seconds."""

_log = structlog.get_logger(__name__)


class Lease:
    """Renews one claim from `begin` to `end`. A holder that is done within RENEW_SECONDS costs a timer, no task.

    Args:
        renew: moves the claim's end to a time; False if the claim is somebody else's by now.
        clock: what the claim's end is told by.
    """

    def __init__(self, renew: Callable[[datetime], Awaitable[bool]], clock: Clock) -> None:
        self._renew = renew
        self._clock = clock
        self._until: datetime | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._renewals: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None

    def begin(self, until: datetime) -> None:
        """The claim was acquired, up to `until`."""
        self._until = until
        self._timer = asyncio.get_running_loop().call_later(RENEW_SECONDS, self._start_renewals)

    def end(self) -> None:
        """The holder has finished; nothing is renewed from here on."""
        self._until = None
        if self._timer is not None:
            self._timer.cancel()
        if self._renewals is not None:
            self._renewals.cancel()

    @property
    def seconds_left(self) -> float:
        """How long the claim is held without another renewal, in seconds; not above 0 once it is lost."""
        return 0.0 if self._until is None else (self._until - self._clock.now()).total_seconds()

    @asynccontextmanager
    async def bounding(self) -> AsyncIterator[None]:
        """Cut the body off when the claim is lost.

        Raises:
            CrmOutcomeUnknown: it was cut off.
        """
        try:
            async with asyncio.timeout(self.seconds_left) as self._limit:
                yield
        except TimeoutError:
            if self._limit is None or not self._limit.expired():
                raise
            raise CrmOutcomeUnknown("The claim on the number ran out while the contact was being created.") from None
        finally:
            self._limit = None

    def _start_renewals(self) -> None:
        self._renewals = asyncio.create_task(self._keep_renewing())

    async def _keep_renewing(self) -> None:
        while self._until is not None:
            until = self._clock.now() + LEASE
            try:
                self._until = until if await self._renew(until) else None
            except LedgerUnavailable as error:
                _log.warning("claim not renewed", error=type(error).__name__)
            if self._limit is not None and not self._limit.expired():
                self._limit.reschedule(asyncio.get_running_loop().time() + self.seconds_left)
            await asyncio.sleep(RENEW_SECONDS)
