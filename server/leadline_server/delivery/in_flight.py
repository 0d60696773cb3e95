"""The deliveries in progress in this process: renew their leases, and cut off those that take too long.

One task looks after all of them twice a second. An ordinary delivery ends long before that, and needs no timer.
"""

import asyncio
from collections.abc import Callable, ValuesView
from typing import Final

from leadline_server.clock import Clock
from leadline_server.domain.call_log import CallLog, CallLogChange
from leadline_server.domain.leases import LEASE, Lease, renewed
from leadline_server.ports.ledger import CallKey, CallLogs

ATTEMPT_SECONDS: Final = 30.0
"""How long one attempt may take, in seconds. After that it counts as failed."""

RENEW_SECONDS: Final = 2.0
"""How old a lease gets, in seconds, before it is renewed."""

LOOK_SECONDS: Final = 0.5


class LeaseLost(Exception):
    """Another process has acquired the call meanwhile, or may have."""


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
        """Give the result to all that wait for the end."""
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
        """How long the current attempt has been asking the CRM; 0 between attempts."""
        return self._now() - self._since if self._is_asking else 0.0

    def begin(self) -> None:
        """An attempt begins to ask the CRM. From now on it can be cut off."""
        self._is_asking = True
        self._since = self._now()

    def end(self) -> None:
        """The attempt has ended."""
        self._is_asking = False

    def cut(self, reason: Exception) -> None:
        """Cut off the attempt while it asks the CRM. The storing of its result is never cut off."""
        if self._is_asking and self._cut is None:
            self._cut = reason
            self.task.cancel()

    def cut_off(self) -> Exception | None:
        """In the cancelled task: why the attempt was cut off; None if it was cancelled for another reason."""
        reason, self._cut = self._cut, None
        if reason is not None:
            self.task.uncancel()
        return reason


class InFlightDeliveries:
    """The deliveries by call."""

    def __init__(self, call_logs: CallLogs, clock: Clock) -> None:
        self._call_logs = call_logs
        self._clock = clock
        self._deliveries: dict[CallKey, InFlightDelivery] = {}

    def get(self, key: CallKey) -> InFlightDelivery | None:
        """The delivery of a call; None if none is in progress here."""
        return self._deliveries.get(key)

    def add(self, key: CallKey, delivery: InFlightDelivery) -> None:
        """Add a delivery that begins."""
        self._deliveries[key] = delivery

    def remove(self, key: CallKey) -> None:
        """Remove a delivery that has ended."""
        del self._deliveries[key]

    def values(self) -> ValuesView[InFlightDelivery]:
        """All deliveries in progress."""
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
        # Renewed together they share one commit.
        results = await asyncio.gather(*(self._renew(key, delivery) for key, delivery in aged), return_exceptions=True)
        for (_, delivery), result in zip(aged, results, strict=True):
            if isinstance(result, CallLogChange):
                self._judge(delivery, result.after, now)
            elif now - delivery.renewed_at > LEASE.total_seconds():
                delivery.cut(
                    LeaseLost()
                )  # the lease could not be renewed, so another process may have acquired the call

    async def _renew(self, key: CallKey, delivery: InFlightDelivery) -> CallLogChange:
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
