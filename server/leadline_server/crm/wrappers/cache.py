"""A CRM adapter that remembers answers to lookups, for callers that accept an answer of a moment ago.

`find` answers from memory, and sends one request for all callers that want the same number at once. The methods of the
port always ask the CRM. Their answers are stored too, and their writes drop stored ones.
"""

from collections.abc import Callable, Collection, Coroutine, Sequence
from functools import partial
from typing import Any

from leadline_server.concurrency.single_flight import Flight, SingleFlight, results
from leadline_server.crm.wrappers.remembered_answers import (
    CachePolicy,
    NumberAnswer,
    OngoingLookup,
    RememberedLookups,
    main_number,
)
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactUse, CrmAdapter, CrmLog, LogEntry, LookupAnswer

__all__ = ["CacheCrm", "CachePolicy"]


class _SharedLookup(Flight[dict[str, NumberAnswer]]):
    """One request to the CRM, which several callers of `find` may wait for."""

    __slots__ = ("lookup",)

    def __init__(self, ask: Callable[["_SharedLookup"], Coroutine[Any, Any, dict[str, NumberAnswer]]]) -> None:
        self.lookup: OngoingLookup | None = None  # until the task has started
        super().__init__(ask(self))

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
        rules: returns how the account's numbers are read.
        count: called with the source of the answer about each number that `find` gets: see `CrmMetrics.lookups`.
    """

    def __init__(
        self,
        inner: CrmAdapter,
        answers: RememberedLookups,
        rules: Callable[[], RulesOrRegion],
        count: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(inner)
        self._answers = answers
        self._rules = rules
        self._count = count or _uncounted
        self._lookups: SingleFlight[tuple[str, RulesOrRegion], dict[str, NumberAnswer]] = SingleFlight()

    async def find(self, numbers: Sequence[PhoneNumber]) -> LookupAnswer:
        """See ports.crm.RememberedAnswers.

        The CRM is asked only for numbers without a remembered answer that no other caller is asking for.
        """
        rules = self._rules()
        known: list[NumberAnswer] = []
        shared: set[Flight[dict[str, NumberAnswer]]] = set()
        unknown: list[PhoneNumber] = []
        wanted = {number.key: number for number in map(main_number, numbers)}
        for key, number in wanted.items():
            if (answer := self._answers.get(number, rules)) is not None:
                known.append(answer)
                self._count("remembered")
            elif (other := self._lookups.joinable((key, rules))) is not None:
                shared.add(other)
                self._count("joined")
            else:
                unknown.append(number)
                self._count("asked")
        if unknown:
            lookup = _SharedLookup(partial(self._ask, numbers=unknown, rules=rules))
            shared.add(self._lookups.add([(number.key, rules) for number in unknown], lookup))
        for answers in await results(shared):
            known += [answer for key, answer in answers.items() if key in wanted]
        return _merged(known)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """The contacts that may have one of `numbers`, as the CRM says now."""
        with self._answers.looking_up(numbers, self._rules()) as lookup:
            contacts = await self._inner.find_contacts(numbers)
            self._answers.keep(lookup, await lookup.answers(contacts))
        return contacts

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id. If it is gone or was merged into another, no answer shows it any more."""
        contact = await self._inner.get_contact(contact_id)
        if contact is None or contact.id != contact_id:
            self._answers.drop_contact(contact_id)
        return contact

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact. A lookup of its number during the write asks the CRM, and one after it asks again."""
        self._answers.drop_number(draft.phone_number)
        try:
            return await self._inner.create_contact(draft, key)
        finally:  # also after a failure: the contact may have been created
            self._answers.drop_number(draft.phone_number)

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Delete a contact. No answer shows it any more, also after a failure: it may be gone."""
        try:
            return await super().delete_contact(contact_id, log_ids, only_check=only_check)
        finally:
            if not only_check:
                self._answers.drop_contact(contact_id)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. If the CRM refuses it, its contact may be gone."""
        try:
            return await self._inner.create_call_log(entry, key)
        except CrmRejected:
            self._answers.drop_contact(entry.contact_id)
            raise

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Update an existing log. If the CRM refuses it, its contact may be gone."""
        try:
            return await self._inner.update_call_log(log_id, entry)
        except CrmRejected:
            self._answers.drop_contact(entry.contact_id)
            raise

    async def _ask(
        self, shared: _SharedLookup, numbers: Sequence[PhoneNumber], rules: RulesOrRegion
    ) -> dict[str, NumberAnswer]:
        with self._answers.looking_up(numbers, rules) as lookup:
            shared.lookup = lookup
            answers = await lookup.answers(await self._inner.find_contacts(numbers))
            self._answers.keep(lookup, answers)
        return answers


def _uncounted(_: str) -> None:
    return


def _merged(known: Sequence[NumberAnswer]) -> LookupAnswer:
    """One answer, as old as its oldest part. A contact that is in several parts is taken from the newest."""
    by_age = sorted(known, key=lambda part: part.as_of)
    contacts = {contact.id: contact for part in by_age for contact in part.contacts}
    return LookupAnswer(tuple(contacts.values()), by_age[0].as_of)
