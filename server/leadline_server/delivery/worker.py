"""Delivers calls: each by one task of one process, however many ask for it."""

import asyncio
import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from leadline_server.accounts.limits import AccountLimits, AccountLimitsRegistry
from leadline_server.accounts.registry import Account, AccountRegistry
from leadline_server.clock import Clock
from leadline_server.delivery.attempt import Attempt, AttemptRunner, Result
from leadline_server.delivery.backoff import settle_time
from leadline_server.delivery.in_flight import RENEW_SECONDS, InFlightDeliveries, InFlightDelivery
from leadline_server.delivery.result_writer import ResultWriter, known
from leadline_server.domain import leases
from leadline_server.domain.call_log import CallLog, covers, is_settled
from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.domain.leases import LEASE, Lease
from leadline_server.ports.ledger import CallKey, CallLogs

_FRESH: Final = timedelta(seconds=RENEW_SECONDS)

ASK_SECONDS: Final = 0.03
"""How often the ledger is asked, in seconds, what became of a call that another process delivers."""


_log = structlog.get_logger(__name__)


class DeliveryWorker:
    """Carries calls that this process has taken, and waits for those that another one carries.

    Attributes:
        id: what this process takes calls with; made anew at every start.
        in_flight: the deliveries under way here.
    """

    def __init__(
        self,
        call_logs: CallLogs,
        registry: AccountRegistry,
        attempt_runner: AttemptRunner,
        result_writer: ResultWriter,
        limits: AccountLimitsRegistry,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.in_flight = InFlightDeliveries(call_logs, clock)
        self._call_logs = call_logs
        self._registry = registry
        self._attempt_runner = attempt_runner
        self._result_writer = result_writer
        self._limits = limits
        self._clock = clock
        self._jitter = jitter

    def lease(self, account: Account) -> Lease:
        """What calls of this account are taken with.

        Nobody takes a call over before a write of its dead lease owner has settled.
        """
        return Lease(self.id, LEASE + settle_time(account.crm.capabilities))

    async def deliver(self, log: CallLog, *, is_new: bool) -> CallLog:
        """Return where `log` stands once it is delivered, as far as it gets now; at once if nobody carries it.

        Goes on when the caller is cancelled, except while that still waits for one of the account's slots: then the
        delivery loop goes on when the lease is over.

        Args:
            log: the log as the ledger has it, taken by this process or by another.
            is_new: this process accepted its first report just now, so no earlier write can have reached the CRM.
        """
        key, wanted = CallKey(log.account_id, log.call_id), log
        while True:
            if log.lease_owner == self.id:
                log = await self._delivered_here(key, log, is_new=is_new)
            elif log.lease_owner:
                log = await self._followed(key, wanted)
            if not covers(log, wanted):  # the delivery that was joined had ended before the latest report came in
                log = await self._read(key)
            if not log.lease_owner or is_settled(log, wanted):
                return log
            is_new = False

    def invite(self, account_id: str) -> None:
        """Try the account's CRM at once, if it is left alone: somebody has reason to think that it is well."""
        self._limits.of(account_id).breaker.invite()

    async def take_up(self, key: CallKey) -> None:
        """Deliver a due call, unless somebody else has taken it. The caller has taken one of the account's slots."""
        limits, delivery = self._limits.of(key.account_id), None
        try:
            lease = self.lease(await self._registry.get(key.account_id))
            log, is_mine = await self._take(key, lease)
            if is_mine and self.in_flight.get(key) is None:
                delivery = self._start(key, log, lease, limits.concurrency.release, may_exist=True)
        finally:
            if delivery is None:
                limits.concurrency.release()
        if delivery is not None:
            await delivery.ended()

    async def drain(self, seconds: float) -> None:
        """Wait for the deliveries under way, `seconds` at most; what is cut off then is on disk, and goes on later."""
        tasks = [delivery.task for delivery in self.in_flight.values()]
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=seconds)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    async def _delivered_here(self, key: CallKey, log: CallLog, *, is_new: bool) -> CallLog:
        """The log after the delivery that is under way here, or that begins now."""
        delivery = self.in_flight.get(key)
        if delivery is None:
            limits = self._limits.of(key.account_id)
            has_slot = limits.concurrency.try_acquire()
            # While the CRM is left alone nothing waits for it, so nobody has to wait for a slot either.
            if not has_slot and limits.breaker.is_closed:
                await limits.concurrency.acquire()
                has_slot = True
            delivery, log = await self._begun(key, log, limits if has_slot else None, is_new=is_new)
        return log if delivery is None else await delivery.ended()

    async def _begun(
        self, key: CallKey, log: CallLog, limits: AccountLimits | None, *, is_new: bool
    ) -> tuple[InFlightDelivery | None, CallLog]:
        """The run that begins, or another one that has begun; None if another process has the call by now.

        `limits` is where a slot was taken; it is given back, here or by the delivery.
        """
        release = _nothing if limits is None else limits.concurrency.release
        started: InFlightDelivery | None = None
        try:
            lease = self.lease(await self._registry.get(key.account_id))
            if self._is_aged(log, lease):
                now = self._clock.now()
                log = await self._change(key, lambda current: leases.renewed(current, lease, now))
            delivery = self.in_flight.get(key)
            if delivery is None and log.lease_owner == self.id:
                delivery = started = self._start(key, log, lease, release, may_exist=not is_new)
            return delivery, log
        finally:
            if started is None:
                release()

    def _is_aged(self, log: CallLog, lease: Lease) -> bool:
        """Whether the call was taken so long ago that its lease must be renewed before it is begun."""
        until = log.lease_until
        return until is None or until - self._clock.now() < lease.length - _FRESH

    def _start(
        self, key: CallKey, log: CallLog, lease: Lease, release: Callable[[], None], *, may_exist: bool
    ) -> InFlightDelivery:
        delivery = InFlightDelivery(lease, asyncio.get_running_loop().time)
        delivery.task = asyncio.create_task(self._carry(delivery, key, log, release, may_exist=may_exist))
        self.in_flight.add(key, delivery)
        return delivery

    async def _carry(
        self, delivery: InFlightDelivery, key: CallKey, log: CallLog, release: Callable[[], None], *, may_exist: bool
    ) -> None:
        result: CallLog | BaseException
        try:
            while log.lease_owner == self.id:
                attempt = Attempt(log)
                came_to = await self._tried(delivery, attempt, may_exist=may_exist)
                log = await self._result_writer.record(key, attempt, came_to)
                may_exist = True
            result = log
        except asyncio.CancelledError as error:
            result = error
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and nobody may be left who does
            _log.error("delivery interrupted", error=type(error).__name__)
            result = error
        finally:
            self.in_flight.remove(key)
            release()
            delivery.settle(result)

    async def _tried(self, delivery: InFlightDelivery, attempt: Attempt, *, may_exist: bool) -> Result | Exception:
        """What the attempt came to. Nothing that goes wrong may lose the call, so it is a value like the rest.

        Raises:
            LedgerUnavailable: leadline's own storage failed; the call falls due when its lease is over.
        """
        delivery.begin()
        try:
            account = await self._registry.get(attempt.log.account_id)
            return await self._attempt_runner.run(account, attempt, may_exist=may_exist)
        except asyncio.CancelledError:
            reason = delivery.cut_off()
            if reason is None:
                raise
            return reason
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may fail in any way
            return error
        finally:
            delivery.end()

    async def _followed(self, key: CallKey, wanted: CallLog) -> CallLog:
        """The log once another process has delivered what `wanted` has, or has died and left it to this one."""
        lease = self.lease(await self._registry.get(key.account_id))
        while True:
            await asyncio.sleep(ASK_SECONDS * (0.5 + self._jitter()))
            log = await self._read(key)
            if log.lease_owner in ("", self.id) or is_settled(log, wanted):
                return log
            if not leases.is_leased(log, self._clock.now()):
                log, is_mine = await self._take(key, lease)
                if is_mine:
                    return log

    async def _take(self, key: CallKey, lease: Lease) -> tuple[CallLog, bool]:
        """The log of a due call, and whether it was taken just now: somebody else may be faster."""
        now, before = self._clock.now(), list[CallLog]()

        def change(log: CallLog) -> CallLog:
            before[:] = [log]
            return leases.taken(log, lease, now)

        log = await self._change(key, change)
        return log, log is not before[0]

    async def _change(self, key: CallKey, change: Callable[[CallLog], CallLog]) -> CallLog:
        return await self._call_logs.change(key, lambda log: change(known(log)))

    async def _read(self, key: CallKey) -> CallLog:
        return known(await self._call_logs.get(key))


def _nothing() -> None:
    return
