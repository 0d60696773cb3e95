"""Pruning: deletes finished calls that are old enough, in small steps, so that other writers hardly wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from leadline_server.concurrency.lease import HeldLease, LeaseKeeper
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import Pruned, Retention

FIRST_AFTER_SECONDS: Final = 60.0
EVERY_SECONDS: Final = 3600.0
"""How long a process waits after its start, and between two prunings, in seconds."""

PRUNING_LEASE: Final = timedelta(minutes=1)
"""How long no process prunes after one died while pruning."""

CLAIMS_KEPT: Final = timedelta(days=30)
"""How long the contact of a number is remembered. No CRM's search index lags nearly as long."""

REQUESTS_KEPT: Final = timedelta(hours=25)
"""How long answers are kept: one hour more than the API promises, because clocks differ."""

QUARANTINE_KEPT: Final = timedelta(days=14)
"""How long an event of a phone system that cannot be stored is kept."""

CALLS_AT_ONCE: Final = 100
"""Calls of one transaction. They hold the write lock for a few milliseconds."""

_ROWS_AT_ONCE: Final = 500
_SHORTEST_PAUSE: Final = 0.02
_PAUSE_SHARE: Final = 4
"""The pause after a step is this many times as long as the step, so that writers have most of the time."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PrunedCounts:
    """How many rows one pruning deleted."""

    calls: int = 0
    claims: int = 0
    requests: int = 0
    quarantined: int = 0
    audit_entries: int = 0


class Pruner:
    """Prunes a ledger that several processes may share. One of them prunes at a time.

    Args:
        retention: the part of the ledger that deletes.
        leases: renews the lease on pruning.
        keep_calls: how long a finished call is kept after its last change; None: for ever.
        keep_audit: how long an entry of the audit trail is kept; None: for ever.
    """

    def __init__(
        self,
        retention: Retention,
        leases: LeaseKeeper,
        keep_calls: timedelta | None,
        keep_audit: timedelta | None = None,
    ) -> None:
        self._retention = retention
        self._leases = leases
        self._clock = leases.clock
        self._keep_calls = keep_calls
        self._keep_audit = keep_audit

    async def run(self) -> None:
        """Prune soon after the start and then every hour, until cancelled. A failing ledger is tried an hour later."""
        await asyncio.sleep(FIRST_AFTER_SECONDS)
        while True:
            try:
                await self.prune()
            except LeadlineError as error:
                _log.warning("pruning paused; trying again", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def prune(self) -> PrunedCounts | None:
        """Delete everything that may be deleted now; None if another process has the lease, or acquires it meanwhile.

        Raises:
            LedgerUnavailable: the ledger failed; the rows that were deleted before stay deleted.
        """
        until = self._clock.now() + PRUNING_LEASE
        if not await self._acquire(until):
            return None
        lease = HeldLease(self._leases, self._acquire, PRUNING_LEASE)
        lease.begin(until)
        try:
            counts = await self._prune(lease)
        except _LeaseLost:
            return None
        finally:
            lease.end()
        await self._retention.release(self._leases.process_id)
        if counts != PrunedCounts():
            _log.info("pruned", **asdict(counts))
        return counts

    async def _acquire(self, until: datetime) -> bool:
        return await self._retention.acquire(self._leases.process_id, self._clock.now(), until)

    async def _prune(self, lease: HeldLease) -> PrunedCounts:
        retention, now, keep = self._retention, self._clock.now(), self._keep_calls
        calls = 0
        if keep is not None:
            calls = await _steps(lease, lambda position: retention.prune_calls(now - keep, position, CALLS_AT_ONCE))
        claims = await _steps(lease, lambda after: retention.prune_claims(now - CLAIMS_KEPT, after, _ROWS_AT_ONCE))
        requests = await _steps(lease, lambda _: retention.prune_requests(now - REQUESTS_KEPT, _ROWS_AT_ONCE))
        quarantined = await _steps(lease, lambda _: retention.prune_quarantine(now - QUARANTINE_KEPT, _ROWS_AT_ONCE))
        audited = 0
        if (kept := self._keep_audit) is not None:
            audited = await _steps(lease, lambda _: retention.prune_audit(now - kept, _ROWS_AT_ONCE))
        return PrunedCounts(calls, claims, requests, quarantined, audited)


class _LeaseLost(Exception):
    """Another process has the lease on pruning."""


async def _steps(lease: HeldLease, step: Callable[[str], Awaitable[Pruned]]) -> int:
    """Call `step` until nothing is left, with pauses in between. Returns how many rows were deleted."""
    deleted, position = 0, ""
    while True:
        if lease.seconds_left <= 0:
            raise _LeaseLost
        began = time.monotonic()
        pruned = await step(position)
        deleted += pruned.deleted
        if pruned.position is None:
            return deleted
        position = pruned.position
        await asyncio.sleep(max(_SHORTEST_PAUSE, _PAUSE_SHARE * (time.monotonic() - began)))
