"""Everything that may happen to an account, in any order: what phones report, and what `people` and `stage` have."""

from typing import Any, Final

from faults.model import strategies as some
from faults.model.account import AccountModel
from faults.model.answers import code_of
from faults.model.crm import PROFILES, Fault
from faults.model.decision import NUMBERS, STORED
from faults.model.facts import Report
from faults.model.people import People
from faults.model.service import Service
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

MANY: Final = 12  # calls of one run


class Account(People):
    """One account, its phone system, its people and its CRM."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, Report] = {}

    @initialize(
        profile=st.sampled_from(sorted(PROFILES)), defaults=some.ACCOUNT, people=st.lists(some.PEOPLE, max_size=3)
    )
    def begin(self, profile: str, defaults: dict[str, Any], people: list[tuple[Any, ...]]) -> None:
        self.service = Service(self.front, PROFILES[profile])
        self.model = AccountModel(self.service)
        self.set_account(defaults, None)
        for person in people:
            self.add_person(person)

    @rule(call_id=some.CALLS, said=some.first_reports(), how=some.HOW)
    def ring(self, call_id: str, said: dict[str, Any], how: tuple[str, int | None, bool | None, bool]) -> None:
        """A call is reported, as for the first time."""
        self._report(call_id, said, how)

    @rule(which=st.integers(0, 3), said=some.NEWS, how=some.HOW)
    def tell(self, which: int, said: dict[str, Any], how: tuple[str, int | None, bool | None, bool]) -> None:
        """There is news of a call."""
        if which < len(self.model.calls):
            self._report(sorted(self.model.calls)[which], said, how)

    @rule(which=st.integers(0, 3), story=st.lists(st.tuples(some.NEWS, some.HOW), min_size=2, max_size=4))
    def tell_story(self, which: int, story: list[tuple[dict[str, Any], Any]]) -> None:
        """News upon news of one call, in the order of the events or not."""
        for said, how in story if which < len(self.model.calls) else ():
            self._report(sorted(self.model.calls)[which], said, how)

    @rule(call_id=some.CALLS, said=some.first_reports(), how=some.HOW, fault=some.faults())
    def ring_amiss(
        self,
        call_id: str,
        said: dict[str, Any],
        how: tuple[str, int | None, bool | None, bool],
        fault: tuple[dict[str, Fault], bool],
    ) -> None:
        """A call comes while something goes wrong."""
        self.go_wrong(fault)
        self._report(call_id, said, how)

    @rule(which=st.integers(0, 3), said=some.NEWS, how=some.HOW, fault=some.faults())
    def tell_amiss(
        self,
        which: int,
        said: dict[str, Any],
        how: tuple[str, int | None, bool | None, bool],
        fault: tuple[dict[str, Fault], bool],
    ) -> None:
        """There is news while something goes wrong."""
        if which < len(self.model.calls):
            self.go_wrong(fault)
            self._report(sorted(self.model.calls)[which], said, how)

    @rule(call_id=some.CALLS, said=some.first_reports(), how=some.HOW, news=some.NEWS, late=st.booleans())
    def lose_an_answer(
        self,
        call_id: str,
        said: dict[str, Any],
        how: tuple[str, int | None, bool | None, bool],
        news: dict[str, Any],
        late: bool,  # noqa: FBT001 - drawn
    ) -> None:
        """The CRM takes a call, its answer gets lost, and then there is news."""
        self.go_wrong(({"make log": Fault.LOST_LATE if late else Fault.LOST_AFTER}, True))
        self._report(call_id, said, how)
        if call_id in self.model.calls:
            self._report(call_id, news, how)

    @rule(
        call_id=some.CALLS,
        said=some.first_reports(),
        how=some.HOW,
        operation=st.sampled_from(["make log", "make log", "make contact"]),
        person=some.PEOPLE,
        defaults=some.SOME_PREFERENCES,
    )
    def decide_too_early(
        self,
        call_id: str,
        said: dict[str, Any],
        how: tuple[str, int | None, bool | None, bool],
        operation: str,
        person: tuple[str, tuple[str, ...], int | None, bool],
        defaults: dict[str, Any],
    ) -> None:
        """A call is decided and cannot be written; then contacts and preferences change."""
        self.go_wrong(({operation: Fault.UNAVAILABLE}, False))
        self._report(call_id, said, how)
        self.add_person(person)
        self.set_account(defaults, None)

    def _report(self, call_id: str, said: dict[str, Any], how: tuple[str, int | None, bool | None, bool]) -> None:
        user, minute, final, is_manual = how
        report = Report(user, said, minute, final)
        self.model.report(call_id, report, is_manual=is_manual)
        if not is_manual:
            self.last[call_id] = report

    @rule(call_id=some.CALLS)
    def report_again(self, call_id: str) -> None:
        if call_id in self.last and call_id in self.model.calls:
            self.model.report(call_id, self.last[call_id])

    @precondition(lambda self: len(self.model.calls) < MANY)
    @rule(number=some.DIALABLE, user=some.USERS, name=some.NAMES)
    def ring_again_later(self, number: str, user: str, name: str) -> None:
        """A stranger calls, a person adds them to the CRM, and they call again."""
        report = Report(user, {"direction": "INBOUND", "caller.phone_number": number})
        self.model.report(f"before-{len(self.model.calls)}", report)
        stored = next(text for text, read in STORED.items() if read == NUMBERS[number])
        self.add_person((name, (stored,), None, False))
        self.model.report(f"after-{len(self.model.calls)}", report)

    @precondition(lambda self: self.model.is_calm)
    @rule(number=some.DIALABLE, user=some.USERS, count=st.integers(2, 3))
    def ring_together(self, number: str, user: str, count: int) -> None:
        """Several first calls from one number arrive at once."""
        names = [f"together-{len(self.model.calls)}-{each}" for each in range(count)]
        report = Report(user, {"direction": "INBOUND", "caller.phone_number": number})
        with self.model.step(*names):
            requests = [self.model.log_request(name, report) for name in names]
            answers = self.model.run(self.service.ask_together(self.front.calls.LogCall, requests))
            assert {code_of(answer) for answer in answers} == {"OK"}
            for name in names:
                self.model.take_in(name, report)
