"""The deliveries under way in this process: their leases are renewed, and those that take too long are cut off.

One task looks after all of them now and then, so an ordinary delivery, which is over long before, needs no timer.
"""

import asyncio
from collections.abc import Callable, ValuesView
from typing import Final

from leadline_server.clock import Clock
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.leases import LEASE, Lease, renewed
from leadline_server.ports.ledger import CallKey, CallLogs

ATTEMPT_SECONDS: Final = 30.0
"""How long one attempt may take, in seconds, before it counts as failed."""

RENEW_SECONDS: Final = 2.0
"""How old a lease gets, in seconds, before it is renewed."""

LOOK_SECONDS: Final = 0.5


class LeaseLost(Exception):
    """Somebody else has taken the call up meanwhile, or may have."""


class InFlightDelivery:
    """The delivery of one call, by one task."""

    __slots__ = ("_cut", "_is_asking", "_now", "_since", "_waiting", "lease", "renewed_at", "task")

    def __init__(self, lease: Lease, now: Callable[[], float]) -> None:
        self.lease = lease
        self.task: asyncio.Task[None]
        self._waiting: list[asyncio.Future[CallLog]] = []
        self._now = now
        self._is_asking = False
        self._since = 0.0
        self._cut: Exception | None = None
        self.renewed_at = now()

    async def ended(self) -> CallLog:
        """The log after the delivery. Raises what that failed with; cancelling this leaves it alone."""
        ended: asyncio.Future[CallLog] = asyncio.get_running_loop().create_future()
        self._waiting.append(ended)
        return await ended

    def settle(self, result: CallLog | BaseException) -> None:
        """Tell all who wait for its end."""
        for ended in self._waiting:
            if ended.done():
                continue  # its waiter was cancelled
            if isinstance(result, CallLog):
                ended.set_result(result)
            elif isinstance(result, asyncio.CancelledError):
                ended.cancel()
            else:
                ended.set_exception(result)

    @property
    def seconds(self) -> float:
        """How long the attempt under way has been asking the CRM; 0 if it is not."""
        return self._now() - self._since if self._is_asking else 0.0

    def begin(self) -> None:
        """An attempt asks the CRM from now on; it can be cut off meanwhile."""
        self._is_asking = True
        self._since = self._now()

    def end(self) -> None:
        """It has ended."""
        self._is_asking = False

    def cut(self, reason: Exception) -> None:
        """Cut off the attempt that asks the CRM; what it has to record is not cut off."""
        if self._is_asking and self._cut is None:
            self._cut = reason
            self.task.cancel()

    def cut_off(self) -> Exception | None:
        """In the task, when it was cancelled: why it was cut off; None if somebody else cancelled it."""
        reason, self._cut = self._cut, None
        if reason is not None:
            self.task.uncancel()
        return reason


class InFlightDeliveries:
    """The runs by call."""

    def __init__(self, call_logs: CallLogs, clock: Clock) -> None:
        self._call_logs = call_logs
        self._clock = clock
        self._deliveries: dict[CallKey, InFlightDelivery] = {}

    def get(self, key: CallKey) -> InFlightDelivery | None:
        """The run of a call; None if it is not under way here."""
        return self._deliveries.get(key)

    def add(self, key: CallKey, delivery: InFlightDelivery) -> None:
        """A run that begins."""
        self._deliveries[key] = delivery

    def remove(self, key: CallKey) -> None:
        """A run that has ended."""
        del self._deliveries[key]

    def values(self) -> ValuesView[InFlightDelivery]:
        """All that are under way."""
        return self._deliveries.values()

    async def look_after(self) -> None:
        """Renew leases and cut off what takes too long, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for delivery in self._deliveries.values():
            if delivery.seconds > ATTEMPT_SECONDS:
                delivery.cut(TimeoutError())
        aged = [
            (key, delivery) for key, delivery in self._deliveries.items() if now - delivery.renewed_at > RENEW_SECONDS
        ]
        # Asked for together they share one commit.
        results = await asyncio.gather(*(self._renew(key, delivery) for key, delivery in aged), return_exceptions=True)
        for (_, delivery), result in zip(aged, results, strict=True):
            if isinstance(result, CallLog):
                self._judge(delivery, result, now)
            elif now - delivery.renewed_at > LEASE.total_seconds():
                delivery.cut(LeaseLost())  # the ledger could not be written to for so long that others may take it

    async def _renew(self, key: CallKey, delivery: InFlightDelivery) -> CallLog:
        now = self._clock.now()

        def change(log: CallLog | None) -> CallLog:
            if log is None:
                raise LookupError("a call log vanished during its delivery")
            return renewed(log, delivery.lease, now)

        return await self._call_logs.change(key, change)

    @staticmethod
    def _judge(delivery: InFlightDelivery, log: CallLog, now: float) -> None:
        if log.lease_owner == delivery.lease.lease_owner:
            delivery.renewed_at = now
        elif log.lease_owner:
            delivery.cut(LeaseLost())
