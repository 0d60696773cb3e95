"""The way of every call to its turn: account, quotas, queue. It is the only one, for gRPC and HTTP.

    limits of the connection        by gRPC and the HTTP port, before the message is read
    account_id                      without decoding the rest, unless that is small
    quotas of the account           per process; bytes stored: of the ledger, and so of all processes
    a slot, or the fair queue       FindContact has slots of its own
    decoding                        by the endpoint; then the ids must be equal

Who calls (a principal) is found first. FindContact calls that arrive together begin in groups (call_groups.py).

A call that may not begin waits before it is refused. A caller who repeats refused calls at once is slowed down by that,
and its refusals cost little.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from math import inf
from time import perf_counter
from typing import Final, TypeAlias

from leadline_server.domain.errors import BudgetExhausted, QuotaExceeded
from leadline_server.transport.admission.call_groups import GroupedQueue
from leadline_server.transport.admission.fair_queue import FairQueue, QueueFull
from leadline_server.transport.admission.quotas import QUOTA_NAMES, Quotas, QuotaSettings

LOOKUP_SLOTS: Final = 32
"""How many FindContact calls are worked on at once."""

OTHER_SLOTS: Final = 32
"""How many other calls are worked on at once. Watches need none."""

REFUSAL_SECONDS: Final = 0.25
"""How long a call above a quota waits before it is refused; less if there is room earlier."""

QUEUE_RETRY_SECONDS: Final = 1.0
_COST_BYTES: Final = 4096
"""So many bytes cost as much as a call without content."""

STORED_RETRY_SECONDS: Final = 60.0
"""When to retry if the account stores as much as it may. Old calls are deleted once in a while."""

_READS: Final = ("Find", "Search", "Get", "List", "Watch")
_STORES: Final = frozenset({"LogCall", "CreateContact", "UpdatePreferences"})
"""RPCs that add to what the ledger keeps of an account, as often as they are called."""

NO_TIME: Final = "There was no time left to answer. Retry with a later deadline."

SecondsLeft: TypeAlias = Callable[[], float | None]

UNKNOWN: Final = ""
"""Stands for all accounts that do not exist, or were not used since the start: they share one quota and one queue."""

_ROUNDING: Final = 1e-6
"""Seconds by which sums of many small times may be wrong."""


def _no_deadline() -> None:
    """A caller that waits for ever."""


class Allowance:
    """An allowance that fills again at a constant rate: a token bucket.

    Args:
        rate: units a second; 0 for no limit.
        most: units that can be saved up.
        now: the time in seconds.
    """

    __slots__ = ("_each", "_full_at", "_span")

    def __init__(self, rate: float, most: float, now: float) -> None:
        self._each = 1 / rate if rate else 0.0  # the seconds in which one unit comes back
        self._span = most * self._each
        self._full_at = now  # when all of it will be there again: the only state ("virtual scheduling", ITU-T I.371)

    def take(self, amount: float, now: float) -> float:
        """Take `amount` and return 0.0; or take nothing and return the seconds until there is enough.

        More than can ever be saved up is given when the allowance is full.
        """
        full_at = self._full_at
        seconds = amount * self._each
        if full_at <= now:
            self._full_at = now + seconds
            return 0.0
        lacking = full_at - now + min(seconds, self._span) - self._span
        if lacking > _ROUNDING:
            return lacking
        self._full_at = full_at + seconds
        return 0.0

    def give_back(self, amount: float) -> None:
        """Undo a `take` of `amount`."""
        self._full_at -= amount * self._each


class AccountUse:
    """The use of an account now.

    Attributes:
        quotas: what it may use.
        calls, written: its allowances of calls and of bytes.
        in_flight_bytes, watches: what it uses at this moment.
        most_in_flight: the most of `in_flight_bytes`.
        is_full: whether it stores as much as it may.
    """

    __slots__ = ("calls", "in_flight_bytes", "is_full", "key", "most_in_flight", "quotas", "watches", "written")

    def __init__(self, key: str, quotas: Quotas, now: float) -> None:
        self.key = key
        self.quotas = quotas
        self.calls = Allowance(quotas.calls_per_second, max(1.0, quotas.calls_per_second), now)
        self.written = Allowance(quotas.bytes_per_minute / 60, quotas.bytes_per_minute, now)
        self.in_flight_bytes = 0
        self.most_in_flight: float = quotas.in_flight_bytes or inf
        self.watches = 0
        self.is_full = False


Admitted: TypeAlias = tuple[AccountUse, int, int, float]
"""An admitted call: its account's use, its bytes, its slot, and the time at which it took the slot."""


class Door:
    """Admits the calls of one server.

    Args:
        knows: whether there is an account with this id, as far as is known without a query.
        quotas: what accounts may use.
    """

    def __init__(self, knows: Callable[[str], bool], quotas: QuotaSettings) -> None:
        self._knows = knows
        self._quotas = quotas
        self._full: Collection[str] = ()
        self.uses: dict[str, AccountUse] = {}
        self.lookups: Final = GroupedQueue(LOOKUP_SLOTS, quotas.default.waiting)
        self.others: Final = FairQueue(OTHER_SLOTS, quotas.default.waiting)
        self.refused = dict.fromkeys(QUOTA_NAMES, 0)
        """How many calls were refused so far, by the name of the quota."""

    def entry(self, rpc: str) -> "CallEntry":
        """The entry for the calls of one RPC."""
        queue = self.lookups if rpc == "FindContact" else self.others
        return CallEntry(self, queue, writes=not rpc.startswith(_READS), stores=rpc in _STORES)

    def use_of(self, account_id: str, now: float) -> AccountUse:
        """The use of an account now."""
        use = self.uses.get(account_id)
        if use is None:
            key = account_id if self._knows(account_id) else UNKNOWN
            use = self.uses.get(key) or self.uses.setdefault(key, AccountUse(key, self._quotas.of(key), now))
            use.is_full = key in self._full
        return use

    def set_stored(self, stored: Mapping[str, int]) -> Collection[str]:
        """Take over how many bytes the ledger keeps of each account. Returns the accounts at their quota."""
        limits = ((account_id, size, self._quotas.of(account_id).stored_bytes) for account_id, size in stored.items())
        self._full = frozenset(account_id for account_id, size, most in limits if most and size >= most)
        for key, use in self.uses.items():
            use.is_full = key in self._full
        return self._full


