"""Keeps the audit trail in the background: stores observations, chains entries, and writes anchors to the log."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leadline_server.audit.observations import Observations
from leadline_server.domain.audit_chain import Anchor, ChainedEntry
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import AuditTrail

CHAIN_SECONDS: Final = 1.0
"""How often entries are chained."""

OTHERS_SECONDS: Final = 30
"""How many times as rarely a process looks for entries of others: of one that was killed before it chained them."""

OBSERVED_SECONDS: Final = 10
"""How many times as rarely observations are stored: equal ones in this time make one entry."""

ANCHOR_SECONDS: Final = 60
"""How many times as rarely anchors are written to the log."""

_AT_ONCE: Final = 500  # entries of one transaction, which takes some milliseconds

_log = structlog.get_logger(__name__)


class AuditKeeper(Collector):
    """One for each process. Several processes may chain the same ledger.

    Args:
        trail: the ledger's audit trail.
        observations: what is stored from time to time.
        emit: takes the entries that this process chained, to export them; it must not block.
    """

    def __init__(
        self,
        trail: AuditTrail,
        observations: Observations,
        emit: Callable[[Sequence[ChainedEntry]], object] = lambda _: None,
    ) -> None:
        self._trail = trail
        self._observations = observations
        self._emit = emit
        self._moved: dict[str, Anchor] = {}
        self._chained = 0
        self._is_behind = False

    async def run(self) -> None:
        """Work until cancelled. A ledger that fails is tried again a second later."""
        ticks = 0
        while True:
            await asyncio.sleep(CHAIN_SECONDS)
            ticks += 1
            try:
                if ticks % OBSERVED_SECONDS == 0:
                    await self._observations.store()
                await self.chain(of_any_process=ticks % OTHERS_SECONDS == 1)
                self._is_behind = False
            except LedgerUnavailable as error:
                self._warn(error)
            if ticks % ANCHOR_SECONDS == 0:
                self._log_anchors()

    async def finish(self) -> None:
        """Store and chain what is left, at the end of the process."""
        try:
            await self._observations.store()
            await self.chain()
        except LedgerUnavailable as error:
            self._warn(error)
        self._log_anchors()

    async def chain(self, *, of_any_process: bool = True) -> None:
        """Chain all entries that wait; without `of_any_process` perhaps only this one's. Raises LedgerUnavailable."""
        while await self._trail.has_new(of_any_process=of_any_process):
            chained = await self._trail.chain(_AT_ONCE)
            self._chained += len(chained)
            self._moved |= {entry.account_id: entry.anchor for entry in chained}
            self._emit(chained)

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        yield CounterMetricFamily(
            "leadline_audit_chained", "Entries of the audit trail that were chained.", self._chained
        )
        yield GaugeMetricFamily(
            "leadline_audit_behind", "1: the audit trail could not be chained at the last try.", int(self._is_behind)
        )

    def _warn(self, error: LedgerUnavailable) -> None:
        if not self._is_behind:
            _log.warning("audit trail not chained; trying again", error=type(error).__name__)
        self._is_behind = True

    def _log_anchors(self) -> None:
        moved, self._moved = self._moved, {}
        for anchor in moved.values():
            _log.info("audit anchor", account_id=anchor.account_id, sequence=anchor.sequence, hash=anchor.hash.hex())
