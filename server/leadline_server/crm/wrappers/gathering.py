"""A CRM adapter whose lookups go together: what is asked while others are under way makes one question.

A few questions may be under way. With a place free a lookup is asked at once, alone or with what the same moment asks;
without one it waits, and what gathers meanwhile is asked together as soon as there is a place, or as soon as it fills
a question: that one gains nothing by waiting. So nothing waits for a timer, and the more is asked, the fewer requests
a lookup costs. Nobody gets an answer to a question that left before they asked.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact
from leadline_server.domain.errors import CrmError, CrmRejected, CrmTooMuch, CrmUnavailable
from leadline_server.domain.numbers.matching import key_asked_by, key_matched_by
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import Capabilities, CrmAdapter
from leadline_server.storage.batching import Batcher

AT_ONCE: Final = 12
"""Questions under way before lookups wait for one another, unless the CRM allows fewer a second."""


class GatheringCrm(CrmWrapper):
    """`inner`, asked about the numbers of several lookups at once where it declares `numbers_per_lookup`.

    A question that is refused, or finds more than can be read, is asked again in halves, down to the lookup that is
    to blame. Any other failure is told to all who asked.

    Args:
        inner: the adapter.
        rules: tells how the account's numbers are read.
    """

    def __init__(self, inner: CrmAdapter, rules: Callable[[], RulesOrRegion]) -> None:
        super().__init__(inner)
        self._rules = rules
        self._batcher: Batcher[_Lookup, Sequence[Contact]] | None = None

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`, asked after this is called."""
        batcher = self._batcher or self._open()
        if batcher is None:
            return await super().find_contacts(numbers)
        lookup = _Lookup(numbers, self._rules())
        try:
            return await batcher.submit(lookup)
        except asyncio.CancelledError:
            lookup.drop()
            raise

    def _open(self) -> "Batcher[_Lookup, Sequence[Contact]] | None":
        """What gathers; None as long as nothing is gained: an adapter elsewhere may not have said yet what it can."""
        can = self._inner.capabilities
        if can.numbers_per_lookup > 1:
            self._batcher = Batcher(
                self._answers, can.numbers_per_lookup, at_once=_at_once(can), full_waits=False, size=_size
            )
        return self._batcher

    async def _answers(self, lookups: Sequence["_Lookup"]) -> Sequence[Sequence[Contact] | Exception]:
        numbers = {number.key: number for lookup in lookups if not lookup.is_dropped for number in lookup.numbers}
        if not numbers:
            return [_called_back()] * len(lookups)
        question = _Question(super().find_contacts(list(numbers.values())), lookups)
        try:
            contacts = await question.answer()
        except (CrmRejected, CrmTooMuch) as error:
            return [error] if len(lookups) == 1 else await self._by_halves(lookups)
        except CrmError as error:
            return [error] * len(lookups)
        return _shared_out(contacts, lookups)

    async def _by_halves(self, lookups: Sequence["_Lookup"]) -> Sequence[Sequence[Contact] | Exception]:
        half = len(lookups) // 2
        first, second = await asyncio.gather(self._answers(lookups[:half]), self._answers(lookups[half:]))
        return [*first, *second]


class _Lookup:
    """Numbers that somebody asks for, and the question that they are asked in."""

    __slots__ = ("is_dropped", "numbers", "question", "rules")

    def __init__(self, numbers: Sequence[PhoneNumber], rules: RulesOrRegion) -> None:
        self.numbers = numbers
        self.rules = rules
        self.is_dropped = False
        self.question: _Question | None = None

    def drop(self) -> None:
        """Nobody waits for the answer any more."""
        self.is_dropped = True
        if self.question is not None:
            self.question.leave()


class _Question:
    """What the CRM is asked for some lookups. It is called back when nobody waits for it any more."""

    __slots__ = ("_task", "_waiting")

    def __init__(self, asking: Coroutine[Any, Any, Sequence[Contact]], lookups: Sequence[_Lookup]) -> None:
        self._task = asyncio.create_task(asking)
        self._waiting = 0
        for lookup in lookups:
            if not lookup.is_dropped:
                lookup.question = self
                self._waiting += 1

    def leave(self) -> None:
        """One of those who asked does not wait any more."""
        self._waiting -= 1
        if not self._waiting:
            self._task.cancel()

    async def answer(self) -> Sequence[Contact]:
        """The contacts that may have one of all the numbers."""
        try:
            await asyncio.wait([self._task])
        finally:
            self._task.cancel()
        if self._task.cancelled():
            raise _called_back()
        return self._task.result()


def _called_back() -> CrmUnavailable:
    """What is answered where nobody listens; it must not be "nobody found" all the same."""
    return CrmUnavailable("The lookup was called back.")


def _shared_out(contacts: Sequence[Contact], lookups: Sequence[_Lookup]) -> Sequence[Sequence[Contact]]:
    """What may be theirs, for each: looking who has a number, once a contact, costs less than each with each."""
    all_rules = {lookup.rules for lookup in lookups}
    if len(lookups) == 1 or len(all_rules) > 1:
        return [contacts] * len(lookups)
    [rules] = all_rules
    askers = defaultdict[str, set[int]](set)
    for place, lookup in enumerate(lookups):
        for number in lookup.numbers:
            askers[key_asked_by(number)].add(place)
    shares: list[list[Contact]] = [[] for _ in lookups]
    for contact in contacts:
        keys = {key_matched_by(stored, rules) for stored in contact.phone_numbers}
        places = range(len(lookups)) if None in keys else set().union(*(askers.get(key, ()) for key in keys if key))
        for place in places:
            shares[place].append(contact)
    return shares


def _at_once(can: Capabilities) -> int:
    """No more than the CRM allows in a second: what comes after these would wait for its turn all the same."""
    a_second = min((limit.requests / limit.seconds for limit in can.rate_limits), default=AT_ONCE)
    return max(1, min(AT_ONCE, int(a_second)))


def _size(lookup: _Lookup) -> int:
    return len(lookup.numbers)
