"""A CRM adapter that remembers who has a number, for those whom an answer of a moment ago serves.

`find` answers from what is remembered, and asks the CRM one question for all who want to know the same. All that the
port has asks the CRM, always; what is learnt on the way is remembered, or drops what is remembered.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

from leadline_server.crm.wrappers.answers import Answers, Asked, CachePolicy, Known, main_number
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import CrmRejected
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import Answer, CrmAdapter, CrmLog, LogEntry

__all__ = ["CachePolicy", "CachedCrm"]


class _Flight:
    """A question that the CRM is being asked, and how many wait for the answer."""

    __slots__ = ("asked", "task", "waiting")

    def __init__(self) -> None:
        self.asked: Asked | None = None  # until the task has begun
        self.task: asyncio.Task[dict[str, Known]]
        self.waiting = 0

    @property
    def may_be_joined(self) -> bool:
        """Whether its answer will be there, and true of this moment, too."""
        is_spoilt = self.asked is not None and self.asked.is_spoilt
        return self.waiting > 0 and not self.task.done() and not is_spoilt


class CachedCrm(CrmWrapper):
    """`inner`, whose answers to lookups are remembered. Failures never are.

    Args:
        inner: the adapter.
        answers: what is remembered.
        rules: tells how the account's numbers are read.
        count: told, for each number that `find` is asked for, where the answer comes from: see `CrmMetrics.lookups`.
    """

    def __init__(
        self,
        inner: CrmAdapter,
        answers: Answers,
        rules: Callable[[], RulesOrRegion],
        count: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(inner)
        self._answers = answers
        self._rules = rules
        self._count = count or _uncounted
        self._flights: dict[tuple[str, RulesOrRegion], _Flight] = {}

    async def find(self, numbers: Sequence[PhoneNumber]) -> Answer:
        """See ports.crm.RememberedAnswers.

        The CRM is asked for those numbers alone of which nothing is known, and by nobody else either.
        """
        rules = self._rules()
        known: list[Known] = []
        flights: set[_Flight] = set()
        unknown: list[PhoneNumber] = []
        wanted = {number.key: number for number in map(main_number, numbers)}
        for key, number in wanted.items():
            if (answer := self._answers.get(number, rules)) is not None:
                known.append(answer)
                self._count("remembered")
            elif (flight := self._flights.get((key, rules))) is not None and flight.may_be_joined:
                flights.add(flight)
                self._count("joined")
            else:
                unknown.append(number)
                self._count("asked")
        if unknown:
            flights.add(self._begin(unknown, rules))
        for answers in await _awaited(flights):
            known += [answer for key, answer in answers.items() if key in wanted]
        return _together(known)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`, as the CRM says now."""
        with self._answers.asking(numbers, self._rules()) as asked:
            contacts = await super().find_contacts(numbers)
            self._answers.keep(asked, contacts)
        return contacts

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id; if there is none, or another one took it in, it is remembered no more."""
        contact = await super().get_contact(contact_id)
        if contact is None or contact.id != contact_id:
            self._answers.drop_contact(contact_id)
        return contact

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact. Whoever asks for its number from now on asks the CRM, and afterwards once more."""
        self._answers.drop_number(draft.phone_number)
        try:
            return await super().create_contact(draft, key)
        finally:  # also when nobody knows whether it was created
            self._answers.drop_number(draft.phone_number)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. If that is refused the contact may be the reason."""
        try:
            return await super().create_call_log(entry, key)
        except CrmRejected:
            self._answers.drop_contact(entry.contact_id)
            raise

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Bring an existing log up to date. If that is refused the contact may be the reason."""
        try:
            return await super().update_call_log(log_id, entry)
        except CrmRejected:
            self._answers.drop_contact(entry.contact_id)
            raise

    def _begin(self, numbers: Sequence[PhoneNumber], rules: RulesOrRegion) -> _Flight:
        """Ask the CRM, in a task of its own: who asked first may be cancelled while others wait."""
        flight, places = _Flight(), [(number.key, rules) for number in numbers]
        self._flights.update(dict.fromkeys(places, flight))

        def land(task: asyncio.Task[dict[str, Known]]) -> None:
            for place in places:
                if self._flights.get(place) is flight:
                    del self._flights[place]
            if not task.cancelled():
                task.exception()  # seen, even if nobody is left to hear of it

        flight.task = asyncio.create_task(self._fly(flight, numbers, rules))
        flight.task.add_done_callback(land)
        return flight

    async def _fly(self, flight: _Flight, numbers: Sequence[PhoneNumber], rules: RulesOrRegion) -> dict[str, Known]:
        with self._answers.asking(numbers, rules) as asked:
            flight.asked = asked
            contacts = await super().find_contacts(numbers)
            self._answers.keep(asked, contacts)
        return {number.key: asked.known(number, contacts) for number in numbers}


def _uncounted(_: str) -> None:
    return


async def _awaited(flights: Collection[_Flight]) -> list[dict[str, Known]]:
    """The answers. A flight that nobody waits for any more is called back."""
    for flight in flights:
        flight.waiting += 1
    try:
        return [await asyncio.shield(flight.task) for flight in flights]
    finally:
        for flight in flights:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()


def _together(known: Sequence[Known]) -> Answer:
    """One answer, as old as the oldest of its parts. A contact in several is as the newest has it."""
    by_age = sorted(known, key=lambda part: part.as_of)
    contacts = {contact.id: contact for part in by_age for contact in part.contacts}
    return Answer(tuple(contacts.values()), by_age[0].as_of)
