"""Shares lookups of the same numbers, for CRMs that are asked for one number at a time.

A lookup that comes while another one of the same numbers is under way waits for it, and shares the next request with
all that wait. No caller gets the answer of a request that was sent before it asked.

Example: one stranger is reported 8 times at once. The first lookup is sent; the other seven share the second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from leadline_server.concurrency.single_flight import Flight, SingleFlight, results
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.phone_number import PhoneNumber

_Find = Callable[[Sequence[PhoneNumber]], Awaitable[Sequence[Contact]]]
_Key = tuple[str, ...]


class _NextLookup(Flight[Sequence[Contact]]):
    """A lookup that may still have to be sent, when the one before it has ended."""

    __slots__ = ("is_sent",)

    def __init__(self, find: _Find, numbers: Sequence[PhoneNumber], before: Flight[Sequence[Contact]] | None) -> None:
        self.is_sent = before is None
        super().__init__(self._sent(find, numbers, before))

    @property
    def may_be_joined(self) -> bool:
        """Whether it will be sent after now."""
        return not self.is_sent and not self.task.cancelling()

    async def _sent(
        self, find: _Find, numbers: Sequence[PhoneNumber], before: Flight[Sequence[Contact]] | None
    ) -> Sequence[Contact]:
        if before is not None:
            await asyncio.wait([before.task])
        self.is_sent = True
        return await find(numbers)


class SharedLookups:
    """The lookups under way, by their numbers."""

    def __init__(self, find: _Find) -> None:
        self._find = find
        self._latest: SingleFlight[_Key, Sequence[Contact]] = SingleFlight()
        self._under_way: dict[_Key, Flight[Sequence[Contact]]] = {}

    async def find(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`, by a request that is sent after this call."""
        key = tuple(number.key for number in numbers)
        lookup = self._latest.joinable(key)
        if lookup is None:
            before = self._under_way.get(key)
            lookup = self._latest.add([key], _NextLookup(self._find, numbers, before))
            self._under_way[key] = lookup
            lookup.task.add_done_callback(lambda _: self._ended(key, lookup))
        [contacts] = await results([lookup])
        return contacts

    def _ended(self, key: _Key, lookup: Flight[Sequence[Contact]]) -> None:
        if self._under_way.get(key) is lookup:
            del self._under_way[key]