class CallEntry:
    """Admits the calls of one RPC.

    Args:
        door: the server's door.
        queue: where its calls wait.
        writes: whether its bytes count as written.
        stores: whether it is refused if the account stores as much as it may.
    """

    __slots__ = ("_door", "_queue", "_stores", "_uses", "_writes")

    def __init__(self, door: Door, queue: FairQueue, *, writes: bool, stores: bool) -> None:
        self._door = door
        self._uses = door.uses
        self._queue = queue
        self._writes = writes
        self._stores = stores

    def admitted_at_once(self, account_id: str, size: int, now: float) -> Admitted | None:
        """As `admit`, for a call that need not wait. None if it has to; then `admit` is to be called."""
        use = self._uses.get(account_id)
        if use is None or (slot := self._queue.take(now)) is None:
            return None
        if self._short(use, size, now) is not None:
            self._queue.leave(slot, now)
            return None
        use.in_flight_bytes += size
        return use, size, slot, now

    async def admit(self, account_id: str, size: int, now: float, seconds_left: SecondsLeft = _no_deadline) -> Admitted:
        """Let a call of `size` bytes begin when it may. Returns what `leave` takes.

        Args:
            account_id: the account that is charged.
            size: the bytes of the request.
            now: the time of `perf_counter`.
            seconds_left: how long the caller waits from now on; None: it has no deadline.

        Raises:
            BudgetExhausted: its deadline passed while it waited.
            QuotaExceeded: the account uses more than it may.
        """
        use = self._door.use_of(account_id, now)
        if (short := self._short(use, size, now)) is not None:
            await self._wait_for_room(use, account_id, size, short)
        use.in_flight_bytes += size
        slot = self._queue.take(now)
        if slot is None:
            slot, now = await self._turn(use, account_id, size)
        admitted = use, size, slot, now
        if (seconds := seconds_left()) is not None and seconds <= 0:
            self.leave(admitted)
            raise BudgetExhausted(NO_TIME)
        return admitted

    def leave(self, admitted: Admitted) -> None:
        """An admitted call has ended."""
        use, size, slot, since = admitted
        use.in_flight_bytes -= size
        self._queue.leave(slot, since)

    async def begin_watch(self, account_id: str, size: int, now: float) -> AccountUse:
        """Let a watch begin. It needs no slot. `use.watches` is to be reduced at its end. Raises as `admit` does."""
        use = self._door.use_of(account_id, now)
        if (short := self._short(use, size, now)) is not None:
            await self._wait_for_room(use, account_id, size, short)
        most = use.quotas.watches
        if most and use.watches >= most:
            await asyncio.sleep(REFUSAL_SECONDS)
            raise self._refusal(account_id, "watches", most, QUEUE_RETRY_SECONDS)
        use.watches += 1
        return use

    async def _turn(self, use: AccountUse, account_id: str, size: int) -> tuple[int, float]:
        """A slot and its time, after the account's turn has come."""
        try:
            return await self._queue.wait(use.key, 1 + size / _COST_BYTES)
        except BaseException as error:
            use.in_flight_bytes -= size
            if not isinstance(error, QueueFull):
                raise
        await asyncio.sleep(REFUSAL_SECONDS)
        raise self._refusal(account_id, "waiting", use.quotas.waiting, QUEUE_RETRY_SECONDS)

    def _short(self, use: AccountUse, size: int, now: float) -> tuple[str, float, float] | None:
        """The quota that a call would exceed, its limit, and the seconds until there is room.

        None: it exceeds none, and is counted.
        """
        if use.in_flight_bytes + size > use.most_in_flight:
            return "in_flight_bytes", use.quotas.in_flight_bytes, QUEUE_RETRY_SECONDS
        if self._stores and use.is_full:
            return "stored_bytes", use.quotas.stored_bytes, STORED_RETRY_SECONDS
        if seconds := use.calls.take(1, now):
            return "calls_per_second", use.quotas.calls_per_second, seconds
        if self._writes and (seconds := use.written.take(size, now)):
            use.calls.give_back(1)
            return "bytes_per_minute", use.quotas.bytes_per_minute, seconds
        return None

    async def _wait_for_room(
        self, use: AccountUse, account_id: str, size: int, short: tuple[str, float, float] | None
    ) -> None:
        if short is not None:
            await asyncio.sleep(min(short[2], REFUSAL_SECONDS))
            short = self._short(use, size, perf_counter())
        if short is not None:
            use.calls.take(1, perf_counter())  # a refused call counts as one, too
            raise self._refusal(account_id, *short)

    def _refusal(self, account_id: str, quota: str, limit: float, seconds: float) -> QuotaExceeded:
        self._door.refused[quota] += 1
        return QuotaExceeded(account_id, quota, limit, seconds)
