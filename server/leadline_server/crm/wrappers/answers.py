"""What a CRM answered lookups, by number, for as long as it may be told again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """How long answers are remembered, in seconds from when the CRM was asked, and for how many numbers an account."""

    found_seconds: float = 60.0
    none_seconds: float = 5.0
    entries: int = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """Who has a number, as the CRM said when it was asked at `as_of`."""

    contacts: tuple[Contact, ...]
    as_of: datetime


class Asked:
    """A lookup that the CRM is asked now. `is_spoilt`: something has changed since; the answer is not remembered."""

    __slots__ = ("as_of", "is_spoilt", "number_keys", "numbers", "rules", "time", "turn")

    def __init__(
        self, numbers: Sequence[PhoneNumber], rules: RulesOrRegion, turn: int, now: float, as_of: datetime
    ) -> None:
        self.numbers = numbers
        self.number_keys = frozenset(main_number(number).key for number in numbers)
        self.rules = rules
        self.turn = turn
        self.time = now
        self.as_of = as_of
        self.is_spoilt = False

    def known(self, number: PhoneNumber, contacts: Sequence[Contact]) -> Known:
        """What an answer says of one of the numbers."""
        return Known(tuple(contact for contact in contacts if _has(contact, number, self.rules)), self.as_of)


@dataclass(frozen=True, slots=True)
class _Entry:
    known: Known
    rules: RulesOrRegion
    turn: int
    end: float


class Answers:
    """Answers by number. The least recently used go first.

    An answer is told of a main number: whoever has one of its extensions is among those who match it.

    Args:
        policy: how much is remembered.
        search_lag: how long the CRM's search may show a contact that is gone.
        now: the time of day.
        seconds: a clock in seconds that never goes back.
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
        self._under_way: set[Asked] = set()
        self._gone: dict[str, float] = {}
        self._turns = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, number: PhoneNumber, rules: RulesOrRegion) -> Known | None:
        """What is known of a main number; None: nothing that may still be told, by these rules."""
        entry = self._entries.get(number.key)
        if entry is None or entry.rules != rules or self._seconds() >= entry.end:
            return None
        self._entries.move_to_end(number.key)
        return entry.known

    @contextmanager
    def asking(self, numbers: Sequence[PhoneNumber], rules: RulesOrRegion) -> Iterator[Asked]:
        """The CRM is asked during the body, which begins with it."""
        self._turns += 1
        asked = Asked(numbers, rules, self._turns, self._seconds(), self._now())
        self._under_way.add(asked)
        try:
            yield asked
        finally:
            self._under_way.discard(asked)

    def keep(self, asked: Asked, contacts: Sequence[Contact]) -> None:
        """Remember an answer, for each of its numbers, unless something has changed since it was asked for."""
        if asked.is_spoilt:
            return
        for number in asked.numbers:
            # An answer about one extension does not tell who has the others.
            if main_number(number) is number:
                self._keep(number.key, asked, asked.known(number, contacts))

    def drop_number(self, number: PhoneNumber) -> None:
        """Forget who has a number, and what the CRM is just being asked about it: it may get a contact now."""
        key = main_number(number).key
        self._entries.pop(key, None)
        for asked in self._under_way:
            asked.is_spoilt = asked.is_spoilt or key in asked.number_keys

    def drop_contact(self, contact_id: str) -> None:
        """Forget whatever shows a contact: the CRM has it no more. Its search may show it for a while."""
        now = self._seconds()
        self._gone = {id_: end for id_, end in self._gone.items() if end > now}
        self._gone[contact_id] = now + self._search_lag
        # Rare enough to look through all of them.
        for key in [key for key, entry in self._entries.items() if _shows(entry.known, {contact_id})]:
            del self._entries[key]
        for asked in self._under_way:
            asked.is_spoilt = True

    def _keep(self, key: str, asked: Asked, known: Known) -> None:
        older = self._entries.get(key)
        if older is not None and older.turn > asked.turn:
            return
        now = self._seconds()
        if self._gone and _shows(known, {id_ for id_, end in self._gone.items() if end > now}):
            self._entries.pop(key, None)
            return
        ttl = self._policy.found_seconds if known.contacts else self._policy.none_seconds
        self._entries[key] = _Entry(known, asked.rules, asked.turn, asked.time + ttl)
        self._entries.move_to_end(key)
        if len(self._entries) > self._policy.entries:
            self._entries.popitem(last=False)


def main_number(number: PhoneNumber) -> PhoneNumber:
    """The number without its extension; itself where it has none, or is an internal extension."""
    if number.kind is not NumberKind.DIALABLE or not number.extension:
        return number
    return replace(number, text=number.e164, extension="")


def _has(contact: Contact, number: PhoneNumber, rules: RulesOrRegion) -> bool:
    return any(match_kind(number, stored, rules) is not None for stored in contact.phone_numbers)


def _shows(known: Known, contact_ids: set[str]) -> bool:
    return any(contact.id in contact_ids for contact in known.contacts)
