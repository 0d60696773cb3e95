"""A lease is renewed while its holder works, and the holder's work is cut off when the lease is lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from leadline_server.clock import SystemClock
from leadline_server.concurrency import lease as module
from leadline_server.concurrency.keyed_locks import KeyedLocks
from leadline_server.concurrency.lease import LEASE, HeldLease, LeaseKeeper
from leadline_server.domain.crm_errors import CrmOutcomeUnknown
from leadline_server.domain.ledger_errors import LedgerUnavailable


class Ledger:
    """Renews leases, or fails as the test says."""

    def __init__(self) -> None:
        self.renewals: list[datetime] = []
        self.error: Exception | None = None
        self.is_anothers = False

    async def renew(self, until: datetime) -> bool:
        self.renewals.append(until)
        if self.error:
            raise self.error
        return not self.is_anothers

    async def renewed(self, times: int) -> None:
        async with asyncio.timeout(5):
            while len(self.renewals) < times:
                await asyncio.sleep(0.001)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.005)
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.005)
    return Ledger()


@pytest.fixture
async def keeper(ledger: Ledger) -> AsyncIterator[LeaseKeeper]:
    keeper = LeaseKeeper("me", SystemClock())
    renewing = asyncio.create_task(keeper.run())
    yield keeper
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)


@pytest.fixture
def lease(keeper: LeaseKeeper, ledger: Ledger) -> HeldLease:
    return HeldLease(keeper, ledger.renew)


def soon(**time: float) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


async def test_a_lease_is_renewed_while_it_is_held(lease: HeldLease, ledger: Ledger) -> None:
    lease.begin(soon(seconds=1))
    await ledger.renewed(times=3)
    assert lease.seconds_left == pytest.approx(LEASE.total_seconds(), abs=1)
    lease.end()
    seen = len(ledger.renewals)
    await asyncio.sleep(0.03)  # there is no event to wait for, because nothing must happen
    assert len(ledger.renewals) == seen


async def test_a_lease_that_never_began_or_has_ended_has_no_time_left(lease: HeldLease) -> None:
    assert lease.seconds_left <= 0
    lease.begin(soon(seconds=5))
    assert lease.seconds_left > 4
    lease.end()
    assert lease.seconds_left <= 0


async def test_work_continues_beyond_the_first_end_of_a_renewed_lease(lease: HeldLease, ledger: Ledger) -> None:
    lease.begin(soon(seconds=0.05))
    async with lease.bounding():
        await ledger.renewed(times=1)
        await asyncio.sleep(0.1)


async def test_work_is_cut_off_when_another_process_has_the_lease(lease: HeldLease, ledger: Ledger) -> None:
    ledger.is_anothers = True
    lease.begin(soon(seconds=9))
    with pytest.raises(CrmOutcomeUnknown):
        async with asyncio.timeout(5), lease.bounding():
            await asyncio.Event().wait()
    assert lease.seconds_left <= 0


async def test_work_is_cut_off_when_the_ledger_cannot_renew_the_lease_in_time(lease: HeldLease, ledger: Ledger) -> None:
    ledger.error = LedgerUnavailable("The disk is gone.")
    lease.begin(soon(seconds=0.3))
    with pytest.raises(CrmOutcomeUnknown):
        async with asyncio.timeout(5), lease.bounding():
            await asyncio.Event().wait()
    assert len(ledger.renewals) > 1


async def test_a_timeout_of_the_work_itself_is_not_the_loss_of_the_lease(lease: HeldLease) -> None:
    lease.begin(soon(seconds=60))
    with pytest.raises(TimeoutError):
        async with lease.bounding():
            raise TimeoutError


async def test_a_cancelled_caller_gets_only_the_cancellation(lease: HeldLease) -> None:
    lease.begin(soon(seconds=60))

    async def work() -> None:
        async with lease.bounding():
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_lease_that_ended_while_it_was_renewed_stays_over(
    lease: HeldLease, ledger: Ledger, keeper: LeaseKeeper
) -> None:
    lease.begin(soon(seconds=1))
    lease.extend(soon(seconds=60))
    lease.end()
    lease.extend(soon(seconds=60))
    assert lease.seconds_left <= 0
    assert keeper.held == set()
    assert ledger.renewals == []


async def test_one_lease_that_cannot_be_renewed_does_not_keep_the_others_from_it(
    lease: HeldLease, ledger: Ledger, keeper: LeaseKeeper
) -> None:
    async def broken(_: datetime) -> bool:
        raise LookupError("a bug")

    other = HeldLease(keeper, broken)
    other.begin(soon(seconds=9))
    lease.begin(soon(seconds=1))
    await ledger.renewed(times=3)


async def test_the_leases_of_a_collection_are_renewed_while_they_are_in_it(
    lease: HeldLease, ledger: Ledger, keeper: LeaseKeeper
) -> None:
    lease.until = soon(seconds=1)
    collection = [lease]
    keeper.keep(lambda: collection)
    await ledger.renewed(times=2)
    collection.clear()
    await keeper.renew_aged()
    seen = len(ledger.renewals)
    await keeper.renew_aged()
    assert len(ledger.renewals) == seen


async def test_acquiring_a_lock_tells_whether_it_had_to_wait() -> None:
    locks = KeyedLocks()
    assert not await locks.acquire("key")
    assert not await locks.acquire("another key")
    second = asyncio.create_task(locks.acquire("key"))
    await asyncio.sleep(0)
    locks.release("key")
    assert await second
    locks.release("key")
    assert not await locks.acquire("key")


async def test_a_task_that_stops_waiting_for_a_lock_does_not_block_the_next() -> None:
    locks = KeyedLocks()
    await locks.acquire("key")
    waiting = [asyncio.create_task(locks.acquire("key")) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    locks.release("key")
    assert await waiting[1]
