"""Pruning: finished calls that are old enough leave the ledger, a few at a time, and never in a writer's way."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import Pruned, Retention

FIRST_AFTER_SECONDS: Final = 60.0
EVERY_SECONDS: Final = 3600.0
"""How long a process waits after its start, and between its turns, in seconds."""

TURN: Final = timedelta(minutes=1)
"""For how long a turn is taken at a time: so long nobody prunes after a process died in its turn."""

CLAIMS_KEPT: Final = timedelta(days=30)
"""How long the contact of a number is remembered: far longer than any CRM's search index lags."""

REQUESTS_KEPT: Final = timedelta(hours=25)
"""How long answers are kept: an hour more than the contract promises, for clocks that differ."""

CALLS_AT_ONCE: Final = 100
"""Calls of one transaction: a few milliseconds of the write lock."""

_ROWS_AT_ONCE: Final = 500
_LEAST_PAUSE: Final = 0.02
_REST_SHARE: Final = 4
"""After a step it rests this many times as long as the step took, so that writers have the rest of the time."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much one turn deleted."""

    calls: int = 0
    claims: int = 0
    requests: int = 0


class Pruner:
    """Prunes a ledger that processes may share: one of them at a time.

    Args:
        upkeep: the ledger's part for it.
        clock: the time of day.
        owner: this process, by a name that no other has.
        keep_calls: how long a finished call is kept after its last change; None for ever.
    """

    def __init__(self, upkeep: Retention, clock: Clock, owner: str, keep_calls: timedelta | None) -> None:
        self._upkeep = upkeep
        self._clock = clock
        self._owner = owner
        self._keep_calls = keep_calls

    async def run(self) -> None:
        """Prune soon after the start and then every hour, until cancelled. A ledger out of order is waited for."""
        await asyncio.sleep(FIRST_AFTER_SECONDS)
        while True:
            try:
                await self.prune()
            except LeadlineError as error:
                _log.warning("pruning paused", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def prune(self) -> Counts | None:
        """Delete all that may be deleted now; None, having done nothing or a part, if it is another process's turn.

        Raises:
            LedgerUnavailable: the ledger failed; what was deleted until then stays deleted.
        """
        try:
            counts = await self._prune()
        except _TurnLost:
            return None
        await self._upkeep.end_turn(self._owner)
        if counts != Counts():
            _log.info("pruned", calls=counts.calls, claims=counts.claims, requests=counts.requests)
        return counts

    async def _prune(self) -> Counts:
        upkeep, now, keep = self._upkeep, self._clock.now(), self._keep_calls
        turn = _Turn(upkeep, self._clock, self._owner)
        calls = 0
        if keep is not None:
            calls = await turn.steps(lambda position: upkeep.prune_calls(now - keep, position, CALLS_AT_ONCE))
        claims = await turn.steps(lambda position: upkeep.prune_claims(now - CLAIMS_KEPT, position, _ROWS_AT_ONCE))
        requests = await turn.steps(lambda _: upkeep.prune_requests(now - REQUESTS_KEPT, _ROWS_AT_ONCE))
        return Counts(calls, claims, requests)


class _TurnLost(Exception):
    """Another process has the turn."""


class _Turn:
    """The turn of one process, kept while there are steps to take."""

    def __init__(self, upkeep: Retention, clock: Clock, owner: str) -> None:
        self._upkeep = upkeep
        self._clock = clock
        self._owner = owner
        self._ends = clock.now()

    async def steps(self, step: Callable[[str], Awaitable[Pruned]]) -> int:
        """Take steps, with rests between them, until there are no more. Returns how many rows they deleted."""
        deleted, position = 0, ""
        while True:
            await self._keep()
            began = time.monotonic()
            pruned = await step(position)
            deleted += pruned.deleted
            if pruned.position is None:
                return deleted
            position = pruned.position
            await asyncio.sleep(max(_LEAST_PAUSE, _REST_SHARE * (time.monotonic() - began)))

    async def _keep(self) -> None:
        now = self._clock.now()
        if now < self._ends - TURN / 2:
            return
        if not await self._upkeep.take_turn(self._owner, now, now + TURN):
            raise _TurnLost
        self._ends = now + TURN
