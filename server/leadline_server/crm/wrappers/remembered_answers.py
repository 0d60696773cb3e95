"""Answers to lookups, kept by number for a short time.

Example: at 10:00:00 the CRM says that +12025550101 is Ada's. Until 10:01:00 the same question is answered with Ada. At
10:00:05 a placeholder is created for +12025550102: its entry is dropped, and a lookup of it that is under way will not
be stored, because the CRM may have answered it before the contact existed.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from leadline_server.concurrency.turns import in_turns
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.domain.sizes import contacts_bytes

MOST_REMEMBERED_BYTES: Final = 16 * 1024 * 1024
"""The most bytes of remembered answers of one account."""

_EACH: Final = 500  # bytes of an entry without contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """How many seconds an answer is kept after the question was sent, and how much is kept of an account.

    Attributes:
        found_seconds, none_seconds: how long answers with contacts, and without, are kept.
        entries: the most numbers.
        most_bytes: the most bytes of all contacts. An answer of more than a sixteenth of them is not kept.
    """

    found_seconds: float = 60.0
    none_seconds: float = 5.0
    entries: int = 10_000
    most_bytes: int = MOST_REMEMBERED_BYTES


@dataclass(frozen=True, slots=True)
class NumberAnswer:
    """The contacts that have a number, as the CRM knew them at `as_of`."""

    contacts: tuple[Contact, ...]
    as_of: datetime


class OngoingLookup:
    """A lookup that was sent to the CRM. `is_outdated`: something changed since, so its answer is not kept.

    `sequence` grows with each lookup. An answer never replaces one of a later lookup.
    """

    __slots__ = ("as_of", "is_outdated", "number_keys", "numbers", "rules", "sequence", "time")

    def __init__(
        self, numbers: Sequence[PhoneNumber], rules: RulesOrRegion, sequence: int, now: float, as_of: datetime
    ) -> None:
        self.numbers = numbers
        self.number_keys = frozenset(main_number(number).key for number in numbers)
        self.rules = rules
        self.sequence = sequence
        self.time = now
        self.as_of = as_of
        self.is_outdated = False

    async def answers(self, contacts: Sequence[Contact]) -> dict[str, NumberAnswer]:
        """The parts of the CRM's answer that are about each of the numbers, by the number's key."""
        found: dict[str, list[Contact]] = {number.key: [] for number in self.numbers}
        async for some in in_turns(contacts):
            for number in self.numbers:
                found[number.key] += [contact for contact in some if _has(contact, number, self.rules)]
        return {key: NumberAnswer(tuple(of_number), self.as_of) for key, of_number in found.items()}


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: NumberAnswer
    rules: RulesOrRegion
    sequence: int
    end: float
    size: int


class RememberedLookups:
    """Answers by number. If there are too many, or too many bytes, the least recently used are dropped.

    Entries are keyed by main number: a contact with one of its extensions matches it too.

    Args:
        policy: how much is kept, and for how long.
        search_lag: how long the CRM's search may still show a contact that is gone.
        now: the time of day.
        seconds: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        policy: CachePolicy,
        search_lag: timedelta,
        now: Callable[[], datetime],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._search_lag = search_lag.total_seconds()
        self._now = now
        self._seconds = seconds
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._ongoing: set[OngoingLookup] = set()
        self._gone: dict[str, float] = {}
        self._last_sequence = 0
        self._bytes = 0

    @property
    def stored_bytes(self) -> int:
        """About how many bytes the answers take."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, number: PhoneNumber, rules: RulesOrRegion) -> NumberAnswer | None:
        """The current answer for a main number by these rules; None: there is none."""
        entry = self._entries.get(number.key)
        if entry is None or entry.rules != rules or self._seconds() >= entry.end:
            return None
        self._entries.move_to_end(number.key)
        return entry.answer

    @contextmanager
    def looking_up(self, numbers: Sequence[PhoneNumber], rules: RulesOrRegion) -> Iterator[OngoingLookup]:
        """Register a lookup while the body asks the CRM. The body starts with the request."""
        self._last_sequence += 1
        lookup = OngoingLookup(numbers, rules, self._last_sequence, self._seconds(), self._now())
        self._ongoing.add(lookup)
        try:
            yield lookup
        finally:
            self._ongoing.discard(lookup)

    def keep(self, lookup: OngoingLookup, answers: Mapping[str, NumberAnswer]) -> None:
        """Store the answers to a lookup by number key, unless something changed since it was sent."""
        if lookup.is_outdated:
            return
        for number in lookup.numbers:
            # The answer about one extension does not tell who has the main number or another extension.
            if main_number(number) is number:
                self._keep(number.key, lookup, answers[number.key])

    def drop_number(self, number: PhoneNumber) -> None:
        """Forget the answer for a number, and mark lookups of it that are under way: it may get a contact now."""
        key = main_number(number).key
        self._drop(key)
        for lookup in self._ongoing:
            lookup.is_outdated = lookup.is_outdated or key in lookup.number_keys

    def drop_contact(self, contact_id: str) -> None:
        """Forget every answer with a contact that the CRM no longer has. Its search may show it for `search_lag`."""
        now = self._seconds()
        self._gone = {id_: end for id_, end in self._gone.items() if end > now}
        self._gone[contact_id] = now + self._search_lag
        # This is rare enough to read all entries.
        for key in [key for key, entry in self._entries.items() if _contains(entry.answer, {contact_id})]:
            self._drop(key)
        for lookup in self._ongoing:
            lookup.is_outdated = True

    def _keep(self, key: str, lookup: OngoingLookup, answer: NumberAnswer) -> None:
        older = self._entries.get(key)
        if older is not None and older.sequence > lookup.sequence:
            return
        self._drop(key)
        now = self._seconds()
        if self._gone and _contains(answer, {id_ for id_, end in self._gone.items() if end > now}):
            return
        size = _EACH + contacts_bytes(answer.contacts)
        if size > self._policy.most_bytes // 16:
            return
        ttl = self._policy.found_seconds if answer.contacts else self._policy.none_seconds
        self._entries[key] = _Entry(answer, lookup.rules, lookup.sequence, lookup.time + ttl, size)
        self._bytes += size
        while len(self._entries) > self._policy.entries or self._bytes > self._policy.most_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size


def main_number(number: PhoneNumber) -> PhoneNumber:
    """The number without its extension; the same object if it has none, or is an internal extension."""
    if number.kind is not NumberKind.DIALABLE or not number.extension:
        return number
    return replace(number, text=number.e164, extension="")


def _has(contact: Contact, number: PhoneNumber, rules: RulesOrRegion) -> bool:
    return any(match_kind(number, stored, rules) is not None for stored in contact.phone_numbers)


def _contains(answer: NumberAnswer, contact_ids: set[str]) -> bool:
    return any(contact.id in contact_ids for contact in answer.contacts)
