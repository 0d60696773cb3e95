"""A CRM adapter that combines concurrent lookups into one request.

Up to `AT_ONCE` batches are under way. While there are fewer, a lookup is sent at once, together with those of the same
moment. Otherwise it waits until a batch returns or the waiting lookups fill one, which gains nothing by waiting longer.
No timer is needed: the more lookups there are, the fewer requests each costs.

Example: 12 batches are under way, and then 14 callers ask for one number each. They wait; when a batch returns, one
request asks for all 14 numbers, and each caller gets the contacts that may have its own. No caller gets the answer of a
request that was sent before it asked.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from leadline_server.concurrency.batcher import Batcher
from leadline_server.concurrency.turns import in_turns
from leadline_server.crm.wrappers.shared_lookups import SharedLookups
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError, CrmRejected, CrmTooMuch, CrmUnavailable
from leadline_server.domain.numbers.matching import key_asked_by, key_matched_by
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import Capabilities

AT_ONCE: Final = 12
"""Batches under way before lookups wait, unless the CRM allows fewer requests a second."""


class BatchingCrm(CrmWrapper):
    """`inner`, which gets the numbers of several lookups at once if it declares `numbers_per_lookup`.

    If it does not, lookups of the same numbers share the next request.

    If the CRM refuses a batch, or finds more than leadline reads, the batch is halved and sent again, down to the
    single lookup that is the cause. Any other failure is raised to every caller of the batch.

    Args:
        inner: the adapter.
        rules: returns how the account's numbers are read.
    """

    def __init__(self, inner: CrmAdapter, rules: Callable[[], RulesOrRegion]) -> None:
        super().__init__(inner)
        self._rules = rules
        self._batcher: Batcher[_Lookup, Sequence[Contact]] | None = None
        self._shared = SharedLookups(self._inner.find_contacts)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`, by a request that is sent after this call."""
        batcher = self._batcher or self._open()
        if batcher is None:
            return await self._shared.find(numbers)
        lookup = _Lookup(numbers, self._rules())
        try:
            return await batcher.submit(lookup)
        except asyncio.CancelledError:
            lookup.drop()
            raise

    def _open(self) -> "Batcher[_Lookup, Sequence[Contact]] | None":
        """The batcher; None while batches gain nothing. An adapter elsewhere may still have to describe itself."""
        can = self._inner.capabilities
        if can.numbers_per_lookup > 1:
            self._batcher = Batcher(
                self._answers, can.numbers_per_lookup, at_once=_at_once(can), full_waits=False, size=_size
            )
        return self._batcher

    async def _answers(self, lookups: Sequence["_Lookup"]) -> Sequence[Sequence[Contact] | Exception]:
        numbers = {number.key: number for lookup in lookups if not lookup.is_dropped for number in lookup.numbers}
        if not numbers:
            return [_cancelled()] * len(lookups)
        batch = _LookupBatch(self._inner.find_contacts(list(numbers.values())), lookups)
        try:
            contacts = await batch.answer()
        except (CrmRejected, CrmTooMuch) as error:
            return [error] if len(lookups) == 1 else await self._in_halves(lookups)
        except CrmError as error:
            return [error] * len(lookups)
        return await _distributed(contacts, lookups)

    async def _in_halves(self, lookups: Sequence["_Lookup"]) -> Sequence[Sequence[Contact] | Exception]:
        half = len(lookups) // 2
        first, second = await asyncio.gather(self._answers(lookups[:half]), self._answers(lookups[half:]))
        return [*first, *second]


class _Lookup:
    """The numbers that one caller asks for, and the batch that they were sent in."""

    __slots__ = ("batch", "is_dropped", "numbers", "rules")

    def __init__(self, numbers: Sequence[PhoneNumber], rules: RulesOrRegion) -> None:
        self.numbers = numbers
        self.rules = rules
        self.is_dropped = False
        self.batch: _LookupBatch | None = None

    def drop(self) -> None:
        """The caller no longer waits for the answer."""
        self.is_dropped = True
        if self.batch is not None:
            self.batch.leave()


class _LookupBatch:
    """One request for some lookups. It is cancelled when no caller waits for it any more."""

    __slots__ = ("_task", "_waiting")

    def __init__(self, request: Coroutine[Any, Any, Sequence[Contact]], lookups: Sequence[_Lookup]) -> None:
        self._task = asyncio.create_task(request)
        self._waiting = 0
        for lookup in lookups:
            if not lookup.is_dropped:
                lookup.batch = self
                self._waiting += 1

    def leave(self) -> None:
        """One caller no longer waits."""
        self._waiting -= 1
        if not self._waiting:
            self._task.cancel()

    async def answer(self) -> Sequence[Contact]:
        """The contacts that may have one of the numbers."""
        try:
            await asyncio.wait([self._task])
        finally:
            self._task.cancel()
        if self._task.cancelled():
            raise _cancelled()
        return self._task.result()


def _cancelled() -> CrmUnavailable:
    """The answer of a lookup without a caller. It must not be "no contact", even if it is read by mistake."""
    return CrmUnavailable("The lookup was cancelled.")


async def _distributed(contacts: Sequence[Contact], lookups: Sequence[_Lookup]) -> Sequence[Sequence[Contact]]:
    """For each lookup, the contacts that may have one of its numbers.

    It reads each contact's numbers once and finds the lookups by key, instead of comparing every contact with every
    lookup.
    """
    all_rules = {lookup.rules for lookup in lookups}
    if len(lookups) == 1 or len(all_rules) > 1:
        return [contacts] * len(lookups)
    [rules] = all_rules
    by_key = defaultdict[str, set[int]](set)
    for index, lookup in enumerate(lookups):
        for number in lookup.numbers:
            by_key[key_asked_by(number)].add(index)
    shares: list[list[Contact]] = [[] for _ in lookups]
    async for some in in_turns(contacts):
        for contact in some:
            keys = {key_matched_by(stored, rules) for stored in contact.phone_numbers}
            wanted = range(len(lookups)) if None in keys else set().union(*(by_key.get(key, ()) for key in keys if key))
            for index in wanted:
                shares[index].append(contact)
    return shares


def _at_once(can: Capabilities) -> int:
    """No more batches than the CRM allows requests a second: any further one would wait for its turn anyway."""
    a_second = min((limit.requests / limit.seconds for limit in can.rate_limits), default=AT_ONCE)
    return max(1, min(AT_ONCE, int(a_second)))


def _size(lookup: _Lookup) -> int:
    return len(lookup.numbers)
