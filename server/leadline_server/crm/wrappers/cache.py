"""A CRM adapter that remembers answers to lookups, for callers that accept an answer of a moment ago.

`find` answers from memory, and sends one request for all callers that want the same number at once. The methods of the
port always ask the CRM. What they learn is stored, or drops what was stored.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence

from leadline_server.crm.wrappers.remembered_answers import (
    CachePolicy,
    NumberAnswer,
    OngoingLookup,
    RememberedLookups,
    main_number,
)
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import CrmRejected
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import CrmAdapter, CrmLog, LogEntry, LookupAnswer

__all__ = ["CacheCrm", "CachePolicy"]


class _SharedLookup:
    """One request to the CRM, and the number of callers that wait for its answer."""

    __slots__ = ("lookup", "task", "waiting")

    def __init__(self) -> None:
        self.lookup: OngoingLookup | None = None  # until the task has started
        self.task: asyncio.Task[dict[str, NumberAnswer]]
        self.waiting = 0

    @property
    def may_be_joined(self) -> bool:
        """Whether its answer will come, and will still be true of a question that is asked now."""
        is_outdated = self.lookup is not None and self.lookup.is_outdated
        return self.waiting > 0 and not self.task.done() and not is_outdated


class CacheCrm(CrmWrapper):
    """`inner`, whose answers to lookups are remembered. Failures never are.

    Args:
        inner: the adapter.
        answers: what is remembered.
        region: returns the account's default region, such as `US`.
        count: called with the source of the answer about each number that `find` gets: see `CrmMetrics.lookups`.
    """

    def __init__(
        self,
        inner: CrmAdapter,
        answers: RememberedLookups,
        region: Callable[[], str],
        count: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(inner)
        self._answers = answers
        self._region = region
        self._count = count or _uncounted
        self._shared: dict[tuple[str, str], _SharedLookup] = {}

    async def find(self, numbers: Sequence[PhoneNumber]) -> LookupAnswer:
        """See ports.crm.RememberedAnswers.

        The CRM is asked only for numbers without a remembered answer that no other caller is asking for.
        """
        region = self._region()
        known: list[NumberAnswer] = []
        shared: set[_SharedLookup] = set()
        unknown: list[PhoneNumber] = []
        wanted = {number.key: number for number in map(main_number, numbers)}
        for key, number in wanted.items():
            if (answer := self._answers.get(number, region)) is not None:
                known.append(answer)
                self._count("remembered")
            elif (other := self._shared.get((key, region))) is not None and other.may_be_joined:
                shared.add(other)
                self._count("joined")
            else:
                unknown.append(number)
                self._count("asked")
        if unknown:
            shared.add(self._start(unknown, region))
        for answers in await _awaited(shared):
            known += [answer for key, answer in answers.items() if key in wanted]
        return _merged(known)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`, as the CRM says now."""
        with self._answers.looking_up(numbers, self._region()) as lookup:
            contacts = await super().find_contacts(numbers)
            self._answers.keep(lookup, contacts)
        return contacts

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id. If it is gone or was merged into another, no answer shows it any more."""
        contact = await super().get_contact(contact_id)
        if contact is None or contact.id != contact_id:
            self._answers.drop_contact(contact_id)
        return contact

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact. A lookup of its number during the write asks the CRM, and one after it asks again."""
        self._answers.drop_number(draft.phone_number)
        try:
            return await super().create_contact(draft, key)
        finally:  # also after a failure: the contact may have been created
            self._answers.drop_number(draft.phone_number)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. If the CRM refuses it, its contact may be gone."""
        try:
            return await super().create_call_log(entry, key)
        except CrmRejected:
            self._answers.drop_contact(entry.contact_id)
            raise

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Update an existing log. If the CRM refuses it, its contact may be gone."""
        try:
            return await super().update_call_log(log_id, entry)
        except CrmRejected:
            self._answers.drop_contact(entry.contact_id)
            raise

    def _start(self, numbers: Sequence[PhoneNumber], region: str) -> _SharedLookup:
        """Ask the CRM in a task of its own: the caller may be cancelled while others wait for the same answer."""
        shared, keys = _SharedLookup(), [(number.key, region) for number in numbers]
        self._shared.update(dict.fromkeys(keys, shared))

        def remove(task: asyncio.Task[dict[str, NumberAnswer]]) -> None:
            for key in keys:
                if self._shared.get(key) is shared:
                    del self._shared[key]
            if not task.cancelled():
                task.exception()  # retrieved here, since every waiting caller may be gone

        shared.task = asyncio.create_task(self._ask(shared, numbers, region))
        shared.task.add_done_callback(remove)
        return shared

    async def _ask(self, shared: _SharedLookup, numbers: Sequence[PhoneNumber], region: str) -> dict[str, NumberAnswer]:
        with self._answers.looking_up(numbers, region) as lookup:
            shared.lookup = lookup
            contacts = await super().find_contacts(numbers)
            self._answers.keep(lookup, contacts)
        return {number.key: lookup.answer_for(number, contacts) for number in numbers}


def _uncounted(_: str) -> None:
    return


async def _awaited(shared: Collection[_SharedLookup]) -> list[dict[str, NumberAnswer]]:
    """The answers. A request is cancelled when its last caller stops waiting."""
    for lookup in shared:
        lookup.waiting += 1
    try:
        return [await asyncio.shield(lookup.task) for lookup in shared]
    finally:
        for lookup in shared:
            lookup.waiting -= 1
            if not lookup.waiting:
                lookup.task.cancel()


def _merged(known: Sequence[NumberAnswer]) -> LookupAnswer:
    """One answer, as old as its oldest part. A contact that is in several parts is taken from the newest."""
    by_age = sorted(known, key=lambda part: part.as_of)
    contacts = {contact.id: contact for part in by_age for contact in part.contacts}
    return LookupAnswer(tuple(contacts.values()), by_age[0].as_of)
