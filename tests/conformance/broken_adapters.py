"""Adapters that each break one obligation of the port, for `test_kit.py`: the suite has to notice.

Each is the faulty CRM's good adapter with one method, or one habit, gone wrong.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import ClassVar, TypeVar

from conformance.broken_writers import Reading
from conformance.passing_adapter import Passing
from faults.http_crm.people import FaultyPeople, faulty_crm_under_test
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmError, CrmOutcomeUnknown, CrmRateLimited, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, CrmAdapter, CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from support.loopback import over_loopback

T = TypeVar("T")


class FindsByCreating(Passing):
    """Creates a contact that it does not find, as some CRMs' "find or create" does."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        found = await self.inner.find_contacts(numbers)
        if not found:
            await self.inner.create_contact(ContactDraft(name="?", phone_number=numbers[0]), f"find-{numbers[0].key}")
        return found


class TakesAnyCursor(Passing):
    """Starts again where it cannot go on, so that a list of contacts never ends."""

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        try:
            return await self.inner.search_contacts(name, limit, cursor)
        except CrmRejected:
            return await self.inner.search_contacts(name, limit, "")


class RaisesForNobody(Passing):
    """Raises an error for an empty result."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        if not (found := await self.inner.find_contacts(numbers)):
            raise CrmRejected("There is no such contact.")
        return found


class TakesFailureForNobody(Passing):
    """Takes a failure for an empty result, which must never happen."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        try:
            return await self.inner.find_contacts(numbers)
        except CrmUnavailable:
            return []


class LooksOneByOne(Passing):
    """Asks for each number, and gives what it has when one of them fails."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        found = list[Contact]()
        for number in numbers:
            with suppress(*([CrmError] if found else [])):
                found += await self.inner.find_contacts([number])
        return found


class CutsOff(Passing):
    """Gives the first page of a lookup for the whole."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return list(await self.inner.find_contacts(numbers))[:50]


class ForgetsNumbers(Passing):
    """Asks for the first ten numbers alone."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return await self.inner.find_contacts(numbers[:10])


class PromisesTooMuch(Passing):
    """Has a page for twelve contacts of a lookup, and declares that sixteen numbers go into one."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, numbers_per_lookup=16)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return list(await self.inner.find_contacts(numbers))[:12]


class SaysUnavailable(Passing):
    """Says of writes whose outcome is unknown that they were not done."""

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        return await _or_unavailable(self.inner.create_contact(draft, key))

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        return await _or_unavailable(self.inner.create_call_log(entry, key))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await _or_unavailable(self.inner.update_call_log(log_id, entry))


async def _or_unavailable(write: Awaitable[T]) -> T:
    try:
        return await write
    except CrmOutcomeUnknown as error:
        raise CrmUnavailable(error.message) from error


class WritesInTwoSteps(Passing):
    """Creates first and corrects afterwards, and says of a failure between both what the second step said."""

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        created = await self.inner.create_contact(draft, f"{key}-1")
        await self.inner.create_contact(draft, f"{key}-2")
        return created


class Overwrites(Passing):
    """Writes all fields of a log anew, people's too."""

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        people = self.crm.people
        assert isinstance(people, FaultyPeople)
        log = await self.inner.update_call_log(log_id, entry)
        await people.edit_log(log_id, "")
        return log


class MovesBack(Passing):
    """Takes a log back to the contact that leadline knows, whenever it updates the log."""

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self.inner.update_call_log(log_id, replace(entry, moves=True))


class LeaksItsToken(Passing):
    """Tells how it asked when it fails."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        try:
            return await self.inner.find_contacts(numbers)
        except CrmRejected as error:
            raise CrmRejected(f"{error} (asked with {self.crm.secrets[0]})") from error


class TellsTheNumber(Passing):
    """Shows the number that it looked up when it fails."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        try:
            return await self.inner.find_contacts(numbers)
        except CrmRejected as error:
            raise CrmRejected(f"{error} (asked for {numbers[0].key})") from error


class ForgetsTheDelay(Passing):
    """Does not say how long to wait."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        try:
            return await self.inner.find_contacts(numbers)
        except CrmRateLimited as error:
            raise CrmRateLimited("Slow down.") from error


class Interprets(Passing):
    """Fills in templates that callers wrote."""

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        return await self.inner.create_contact(replace(draft, name=draft.name.replace("{{7*7}}", "49")), key)


class FindsNobodysLog(Passing):
    """Declares that it finds logs by their key, and does not."""

    async def find_call_log(self, key: str) -> CrmLog | None:
        return None


class RepeatsAtOnce(Passing):
    """Tries a write again with another key when its answer is lost."""

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        try:
            return await self.inner.create_contact(draft, key)
        except CrmOutcomeUnknown:
            return await self.inner.create_contact(draft, f"{key}-again")


class LosesTheSubject(Passing):
    """Does not keep a field that it does not declare lost."""

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        return await self.inner.create_call_log(replace(entry, call=replace(entry.call, subject="A call")), key)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return await self.inner.update_call_log(log_id, replace(entry, call=replace(entry.call, subject="A call")))


class FindsWhoeverComesNear(Passing):
    """Remembers what it was told of contacts, and finds merged and deleted ones for ever."""

    known: ClassVar[dict[str, Contact]] = {}

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        created = await self.inner.create_contact(draft, key)
        self.known[created.id] = created
        return created

    async def get_contact(self, contact_id: str) -> Contact | None:
        return self.known.get(contact_id) or await self.inner.get_contact(contact_id)


class RaisesItsLibrarysErrors(Passing):
    """Lets errors of its library out."""

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        try:
            return await self.inner.find_contacts(numbers)
        except CrmError as error:
            raise ConnectionError("reset") from error


def _under_test(kind: Callable[[CrmAdapter, CrmUnderTest], Passing]) -> AbstractAsyncContextManager[CrmUnderTest]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[CrmUnderTest]:
        async with faulty_crm_under_test() as crm:
            yield replace(crm, adapter=kind(crm.adapter, crm))

    return opened()


def _test_of(kind: type[Passing]) -> type[CrmConformance]:
    return type(f"Test{kind.__name__}", (CrmConformance,), {"open_crm": lambda _: _under_test(kind)})


def _remote_under_test(kind: type[Passing]) -> AbstractAsyncContextManager[CrmUnderTest]:
    """The adapter in another process. One that reads logs back has no people: what it wrote is read by that alone."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[CrmUnderTest]:
        async with faulty_crm_under_test() as crm, over_loopback(kind(crm.adapter, crm)) as remote:
            yield replace(crm, adapter=remote, people=None if issubclass(kind, Reading) else crm.people)

    return opened()


def _remote_test_of(kind: type[Passing]) -> type[CrmConformance]:
    return type(f"TestRemote{kind.__name__}", (CrmConformance,), {"open_crm": lambda _: _remote_under_test(kind)})


WRECKED: Sequence[type[Passing]] = tuple(Reading.__subclasses__())
KINDS: Sequence[type[Passing]] = (Passing, *(kind for kind in Passing.__subclasses__() if kind is not Reading))
globals().update({f"Test{kind.__name__}": _test_of(kind) for kind in (*KINDS, Reading, *WRECKED)})
globals().update({f"TestRemote{kind.__name__}": _remote_test_of(kind) for kind in (*KINDS, Reading, *WRECKED)})
