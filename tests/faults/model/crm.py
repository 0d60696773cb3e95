"""The embedded CRM, which fails when and as a rule says, and which may promise less than it could."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from faults.model.decision import Number
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, CrmAdapter, CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities

T = TypeVar("T")

TYPES: Final = ("contact", "lead")
_MOMENT: Final = timedelta(milliseconds=1)

PROFILES: Final = {
    "everything": Capabilities(finds_log_by_key=True, enforces_unique_key=True, moves_log=True, contact_types=TYPES),
    "no unique keys, a lagging index": Capabilities(
        finds_log_by_key=True,
        enforces_unique_key=False,
        moves_log=True,
        contact_types=TYPES,
        search_lag=timedelta(seconds=5),
        settle_time=timedelta(seconds=2),
    ),
    "finds and moves nothing": Capabilities(
        finds_log_by_key=False, enforces_unique_key=True, moves_log=False, contact_types=TYPES
    ),
}
"""Capabilities of CRMs; each CRM keeps these promises and no others."""


class Fault(StrEnum):
    """How the CRM fails."""

    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate limited"
    REJECTED = "rejected"
    AUTH_FAILED = "auth failed"
    BROKEN = "an adapter's own mistake"
    LOST_BEFORE = "sent, no answer, nothing done"
    LOST_AFTER = "sent, no answer, done"
    LOST_LATE = "sent, no answer, done a moment later"
    STALLED_BEFORE = "no answer for now, nothing done yet"
    STALLED_AFTER = "no answer for now, done"


LOST: Final = {Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.LOST_LATE}
STALLED: Final = {Fault.STALLED_BEFORE, Fault.STALLED_AFTER}

READS: Final = ("look", "get", "find log", "search")
WRITES: Final = ("make contact", "make log", "update log")


class Asked(NamedTuple):
    """A request to the CRM: the operation, its subject, and its result."""

    operation: str
    about: str
    answer: Any


@dataclass
class Made:
    """A contact that leadline made: for which number, and as what."""

    number_key: str
    name: str
    type: str
    is_placeholder: bool


@dataclass
class Mood:
    """The behaviour of the CRM, over all restarts of leadline.

    Attributes:
        promises: what it declares.
        now: the time.
        faults: what goes wrong, by operation; `once` says which of them strike once.
        asked: all that it was asked since the last step.
        made: the contacts that leadline made, by id.
        wanted: the contacts that it asked for since the last step.
        wrongs: what it should never have been asked.
        waiting: how many operations are stalled.
        epoch: grows when leadline crashes: what asked before reaches nothing any more.
    """

    promises: Capabilities
    now: Callable[[], datetime]
    faults: dict[str, Fault] = field(default_factory=dict)
    once: set[str] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    made: dict[str, Made] = field(default_factory=dict)
    wanted: list[Made] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    waiting: int = 0
    epoch: int = 0
    duplicates_wanted: bool = False
    shown_at: dict[str, datetime] = field(default_factory=dict)
    late: list[tuple[datetime, Callable[[], Awaitable[Any]]]] = field(default_factory=list)
    in_doubt: list[tuple[str, datetime]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def recover(self) -> None:
        """All is well from now on; what is stalled goes on."""
        self.faults.clear()
        self.once.clear()
        self._let_go.set()
        self._let_go = asyncio.Event()

    def crash(self) -> None:
        """Leadline is gone. Its requests no longer reach the CRM, and stalled requests are never answered."""
        self.epoch += 1
        self._let_go.set()
        self._let_go = asyncio.Event()

    def strike(self, operation: str) -> Fault | None:
        """The fault that strikes an operation now, if any."""
        fault = self.faults.get(operation)
        if operation in self.once:
            self.once.discard(operation)
            self.faults.pop(operation, None)
        return fault

    async def stall(self) -> None:
        """Wait until the CRM recovers, or leadline is gone."""
        epoch, self.waiting = self.epoch, self.waiting + 1
        try:
            await self._let_go.wait()
        finally:
            self.waiting -= 1
        if epoch != self.epoch:
            raise CrmUnavailable("Nobody is there to hear this.")

    async def settle(self) -> None:
        """Carry out what was to take effect by now."""
        due = [work for time, work in self.late if time <= self.now()]
        self.late = [(time, work) for time, work in self.late if time > self.now()]
        for work in due:
            with suppress(CrmRejected):  # its contact may be gone by now
                await work()


class MoodyCrm:
    """An adapter around another. Everything passes `_do`, which fails, stalls and notes as the mood says."""

    def __init__(self, inner: CrmAdapter, mood: Mood, truth: Callable[[Number], bool], read: Any) -> None:
        self._inner = inner
        self._mood = mood
        self._has = truth
        self._read = read
        self._epoch = mood.epoch
        self.capabilities = mood.promises

    async def _do(self, operation: str, about: str, work: Callable[[], Awaitable[T]]) -> T:
        mood = self._mood
        if self._epoch != mood.epoch:
            raise CrmUnavailable("Nobody is there to hear this.")
        fault = mood.strike(operation)
        if fault is Fault.STALLED_BEFORE:
            await mood.stall()
        elif fault is not None and fault is not Fault.STALLED_AFTER:
            mood.asked.append(Asked(operation, about, fault))
            return await self._failed(operation, fault, work)
        answer = await work()
        mood.asked.append(Asked(operation, about, answer))
        if fault is Fault.STALLED_AFTER:
            await mood.stall()
        return answer

    async def _failed(self, operation: str, fault: Fault, work: Callable[[], Awaitable[T]]) -> T:
        if fault is Fault.LOST_LATE and not self.capabilities.settle_time:
            fault = Fault.LOST_AFTER  # nothing takes effect later than declared
        if fault is Fault.LOST_LATE and operation in WRITES:
            # A moment before the end of what is declared: a process that waits for just that long finds it done.
            self._mood.late.append((self._mood.now() + self.capabilities.settle_time - _MOMENT, work))
        elif fault is Fault.LOST_AFTER and operation in WRITES:
            await work()
        raise _error(operation, fault)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        async def work() -> Sequence[Contact]:
            shown, now = self._mood.shown_at, self._mood.now()
            found = await self._inner.find_contacts(numbers)
            return [contact for contact in found if contact.id not in shown or shown[contact.id] <= now]

        keys = ",".join(self._read(number.text).key for number in numbers)
        return await self._do("look", keys, work)

    async def get_contact(self, contact_id: str) -> Contact | None:
        return await self._do("get", contact_id, lambda: self._inner.get_contact(contact_id))

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        return await self._do("search", name, lambda: self._inner.search_contacts(name, limit, cursor))

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        number, mood = self._read(draft.phone_number.text), self._mood
        self._check_creation(number, key)
        mood.wanted.append(Made(number.key, draft.name, draft.type or TYPES[0], draft.is_placeholder))
        mood.keys.setdefault(f"contact {key}", number.key)

        async def work() -> Contact:
            contact = await self._inner.create_contact(draft, self._unique(key))
            if contact.id not in mood.made:
                mood.made[contact.id] = Made(number.key, draft.name, contact.type, draft.is_placeholder)
                mood.shown_at[contact.id] = mood.now() + self.capabilities.search_lag
            return contact

        try:
            return await self._do("make contact", number.key, work)
        except CrmRateLimited:
            raise  # nothing was made
        except (CrmOutcomeUnknown, CrmUnavailable, RuntimeError, asyncio.CancelledError):
            self._doubt(number)
            raise

    def _doubt(self, number: Number) -> None:
        """It is uncertain whether the contact is made until the write has settled and the index shows it."""
        until = self._mood.now() + self.capabilities.settle_time + self.capabilities.search_lag
        self._mood.in_doubt.append((number.key, until))

    def _check_creation(self, number: Number, key: str) -> None:
        """At most one contact a number: it must be certain that no contact has the number yet."""
        mood = self._mood
        is_repeated = self.capabilities.enforces_unique_key and f"contact {key}" in mood.keys
        if mood.duplicates_wanted or is_repeated or self._epoch != mood.epoch:
            return
        if self._has(number):
            mood.wrongs.append(f"a contact was to be made for {number.key}, who has one")
        if any(about == number.key and until > mood.now() for about, until in mood.in_doubt):
            mood.wrongs.append(f"a contact was to be made for {number.key} again while that was in doubt")

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        async def work() -> CrmLog:
            log = await self._inner.create_call_log(entry, self._unique(key))
            self._mood.keys.setdefault(f"log {key}", log.id)
            return log

        return await self._do("make log", entry.call.id, work)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self._do("update log", entry.call.id, lambda: self._inner.update_call_log(log_id, entry))

    async def find_call_log(self, key: str) -> CrmLog | None:
        async def work() -> CrmLog | None:
            found = self._mood.keys.get(f"log {key}")
            return None if found is None else CrmLog(found)

        return await self._do("find log", key, work)

    async def check(self) -> None:
        await self._do("look", "", self._inner.check)

    def _unique(self, key: str) -> str:
        """Without unique keys a second write makes a second record."""
        if self.capabilities.enforces_unique_key:
            return key
        self._mood.counts[key] += 1
        return f"{key}#{self._mood.counts[key]}"


def _error(operation: str, fault: Fault) -> Exception:
    if fault in LOST:
        is_write = operation in WRITES
        return CrmOutcomeUnknown("No answer came.") if is_write else CrmUnavailable("No answer came.")
    errors: dict[Fault, Exception] = {
        Fault.RATE_LIMITED: CrmRateLimited("Slow down.", retry_after=3.0),
        Fault.REJECTED: CrmRejected("Not like this."),
        Fault.AUTH_FAILED: CrmAuthFailed("Who are you?"),
        Fault.BROKEN: RuntimeError("a bug"),
    }
    return errors.get(fault, CrmUnavailable("It is down."))
