"""The CRM under test, as the conformance suite takes it, and the data that the suite sends."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

import phonenumbers
import pytest

from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.unshown import unshown
from leadline_server.ports.crm import CrmAdapter, ListsUsers, LogEntry
from leadline_server.ports.crm_call_logs import CallLogReader
from leadline_server.ports.crm_guarantees import CrmMethod, NameSearch
from leadline_server.testing.crm_people import LogReader, People, ReadBack
from leadline_server.testing.crm_trouble import Trouble
from leadline_server.testing.kit_adapter import KitAdapter, Level
from leadline_server.testing.kit_verdict import NOT_TESTED

T = TypeVar("T")

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def _is_valid(number: str) -> bool:
    """Whether a number is valid in its numbering plan."""
    return phonenumbers.is_valid_number(phonenumbers.parse(number))


_POLL = 0.05  # seconds between two reads of a search index that lags
_GRACE = timedelta(seconds=1)

_AREAS = [area for area in range(201, 990) if _is_valid(f"+1{area}2345678")]
_EXCHANGES = [exchange for exchange in range(200, 1000) if exchange % 100 != 11 and exchange != 555]
_NUMBERS = len(_AREAS) * len(_EXCHANGES) * 10_000  # some 2.4 thousand million
_SCATTER = 1_000_003  # a prime that does not divide _NUMBERS: neighbours in time are no neighbours as numbers
# A sandbox keeps the contacts of earlier runs, so a run begins where the clock is: 100 numbers for each second.
_FIRST = time.time_ns() // 10_000_000 + secrets.randbelow(64) * (_NUMBERS // 64)
_indexes = (_SCATTER * (_FIRST + step) % _NUMBERS for step in count())

_WITHOUT_PEOPLE = (
    f"{NOT_TESTED}CrmUnderTest.people is not given. Open: what people do in the CRM, and whether it stays."
)
_WITHOUT_TROUBLE = (
    f"{NOT_TESTED}CrmUnderTest.trouble is not given (the fault proxy makes it). Open: whether a CRM that is down is"
    ' answered as "nobody", which makes duplicates, and whether a lost answer makes a second log.'
)
_WITHOUT_READER = (
    f"{NOT_TESTED}neither CrmUnderTest.people nor GetCallLog is there. Open: whether anything that was written to a log"
    " is in the CRM: its note, its contact, each update."
)
_WITHOUT_CONTACTS = (
    f"{NOT_TESTED}neither CrmUnderTest.people nor CreateContact is there. Open: whether a contact is found at all."
)


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class CrmUnderTest:
    """A CRM and the adapter to it.

    Attributes:
        adapter: the adapter under test. Records of earlier runs do no harm: names, numbers and keys are new each time.
        people: acts in the same CRM as people do; None: tests that need it are skipped.
        trouble: makes the CRM fail; None: tests that need it are skipped.
        region: the region in which the adapter's account reads numbers.
        max_name: the most characters of a contact's name in this CRM.
        max_note: the most characters of a call's note in this CRM.
        page_size: the most contacts on a page of this CRM's search. The suite adds one more with the same number.
        search_lag: how long the search of this CRM lags, if that is less than declared, as for a fake.
        patience: the seconds after which the suite gives up on a request that hangs.
        secrets: texts that no error may show: tokens, keys, passwords.
        shows_edits: whether this CRM shows that people edited a contact, for `deletes_contacts`.
        lost_forms: ways to write a number (names of `crm_forms.FORMS`) that this CRM's search does not find.
        lost_texts: kinds of text (names of `crm_texts.TEXTS`) that this CRM changes.
        lost_fields: fields of a call (names of `crm_fields.FIELDS`) that its logs do not show.
        level: how far the suite goes: the steps of "How to start" in docs/remote-adapters.md.
    """

    adapter: CrmAdapter
    people: People | None = None
    trouble: Trouble | None = None
    region: str = "US"
    max_name: int = 255
    max_note: int = 5_000
    page_size: int = 100
    search_lag: timedelta | None = None
    patience: float = 5.0
    secrets: tuple[str, ...] = ()
    shows_edits: bool = True
    lost_forms: frozenset[str] = frozenset()
    lost_texts: frozenset[str] = frozenset()
    lost_fields: frozenset[str] = frozenset()
    level: Level = Level.FULL

    @property
    def lag(self) -> timedelta:
        """How long the suite waits for the CRM's search."""
        return self.adapter.capabilities.search_lag if self.search_lag is None else self.search_lag

    def other_hands(self) -> People:
        """The people; without them the test is skipped."""
        if self.people is None:
            pytest.skip(_WITHOUT_PEOPLE)
        return self.people

    def log_reader(self) -> LogReader:
        """The people, or the adapter if it reads logs back; without both the test is skipped."""
        if self.people is not None:
            return self.people
        reader = self.adapter.inner if isinstance(self.adapter, KitAdapter) else self.adapter
        if CrmMethod.GET_CALL_LOG not in self.adapter.capabilities.methods or not isinstance(reader, CallLogReader):
            pytest.skip(_WITHOUT_READER)
        return ReadBack(reader)

    def troubled(self) -> Trouble:
        """The trouble; without it the test is skipped."""
        if self.trouble is None:
            pytest.skip(_WITHOUT_TROUBLE)
        return self.trouble

    def requires(self, capability: str) -> None:
        """Skip the test unless the adapter declares `capability`."""
        if not getattr(self.adapter.capabilities, capability):
            pytest.skip(f"The adapter does not declare {capability}.")

    def requires_search(self, search: NameSearch) -> None:
        """Skip the test unless the adapter searches by name, and finds at least that."""
        if isinstance(self.adapter, KitAdapter):
            self.adapter.need(CrmMethod.SEARCH_CONTACTS)
        declared = self.adapter.capabilities.searches
        if declared is not NameSearch.SUBSTRING and declared is not search:
            pytest.skip(f"The adapter declares searches={declared}, not {search}.")

    def reading_logs(self) -> CallLogReader:
        """The adapter, if it reads logs back; else the test is skipped."""
        if CrmMethod.GET_CALL_LOG not in self.adapter.capabilities.methods:
            pytest.skip("The adapter does not declare get_call_log, which is optional.")
        assert isinstance(self.adapter, CallLogReader), "The adapter declares get_call_log, and has no such method."
        return self.adapter

    def listing_users(self) -> ListsUsers:
        """The adapter, if it lists the CRM's users; else the test is skipped."""
        if CrmMethod.LIST_USERS not in self.adapter.capabilities.methods:
            pytest.skip("The adapter does not declare list_users.")
        assert isinstance(self.adapter, ListsUsers)
        return self.adapter

    async def ids(self, *numbers: str) -> set[str]:
        """The ids of the contacts that really have one of `numbers`, in one lookup."""
        asked = [parse_number(number, self.region) for number in numbers]
        return {
            contact.id
            for contact in await self.adapter.find_contacts(asked)
            if any(match_kind(number, stored, self.region) for number in asked for stored in contact.phone_numbers)
        }

    async def becomes_found(self, number: str, expected: set[str]) -> None:
        """Wait until a lookup of `number` finds exactly `expected`, but no longer than the index lags."""
        found = await eventually(lambda: self.ids(number), lambda ids: ids == expected, self.lag)
        assert found == expected

    async def a_contact(self, name: str = "", number: str = "", kind: str = "") -> Contact:
        """A new contact, with a new name and number by default. People add it if the adapter does not."""
        if isinstance(self.adapter, KitAdapter) and not self.adapter.may_call(CrmMethod.CREATE_CONTACT):
            return await self._added(name or a_name(), number or a_number())
        phone_number = parse_number(number or a_number(), self.region)
        draft = ContactDraft(name=name or a_name(), phone_number=phone_number, type=kind)
        return await self.adapter.create_contact(draft, a_key())

    async def _added(self, name: str, number: str) -> Contact:
        if self.people is None:
            pytest.skip(_WITHOUT_CONTACTS)
        contact_id = await self.people.add_contact(name, [number])
        return Contact(id=contact_id, name=name, phone_numbers=(number,))


