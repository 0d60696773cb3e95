"""A CRM whose lookups are batched, for tests that see which of them go together."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from leadline_server.crm.wrappers import BatchingCrm
from leadline_server.crm.wrappers.batching import AT_ONCE
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import Capabilities, RateLimit
from support.operations import create, memory_crm

MOST = 16
CALLERS = [f"+120255501{i:02}" for i in range(100)]
ODD = CALLERS[13]


def read(*texts: str) -> list[PhoneNumber]:
    return [parse_number(text, "US") for text in texts]


class Roomy(CrmWrapper):
    """A CRM that looks several numbers up as cheaply as one, and notes what it is asked.

    `is_open` lets questions through; while `trouble` is set it is raised where ODD is among the numbers.
    """

    def __init__(
        self, inner: CrmAdapter, numbers_per_lookup: int = MOST, rate_limits: Sequence[RateLimit] = ()
    ) -> None:
        super().__init__(inner)
        self._can = replace(inner.capabilities, numbers_per_lookup=numbers_per_lookup, rate_limits=tuple(rate_limits))
        self.questions: list[list[str]] = []
        self.cancelled = 0
        self.trouble: CrmError | None = None
        self.is_open = asyncio.Event()
        self.is_open.set()

    @property
    def capabilities(self) -> Capabilities:
        return self._can

    def say(self, numbers_per_lookup: int) -> None:
        """Promise something else from now on, as an adapter elsewhere does once it has been asked."""
        self._can = replace(self._can, numbers_per_lookup=numbers_per_lookup)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        keys = [number.key for number in numbers]
        self.questions.append(keys)
        try:
            await self.is_open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.trouble is not None and ODD in keys:
            raise self.trouble
        return await super().find_contacts(numbers)

    @property
    def sizes(self) -> list[int]:
        return [len(question) for question in self.questions]

    async def asked(self, count: int) -> None:
        """Return once so many questions have reached the CRM, and what could follow them has."""
        async with asyncio.timeout(5):
            while len(self.questions) < count:
                await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)


class Scene:
    """A batching CRM over a roomy one with a contact for each caller, named like its number."""

    def __init__(self, numbers_per_lookup: int = MOST, rate_limits: Sequence[RateLimit] = ()) -> None:
        self.bare = memory_crm()
        self.crm = Roomy(self.bare, numbers_per_lookup, rate_limits)
        self.batching = BatchingCrm(self.crm, lambda: "US")

    async def fill(self) -> "Scene":
        for caller in CALLERS:
            await create(self.bare, caller, caller)
        return self

    async def find(self, *texts: str) -> list[str]:
        return [contact.name for contact in await self.batching.find_contacts(read(*texts))]

    def asking(self, callers: Sequence[str]) -> list["asyncio.Task[list[str]]"]:
        return [asyncio.create_task(self.find(caller)) for caller in callers]

    async def occupy(self, count: int = AT_ONCE) -> list["asyncio.Task[list[str]]"]:
        """Have so many questions under way, each of a lookup alone, that do not end before the CRM is open."""
        self.crm.is_open.clear()
        tasks = []
        for place, caller in enumerate(CALLERS[-count:]):
            tasks += self.asking([caller])
            await self.crm.asked(place + 1)
        return tasks


async def answers(tasks: Sequence["asyncio.Task[list[str]]"]) -> list[list[str] | BaseException]:
    async with asyncio.timeout(5):
        return await asyncio.gather(*tasks, return_exceptions=True)
