"""The leases that this process holds: one task renews them all, so that another process takes over if this one dies.

Calls, claims on numbers and pruning have such leases. Example: process "a1" acquires a claim, and the ledger has
`lease_owner` "a1" and `lease_until` 12:00:10. At 12:00:02 "a1" renews it until 12:00:12. If "a1" dies then, process
"b2" can acquire the claim at 12:00:12. A task that is done within RENEW_SECONDS costs neither a timer nor a renewal.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final, Protocol

import structlog

from leadline_server.clock import Clock
from leadline_server.domain.crm_errors import CrmOutcomeUnknown

LEASE: Final = timedelta(seconds=10)
"""How long a lease outlives a process that died, unless its user says otherwise."""

RENEW_SECONDS: Final = 2.0
"""How old a lease gets, in seconds, before it is renewed."""

CHECK_SECONDS: Final = 0.5
"""How often this process looks for leases to renew, in seconds."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

_log = structlog.get_logger(__name__)


class RenewableLease(Protocol):
    """A lease that `LeaseKeeper` renews.

    Attributes:
        until: when this process must stop, unless the lease is renewed before.
        length: how much time a renewal gives.
        renew: extends the lease in the ledger until a time; False if another process holds it by now.
    """

    until: datetime
    length: timedelta
    renew: Callable[[datetime], Awaitable[bool]]

    def extend(self, until: datetime) -> None:
        """The ledger has extended the lease until `until`."""
        ...

    def lose(self) -> None:
        """Stop the work: another process holds the lease, or may hold it."""
        ...


class LeaseKeeper:
    """Renews the leases of this process.

    Args:
        process_id: the owner of the leases, made new at every start of a process.
        clock: the clock that the ends of leases are compared with.
    """

    def __init__(self, process_id: str, clock: Clock) -> None:
        self.process_id = process_id
        self.clock = clock
        self.held: set[RenewableLease] = set()
        self._others: list[Callable[[], Iterable[RenewableLease]]] = []

    def keep(self, leases: Callable[[], Iterable[RenewableLease]]) -> None:
        """Renew the leases that `leases` returns, too: for a collection that its owner has anyway."""
        self._others.append(leases)

    async def run(self) -> None:
        """Renew leases until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self.renew_aged()

    async def renew_aged(self) -> None:
        """Renew the leases that are older than RENEW_SECONDS. Renewed at the same time, they share one commit."""
        now, age = self.clock.now(), timedelta(seconds=RENEW_SECONDS)
        leases = chain(self.held, *(leases() for leases in self._others))
        aged = [lease for lease in leases if lease.until - now < lease.length - age]
        await asyncio.gather(*(self._renew(lease) for lease in aged))

    async def _renew(self, lease: RenewableLease) -> None:
        until = self.clock.now() + lease.length
        try:
            is_held = await lease.renew(until)
        except Exception as error:  # noqa: BLE001 - it must not keep other leases from being renewed
            _log.warning("lease not renewed", error=type(error).__name__)
            if self.clock.now() >= lease.until:
                lease.lose()
            return
        if is_held:
            lease.extend(until)
        else:
            lease.lose()


class HeldLease:
    """A lease that this process holds from `begin` until `end`, or until it is lost.

    Args:
        keeper: renews it.
        renew: see RenewableLease.
        length: see RenewableLease.
    """

    def __init__(
        self, keeper: LeaseKeeper, renew: Callable[[datetime], Awaitable[bool]], length: timedelta = LEASE
    ) -> None:
        self.length = length
        self.renew = renew
        self.until = _LONG_AGO
        self._keeper = keeper
        self._limit: asyncio.Timeout | None = None

    @property
    def seconds_left(self) -> float:
        """How long the lease is held without another renewal, in seconds; 0 or less once it is lost or over."""
        return (self.until - self._keeper.clock.now()).total_seconds()

    def begin(self, until: datetime) -> None:
        """The ledger has granted the lease until `until`."""
        self.until = until
        self._keeper.held.add(self)

    def extend(self, until: datetime) -> None:
        """See RenewableLease."""
        if self in self._keeper.held:  # it may have ended while it was renewed
            self.until = until
            self._reschedule()

    def end(self) -> None:
        """The work is done. The lease is not renewed any more."""
        self.until = _LONG_AGO
        self._keeper.held.discard(self)

    def lose(self) -> None:
        """See RenewableLease."""
        self.end()
        self._reschedule()

    @asynccontextmanager
    async def bounding(self) -> AsyncIterator[None]:
        """Cut the body off when the lease is lost.

        Raises:
            CrmOutcomeUnknown: the body was cut off.
        """
        try:
            async with asyncio.timeout(self.seconds_left) as self._limit:
                yield
        except TimeoutError:
            if self._limit is None or not self._limit.expired():
                raise
            raise CrmOutcomeUnknown("The claim on the number ran out while the contact was being created.") from None
        finally:
            self._limit = None

    def _reschedule(self) -> None:
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self.seconds_left)
