"""The CRM under test, as the conformance suite takes it, and the data that the suite sends."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

import pytest

from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter, CrmMethod, ListsUsers, LogEntry
from leadline_server.testing.crm_people import People
from leadline_server.testing.crm_trouble import Trouble

T = TypeVar("T")

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
_POLL = 0.05  # seconds between two reads of a search index that lags
_GRACE = timedelta(seconds=1)

_AREAS = [area for area in range(200, 1000) if area % 100 != 11]  # 211, 311, ... are services
_FICTIONAL = 100 * len(_AREAS)
# Every area once before one is used again, from a random start: random areas would repeat too soon.
_FIRST = secrets.randbelow(_FICTIONAL)
_indexes = ((_FIRST + 7_919 * step) % _FICTIONAL for step in count())


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

    @property
    def lag(self) -> timedelta:
        """How long the suite waits for the CRM's search."""
        return self.adapter.capabilities.search_lag if self.search_lag is None else self.search_lag

    def other_hands(self) -> People:
        """The people; without them the test is skipped."""
        if self.people is None:
            pytest.skip("CrmUnderTest.people is not given: nobody can act in the CRM beside the adapter.")
        return self.people

    def troubled(self) -> Trouble:
        """The trouble; without it the test is skipped."""
        if self.trouble is None:
            pytest.skip("CrmUnderTest.trouble is not given: the suite cannot make the CRM fail.")
        return self.trouble

    def requires(self, capability: str) -> None:
        """Skip the test unless the adapter declares `capability`."""
        if not getattr(self.adapter.capabilities, capability):
            pytest.skip(f"The adapter does not declare {capability}.")

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

    async def a_contact(self, name: str = "", number: str = "") -> Contact:
        """A new contact, with a new name and number by default."""
        draft = ContactDraft(name=name or a_name(), phone_number=parse_number(number or a_number(), self.region))
        return await self.adapter.create_contact(draft, a_key())


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
    """A new fictional number (NXX 555-0100 to 555-0199 are reserved for fiction in North America)."""
    index = next(_indexes)
    return f"+1{_AREAS[index // 100]}55501{index % 100:02}"


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

    def entry(self, contact_id: str, *, subject: str = "A call", note: str = "A note") -> LogEntry:
        """An entry of an answered call of two minutes."""
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
        )
