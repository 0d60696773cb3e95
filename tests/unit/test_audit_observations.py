"""Observations, which change nothing: merged, bounded, and kept while the ledger fails."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from leadline_server.audit import keeper as keeping
from leadline_server.audit.keeper import AuditKeeper
from leadline_server.audit.observations import MOST_KINDS, Observations
from leadline_server.domain.audit import Actor, AuditAction, AuditEvent, AuditFilter
from leadline_server.domain.audit_chain import BEGINNING, Anchor, ChainedEntry, following
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import AuditPage
from structlog.testing import capture_logs


class Trail:
    """An audit trail in memory, which may fail."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.waiting: list[AuditEvent] = []
        self.last = Anchor("acme", 0, BEGINNING)
        self.fails = False

    async def append(self, events: Sequence[AuditEvent]) -> None:
        self._check()
        self.events += events
        self.waiting += events

    async def has_new(self, *, of_any_process: bool = True) -> bool:
        self._check()
        return bool(self.waiting)

    async def chain(self, limit: int) -> Sequence[ChainedEntry]:
        chained = []
        for event in self.waiting[:limit]:
            chained.append(following(self.last, 1, event.document))
            self.last = chained[-1].anchor
        del self.waiting[:limit]
        return chained

    async def list(self, account_id: str, after: int, limit: int) -> Sequence[ChainedEntry]:
        raise NotImplementedError

    async def find(self, account_id: str, after: int, limit: int, among: AuditFilter) -> AuditPage:
        raise NotImplementedError

    async def ends(self, account_id: str) -> tuple[Anchor, Anchor]:
        raise NotImplementedError

    async def anchors(self) -> Sequence[Anchor]:
        return [self.last]

    def _check(self) -> None:
        if self.fails:
            raise LedgerUnavailable("gone")


def read(rpc: str = "ListCallLogs") -> AuditEvent:
    return AuditEvent.of(Actor("everyone"), "acme", AuditAction.READ_IN_BULK, rpc)


async def test_equal_entries_are_one_with_their_count() -> None:
    trail = Trail()
    observations = Observations(trail)
    observations.note(read(), 50)
    observations.note(read(), 7)
    observations.note(read("ListUsers"))
    await observations.store()
    await observations.store()
    assert trail.events == [read().times(57), read("ListUsers")]


async def test_a_flood_of_different_entries_is_bounded() -> None:
    trail = Trail()
    observations = Observations(trail)
    for number in range(MOST_KINDS + 500):
        observations.note(read(str(number)))
    await observations.store()
    assert len(trail.events) == MOST_KINDS + 1
    assert sum(event.count for event in trail.events) == MOST_KINDS + 500


async def test_what_cannot_be_stored_is_kept_for_the_next_time() -> None:
    trail = Trail()
    observations = Observations(trail)
    observations.note(read(), 3)
    trail.fails = True
    with pytest.raises(LedgerUnavailable):
        await observations.store()
    observations.note(read(), 4)
    trail.fails = False
    await observations.store()
    assert trail.events == [read().times(7)]


async def test_the_keeper_goes_on_after_a_failure_and_logs_the_anchor_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "CHAIN_SECONDS", 0.001)
    trail, emitted = Trail(), list[ChainedEntry]()
    observations = Observations(trail)
    keeper = AuditKeeper(trail, observations, emitted.extend)
    trail.fails = True
    with capture_logs() as logs:
        running = asyncio.create_task(keeper.run())
        while not logs:
            await asyncio.sleep(0.001)
        assert [metric.samples[0].value for metric in keeper.collect()] == [0, 1]
        trail.fails = False
        observations.note(read())
        while not emitted:
            await asyncio.sleep(0.001)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await keeper.finish()
    assert logs[0]["event"] == "audit trail not chained; trying again"
    assert len([line for line in logs if line["log_level"] == "warning"]) == 1
    anchors = [line for line in logs if line["event"] == "audit anchor"]
    assert anchors[-1]["hash"] == trail.last.hash.hex()
    assert [metric.samples[0].value for metric in keeper.collect()] == [1, 0]
