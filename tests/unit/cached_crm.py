"""A CRM with remembered lookups, a clock that is set by hand, and a gate that holds its questions back."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from leadline_server.crm.wrappers import CacheCrm, CachePolicy
from leadline_server.crm.wrappers.remembered_answers import RememberedLookups
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from support.crms import Switch
from support.operations import memory_crm

ADA, BEN, EVE = "+12025550101", "+12025550102", "+12025550103"
START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = CachePolicy(found_seconds=60, none_seconds=5, entries=100)


def numbers(*texts: str) -> list[PhoneNumber]:
    return [parse_number(text, "US") for text in texts]


class Cached:
    """A cached CRM in memory, its switch, and a clock that is set by hand."""

    def __init__(self, policy: CachePolicy = POLICY, search_lag: float = 0.0) -> None:
        self.bare = memory_crm()
        self.switch = Switch()
        self.seconds = 0.0
        self.region = "US"
        self.counts = Counter[str]()
        answers = RememberedLookups(policy, timedelta(seconds=search_lag), self.now, lambda: self.seconds)
        self.crm = CacheCrm(self.switch.wrap(self.bare), answers, lambda: self.region, self._count)

    def _count(self, answer: str) -> None:
        self.counts[answer] += 1

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    @property
    def asked(self) -> int:
        """How often the CRM was asked who has a number."""
        return self.switch.calls["find_contacts"]

    async def find(self, *texts: str) -> set[str]:
        return {contact.name for contact in (await self.crm.find(numbers(*texts))).contacts}


class Gate:
    """Holds back lookups that have reached the CRM until it is opened; `began` counts them."""

    def __init__(self, switch: Switch, operation: str = "find_contacts", *, is_after: bool = False) -> None:
        self.began = 0
        self._operation = operation
        self._open = asyncio.Event()
        if is_after:
            switch.after = self._wait
        else:
            switch.before = self._wait

    async def _wait(self, operation: str) -> None:
        if operation == self._operation:
            self.began += 1
            await self._open.wait()

    async def reached(self, count: int = 1) -> None:
        async with asyncio.timeout(5):
            while self.began < count:
                await asyncio.sleep(0)

    def open(self) -> None:
        self._open.set()
