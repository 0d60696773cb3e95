"""Whatever happens in whatever order: a remembered answer was true not long ago, and since what leadline did itself."""

import asyncio
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from leadline_server.crm.wrappers.remembered_answers import CachePolicy, OngoingLookup, RememberedLookups
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number

NUMBERS = tuple(parse_number(f"+1202555010{digit}", "US") for digit in range(4))
POLICY = CachePolicy(found_seconds=20, none_seconds=5, entries=3)
START = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3, unique=True)


class RememberedAnswers(RuleBasedStateMachine):
    """A CRM without a lagging index, lookups that take a while, and what leadline and other hands do meanwhile.

    Every step has its number, which is also the time of day; `history` has who had a number after each step.
    """

    under_way = Bundle("under_way")
    answered = Bundle("answered")

    def __init__(self) -> None:
        super().__init__()
        self.step = 0
        self.seconds = 0.0
        self.answers = RememberedLookups(
            POLICY, timedelta(0), lambda: START + timedelta(seconds=self.step), lambda: self.seconds
        )
        self.contexts: dict[OngoingLookup, AbstractContextManager[OngoingLookup]] = {}
        self.contacts: dict[str, Contact] = {}
        self.history = {number.key: [frozenset[str]()] for number in NUMBERS}
        self.began_at = [0.0]  # the clock at each step
        self.noticed = set[str]()  # contacts that leadline knows to be deleted
        self.since = dict.fromkeys(self.history, 0)  # the step of leadline's own last change, by number

    def _next(self) -> None:
        self.step += 1
        self.began_at.append(self.seconds)
        for key, states in self.history.items():
            states.append(frozenset(c.id for c in self.contacts.values() if key in c.phone_numbers))

    @rule(target=under_way, numbers=ASKED)
    def ask(self, numbers: list[PhoneNumber]) -> OngoingLookup:
        context = self.answers.looking_up(numbers, "US")
        asked = context.__enter__()
        self.contexts[asked] = context
        self._next()
        return asked

    @rule(target=answered, asked=consumes(under_way))
    def look(self, asked: OngoingLookup) -> tuple[OngoingLookup, list[Contact]]:
        keys = {number.key for number in asked.numbers}
        found = [contact for contact in self.contacts.values() if keys.intersection(contact.phone_numbers)]
        self._next()
        return asked, found

    @rule(answer=consumes(answered))
    def hear(self, answer: tuple[OngoingLookup, list[Contact]]) -> None:
        asked, found = answer
        self.answers.keep(asked, asyncio.run(asked.answers(found)))
        self.contexts.pop(asked).__exit__(None, None, None)
        self._next()

    @rule(number=st.sampled_from(NUMBERS), is_own=st.booleans())
    def create(self, number: PhoneNumber, is_own: bool) -> None:  # noqa: FBT001 - drawn
        contact = Contact(id=f"c{self.step}", phone_numbers=(number.key,))
        self.contacts[contact.id] = contact
        self._next()
        if is_own:
            self.answers.drop_number(number)
            self.since[contact.phone_numbers[0]] = self.step

    @rule(data=st.data(), is_noticed=st.booleans())
    def delete(self, data: st.DataObject, is_noticed: bool) -> None:  # noqa: FBT001 - drawn
        if not self.contacts:
            return
        contact = self.contacts.pop(data.draw(st.sampled_from(sorted(self.contacts))))
        self._next()
        if is_noticed:
            self.answers.drop_contact(contact.id)
            self.noticed.add(contact.id)

    @rule(seconds=st.sampled_from([1, 4, 5, 19, 20]))
    def wait(self, seconds: int) -> None:
        self.seconds += seconds
        self._next()

    @invariant()
    def what_is_told_was_true_when_it_may_have_been(self) -> None:
        assert len(self.answers) <= POLICY.entries
        for number in NUMBERS:
            known = self.answers.get(number, "US")
            if known is None:
                continue
            asked_step = int((known.as_of - START).total_seconds())
            told = frozenset(contact.id for contact in known.contacts)
            first = max(asked_step, self.since[number.key])
            assert told in self.history[number.key][first:]
            assert not told & self.noticed
            limit = POLICY.found_seconds if told else POLICY.none_seconds
            assert self.seconds - self.began_at[asked_step] < limit


TestRememberedAnswers = RememberedAnswers.TestCase
TestRememberedAnswers.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
