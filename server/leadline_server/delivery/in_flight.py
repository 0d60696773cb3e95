"""The deliveries in progress in this process. Those that take too long or lose their lease are cut off.

One task looks for those that take too long twice a second, so an ordinary delivery needs no timer. `LeaseKeeper` renews
the leases.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Final

from leadline_server.concurrency.lease import LeaseKeeper
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.leases import LEASE, Lease, renewed
from leadline_server.ports.ledger import CallKey, CallLogs

ATTEMPT_SECONDS: Final = 30.0
"""How long one attempt may take, in seconds. After that it counts as failed."""

CHECK_SECONDS: Final = 0.5
"""How often attempts that take too long are looked for, in seconds."""


class LeaseLost(Exception):
    """Another process has acquired the call meanwhile, or may have."""


class InFlightDelivery:
    """The delivery of one call, by one task. It is a `concurrency.lease.RenewableLease`.

    Args:
        until: when the delivery must stop, unless `renew` extends its lease before.
        renew: extends the lease.
        now: a clock in seconds that never goes back.
    """

    __slots__ = ("_cut", "_is_asking", "_now", "_since", "_waiting", "length", "renew", "task", "until")

    def __init__(self, until: datetime, renew: Callable[[datetime], Awaitable[bool]], now: Callable[[], float]) -> None:
        self.until = until
        self.length = LEASE
        self.renew = renew
        self.task: asyncio.Task[None]
        self._waiting: list[asyncio.Future[CallLog]] = []
        self._now = now
        self._is_asking = False
        self._since = 0.0
        self._cut: Exception | None = None

    async def ended(self) -> CallLog:
        """Wait for the log after the delivery, or its exception. Cancelling this does not stop the delivery."""
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

    def extend(self, until: datetime) -> None:
        """The ledger has extended the lease until `until`."""
        self.until = until

    def lose(self) -> None:
        """Cut off the attempt because the lease is lost."""
        self.cut(LeaseLost())

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
    """The deliveries by call. Their leases are renewed by `leases`."""

    def __init__(self, call_logs: CallLogs, leases: LeaseKeeper) -> None:
        self._call_logs = call_logs
        self._deliveries: dict[CallKey, InFlightDelivery] = {}
        leases.keep(self.values)

    def get(self, key: CallKey) -> InFlightDelivery | None:
        """The delivery of a call; None if none is in progress here."""
        return self._deliveries.get(key)

    def add(self, key: CallKey, delivery: InFlightDelivery) -> None:
        """Add a delivery that begins."""
        self._deliveries[key] = delivery

    def remove(self, key: CallKey) -> None:
        """Remove a delivery that has ended."""
        del self._deliveries[key]

    def values(self) -> Collection[InFlightDelivery]:
        """All deliveries in progress."""
        return self._deliveries.values()

    async def cut_long_attempts(self) -> None:
        """Cut off attempts that take longer than ATTEMPT_SECONDS, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for delivery in self._deliveries.values():
                if delivery.seconds > ATTEMPT_SECONDS:
                    delivery.cut(TimeoutError())

    async def renew(self, key: CallKey, lease: Lease, until: datetime) -> bool:
        """Renew the lease of a call, so that this process may work on it until `until`.

        False if another process has it. A call without a lease counts as held: its delivery is about to end.
        """

        def change(log: CallLog | None) -> CallLog:
            if log is None:
                raise LookupError("a call log vanished during its delivery")
            return renewed(log, lease, until - LEASE)

        log = (await self._call_logs.change(key, change)).after
        return log.lease_owner in ("", lease.lease_owner)
