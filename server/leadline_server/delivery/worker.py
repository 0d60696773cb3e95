"""Delivers calls. One task of one process delivers a call, however many requests wait for it.

Example: LogCall accepts call "c-1" with this process as its lease owner, and calls `deliver`. A task starts, makes one
or more attempts, and ends. A second LogCall for "c-1" meanwhile waits for the same task. A LogCall at another process
reads the ledger again and again until the first process has delivered the call, or has lost its lease.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from leadline_server.accounts.registry import Account, AccountRegistry
from leadline_server.clock import Clock
from leadline_server.concurrency.lease import RENEW_SECONDS, LeaseKeeper
from leadline_server.delivery.attempt import AttemptRunner, DeliveryAttempt, Result
from leadline_server.delivery.backoff import settle_time
from leadline_server.delivery.in_flight import InFlightDeliveries, InFlightDelivery
from leadline_server.delivery.in_ledger import InLedgerDelivery
from leadline_server.delivery.result_writer import ResultWriter, existing
from leadline_server.domain import leases
from leadline_server.domain.call_log import CallLog, CallLogChange, covers, is_settled
from leadline_server.domain.leases import LEASE, Lease
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.ports.ledger import CallKey, CallLogs

_FRESH: Final = timedelta(seconds=RENEW_SECONDS)

ASK_SECONDS: Final = 0.03
"""How often the ledger is asked, in seconds, whether another process has delivered a call."""

_log = structlog.get_logger(__name__)


class DeliveryWorker:
    """Delivers the calls that this process has the lease of, and waits for those that another process delivers.

    Attributes:
        id: the id of this process, the owner of its leases.
        in_flight: the deliveries in progress in this process.
    """

    def __init__(
        self,
        call_logs: CallLogs,
        registry: AccountRegistry,
        attempt_runner: AttemptRunner,
        result_writer: ResultWriter,
        leases: LeaseKeeper,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
        *,
        in_ledger: InLedgerDelivery,
    ) -> None:
        self.id = leases.process_id
        self.in_flight = InFlightDeliveries(call_logs, leases)
        self._call_logs = call_logs
        self._registry = registry
        self._attempt_runner = attempt_runner
        self._result_writer = result_writer
        self._clock = clock
        self._jitter = jitter
        self._in_ledger = in_ledger

    def lease(self, capabilities: Capabilities) -> Lease:
        """The lease that this process acquires calls with, for a CRM with these capabilities.

        It outlasts a write of its owner: another process must not write before a dead owner's write has settled.
        """
        return Lease(self.id, LEASE + settle_time(capabilities))

    async def deliver(self, account: Account, log: CallLog, lease: Lease, *, is_new: bool) -> CallLog:
        """Deliver a call as far as possible now, and return its log. It returns at once if no process has the call.

        The delivery goes on when the caller of this is cancelled. But if it still waits for the account's concurrency
        limit, it is cancelled too, and the scheduler delivers the call when the lease ends.

        Args:
            account: the call's account.
            log: the log as the ledger has it, with a lease of this process or of another.
            lease: what this process acquires the call with.
            is_new: this process has just accepted the first report, so no earlier write can have reached the CRM.
        """
        key, wanted = CallKey(account.id, log.call_id), log
        is_new = is_new and not self._in_ledger.may_lack(log)  # it may have been restored
        while True:
            if log.lease_owner == self.id:
                log = await self._delivered_here(account, key, log, lease, is_new=is_new)
            elif log.lease_owner:
                log = await self._followed(key, wanted, lease)
            if not covers(log, wanted):  # the delivery had ended before the latest report came in
                log = await self._read(key)
            if not log.lease_owner or is_settled(log, wanted):
                return log
            is_new = False

    async def take_up(self, key: CallKey, release: Callable[[], None]) -> None:
        """Deliver a due call, unless another process has it. In every case it calls `release` once, at the end."""
        delivery = None
        try:
            account = await self._registry.get_any(key.account_id)
            if account.in_ledger is not None and await self._in_ledger.take_up(account, key):
                return
            lease = self.lease(account.capabilities)
            acquired = await self._acquire(key, lease)
            key = CallKey(account.id, acquired.after.call_id)  # the call may have joined another meanwhile
            if acquired.has_changed and self.in_flight.get(key) is None:
                delivery = self._start(account, key, acquired.after, lease, release, may_exist=True)
        finally:
            if delivery is None:
                release()
        if delivery is not None:
            await delivery.ended()

    async def drain(self, seconds: float) -> None:
        """Wait up to `seconds` for the deliveries in progress, then cancel them. Their calls are on disk."""
        tasks = [delivery.task for delivery in self.in_flight.values()]
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=seconds)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    async def _delivered_here(
        self, account: Account, key: CallKey, log: CallLog, lease: Lease, *, is_new: bool
    ) -> CallLog:
        """The log after the delivery in this process: the one in progress, or a new one."""
        delivery = self.in_flight.get(key)
        if delivery is None:
            limits = account.limits
            is_limited = limits.concurrency.try_acquire()
            # While the circuit breaker is open, attempts end without a request, so they need not wait for the limit.
            if not is_limited and limits.breaker.is_closed:
                await limits.concurrency.acquire()
                is_limited = True
            release = limits.concurrency.release if is_limited else _nothing
            delivery, log = await self._begun(account, key, log, lease, release, is_new=is_new)
        return log if delivery is None else await delivery.ended()

    async def _begun(
        self,
        account: Account,
        key: CallKey,
        log: CallLog,
        lease: Lease,
        release: Callable[[], None],
        *,
        is_new: bool,
    ) -> tuple[InFlightDelivery | None, CallLog]:
        """The delivery that starts, or one that has started meanwhile; None if another process has the call by now.

        `release` gives the concurrency limit back: here, or at the end of the delivery.
        """
        started: InFlightDelivery | None = None
        try:
            if self._is_aged(log, lease):
                now = self._clock.now()
                log = (await self._change(key, lambda current: leases.renewed(current, lease, now))).after
            delivery = self.in_flight.get(key)
            if delivery is None and log.lease_owner == self.id:
                delivery = started = self._start(account, key, log, lease, release, may_exist=not is_new)
            return delivery, log
        finally:
            if started is None:
                release()

    def _is_aged(self, log: CallLog, lease: Lease) -> bool:
        """Whether the lease is so old that it must be renewed before the delivery starts."""
        until = log.lease_until
        return until is None or until - self._clock.now() < lease.length - _FRESH

    def _start(
        self,
        account: Account,
        key: CallKey,
        log: CallLog,
        lease: Lease,
        release: Callable[[], None],
        *,
        may_exist: bool,
    ) -> InFlightDelivery:
        # The lease lasts longer than LEASE only for writes that are on their way when this process dies.
        until = (log.lease_until or self._clock.now()) - (lease.length - LEASE)
        renew = partial(self.in_flight.renew, key, lease)
        delivery = InFlightDelivery(until, renew, asyncio.get_running_loop().time)
        attempt = DeliveryAttempt(account, log, may_exist=may_exist)
        delivery.task = asyncio.create_task(self._run(delivery, key, attempt, release))
        self.in_flight.add(key, delivery)
        return delivery

    async def _run(
        self, delivery: InFlightDelivery, key: CallKey, attempt: DeliveryAttempt, release: Callable[[], None]
    ) -> None:
        """Make attempts until this process has nothing more to do for the call."""
        result: CallLog | BaseException
        try:
            result = await self._attempted(delivery, key, attempt)
            while result.lease_owner == self.id:
                account = await self._registry.get_any(key.account_id)
                attempt = DeliveryAttempt(account, result, may_exist=True)
                result = await self._attempted(delivery, key, attempt)
        except asyncio.CancelledError as error:
            result = error
            raise
        except Exception as error:  # noqa: BLE001 - those who wait are told; there may be none
            _log.error("delivery interrupted", error=type(error).__name__)
            result = error
        finally:
            self.in_flight.remove(key)
            release()
            delivery.settle(result)

    async def _attempted(self, delivery: InFlightDelivery, key: CallKey, attempt: DeliveryAttempt) -> CallLog:
        """The log after an attempt. A failure of the attempt is stored like every other result, so no call is lost.

        Raises:
            LedgerUnavailable: the ledger failed; the call falls due when its lease ends.
        """
        result: Result | Exception
        delivery.begin()
        try:
            result = await self._attempt_runner.run(attempt)
        except asyncio.CancelledError:
            reason = delivery.cut_off()
            if reason is None:
                raise
            result = reason
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may fail in any way
            result = error
        finally:
            delivery.end()
        return await self._result_writer.store(key, attempt, result)

    async def _followed(self, key: CallKey, wanted: CallLog, lease: Lease) -> CallLog:
        """The log once another process has delivered `wanted`, or once it died and this process has the lease."""
        while True:
            await asyncio.sleep(ASK_SECONDS * (0.5 + self._jitter()))
            log = await self._read(key)
            if log.lease_owner in ("", self.id) or is_settled(log, wanted):
                return log
            if not leases.is_leased(log, self._clock.now()):
                acquired = await self._acquire(key, lease)
                if acquired.has_changed:
                    return acquired.after

    async def _acquire(self, key: CallKey, lease: Lease) -> CallLogChange:
        """Acquire a due call. Nothing changes if another process was faster."""
        now = self._clock.now()
        return await self._change(key, lambda log: leases.acquired(log, lease, now))

    async def _change(self, key: CallKey, change: Callable[[CallLog], CallLog]) -> CallLogChange:
        return await self._call_logs.change(key, lambda log: change(existing(log)))

    async def _read(self, key: CallKey) -> CallLog:
        return existing(await self._call_logs.get(key))


def _nothing() -> None:
    return