async def if_possible(action: Awaitable[T]) -> T:
    """The result of an action of people or trouble. If they cannot do it, the test is skipped."""
    try:
        return await action
    except NotImplementedError as error:
        pytest.skip(str(error) or "The author of the adapter cannot provoke this.")


async def eventually(
    look: Callable[[], Awaitable[set[str]]], is_right: Callable[[set[str]], bool], lag: timedelta
) -> set[str]:
    """The result of `look` as soon as it is right, or at the end of `lag`. Without a lag it looks once."""
    end = asyncio.get_running_loop().time() + (lag + _GRACE if lag else lag).total_seconds()
    while True:
        seen = await look()
        if is_right(seen) or asyncio.get_running_loop().time() >= end:
            return seen
        await asyncio.sleep(_POLL)


def a_number() -> str:
    """A new number of North America. It is valid, and nothing calls it."""
    rest, line = divmod(next(_indexes), 10_000)
    area, exchange = divmod(rest, len(_EXCHANGES))
    return f"+1{_AREAS[area]}{_EXCHANGES[exchange]}{line:04}"


def a_name() -> str:
    """A new name."""
    return f"Conformance {secrets.token_hex(6)}"


def a_key() -> str:
    """A new unique key."""
    return f"conformance-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Report:
    """Builds log entries of one call."""

    call_id: str = field(default_factory=a_key)

    def entry(self, contact_id: str, *, subject: str = "A call", note: str = "A note", moves: bool = False) -> LogEntry:
        """An entry of an answered call of two minutes. With `moves` an update takes the log to the contact."""
        call = Call(
            id=self.call_id,
            direction=CallDirection.INBOUND,
            caller=Party(phone_number="+14155550123", name="Ada Lovelace"),
            callee=Party(extension="101", user_id="alice"),
            start_time=START,
            answer_time=START + timedelta(seconds=5),
            end_time=START + timedelta(seconds=125),
            result=CallResult.ANSWERED,
            subject=subject,
            note=note,
        )
        return LogEntry(
            call=call,
            contact_id=contact_id,
            user_id="alice",
            crm_user_id="",
            number="+14155550123",
            fallback_time=START,
            moves=moves,
        )

    def ringing(self, contact_id: str) -> LogEntry:
        """An entry of the same call while it rings."""
        entry = self.entry(contact_id, note="")
        call = replace(entry.call, answer_time=None, end_time=None, result=None)
        return replace(entry, call=call)
