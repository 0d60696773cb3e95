"""The account as the model has it, what clients see of it, and each step's comparison of the two."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import grpc
from faults.model.answers import code_of
from faults.model.calls import CallModel, Refusal, World, verdict_of
from faults.model.checks import Step, check_call, check_in_crm, check_unchanged, fits, may_be_refused
from faults.model.crm import Asked, Fault
from faults.model.crowds import hidden_at, indexed, possible_crowds
from faults.model.decision import NUMBERS, Person, Verdict
from faults.model.facts import Facts, Report, report_message
from faults.model.preferences import PreferencesModel
from faults.model.service import ACCOUNT, Service
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as contacts_pb
from leadline.v1.call_log_pb2 import CallLog, LogTrigger

_REST: Final = timedelta(minutes=10)
_CALM_AFTER: Final = timedelta(seconds=70)
"""Longer than leadline leaves a CRM alone, and than an index lags."""

Made = tuple[str, str, str]
"""A contact that may be made: its number's key, its name and its type."""


class AccountModel:
    """The calls and preferences of the one account, beside the service that is to behave like them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.calls: dict[str, CallModel] = {}
        self.preferences = PreferencesModel()
        self.is_calm = True
        self.logs: dict[str, CallLog] = {}
        self.known_people: set[str] = set()
        self.wanted: set[Made] = set()

    def run(self, work: Any) -> Any:
        return self.service.front.run(work)

    @property
    def mood(self) -> Any:
        return self.service.mood

    @property
    def can_move(self) -> bool:
        return bool(self.mood.promises.moves_log)

    @contextmanager
    def step(self, *touched: str, rejects: bool = False) -> Iterator[None]:
        """Something happens to the calls `touched`, and to what follows from it; then all is compared."""
        before, since = self.worlds(), self.now
        for call in self.calls.values():
            call.is_in_flight = bool(self.mood.waiting)
        self.mood.asked.clear()
        self.mood.wanted.clear()
        self.wanted = set()
        rejects = rejects or Fault.REJECTED in self.mood.faults.values()
        yield
        self.run(self.service.come_to_rest())
        self.compare(before, since, touched, rejects=rejects)

    def worlds(self, since: datetime | None = None) -> dict[str, list[World]]:
        """By user: the preferences in force, with the contacts that lookups may show now, or may have shown since."""
        crowds = self.crowds(since)
        return {user: [(self.preferences.in_force(user), crowd) for crowd in crowds] for user in ("alice", "bob")}

    def crowds(self, since: datetime | None = None) -> list[list[Person]]:
        """The contacts that lookups may show now; while something is amiss, also those they may have shown since."""
        shown, made, people = self.mood.shown_at, self.mood.made, self.service.truth.people()
        if self.is_calm:
            return [indexed(people, made, hidden_at(self.now, shown))]
        since = since or self.now
        times = sorted(time for time in {since, self.now, *shown.values()} if since <= time <= self.now)
        return [crowd for time in times for crowd in possible_crowds(people, made, hidden_at(time, shown))]

    def compare(
        self, before: dict[str, list[World]], since: datetime, touched: Sequence[str], *, rejects: bool
    ) -> None:
        """The service after a step against the model."""
        assert not self.mood.wrongs, self.mood.wrongs
        now, after, logs = self.now, self.worlds(since), self.listed()
        is_alone = self.is_calm and len(touched) == 1
        people = self.service.truth.people()
        step = Step(now=now, is_calm=self.is_calm, rejects=rejects, people=people, made=self.mood.made)
        assert logs.keys() == self.calls.keys()
        for call in self.calls.values():
            user = call.facts.user
            call.is_settled = call.is_settled and not may_be_refused(call, step)  # a refused write is decided anew
            call.consider(before[user] if is_alone else [*before[user], *after[user]], now, can_move=self.can_move)
        self._check_contacts()
        in_crm = self.service.truth.logs()
        assert in_crm.keys() <= self.calls.keys()
        for call_id, call in self.calls.items():
            self._settle(call, touched)
            if self.is_calm and call_id not in touched and not call.is_undecided and call_id in self.logs:
                check_unchanged({call_id: self.logs[call_id]}, logs)
            check_call(call, logs[call_id], step)
            call.may_be_in_crm |= bool(in_crm.get(call_id)) and not self.is_calm
            check_in_crm(call, in_crm.get(call_id, []), step)
            if not self.can_move and not call.is_logged:
                places = [log.contact for log in in_crm.get(call_id, [])]
                call.stays_at, call.is_orphaned = next(filter(None, places), ""), None in places
        self._check_placeholders()
        self.logs = logs

    def _settle(self, call: CallModel, touched: Sequence[str]) -> None:
        """A lookup for it was answered, so the decision is taken: it stands, whatever happens before it is written."""
        rivals = [other for other in self.calls.values() if other.is_undecided and _key(other) == _key(call)]
        is_its_own = touched == (call.id,) and len(rivals) == 1 and not call.is_logged and not self.mood.waiting
        if not is_its_own or not call.is_undecided or call.chosen or len(call.possible) != 1:
            return
        answered = [asked for asked in self.mood.asked if _is_look(asked, _key(call))]
        [verdict] = call.possible
        call.is_settled = bool(answered) and bool(verdict.contact)

    def _check_contacts(self) -> None:
        """The CRM has only the contacts that people added, and those that a call or a request needed."""
        made = self.mood.made
        unknown = {person.id for person in self.service.truth.people()} - self.known_people
        assert unknown <= made.keys()
        self.known_people |= unknown
        may_be = self.wanted | {
            verdict.make for call in self.calls.values() for verdict in call.possible if verdict.make is not None
        }
        asked = {(wish.number_key, wish.name, wish.type) for wish in self.mood.wanted}
        assert asked <= may_be, f"{asked} were to be made, and only {may_be} may be"

    def _check_placeholders(self) -> None:
        """Each was made for one call."""
        made_for = [call.contact for call in self.calls.values() if _was_created(call.verdict)]
        assert len(made_for) == len(set(made_for))

    def check_nothing_happened(self) -> None:
        """Called within a step that must change nothing and write nothing; only while all is calm."""
        if self.is_calm:
            assert not [
                asked for asked in self.mood.asked if asked.operation in ("make contact", "make log", "update log")
            ]
            check_unchanged(self.logs, self.listed())

    def listed(self) -> dict[str, CallLog]:
        request = logs_pb.ListCallLogsRequest(account_id=ACCOUNT, page_size=100)
        answer = self.run(self.service.ask_at_once(self.service.front.calls.ListCallLogs, request))
        if isinstance(answer, grpc.aio.AioRpcError):
            raise answer
        return {log.call.id: log for log in answer.call_logs}

    def log_request(self, call_id: str, report: Report, choice: str = "", *, is_manual: bool = False) -> Any:
        return logs_pb.LogCallRequest(
            account_id=ACCOUNT,
            user_id=report.user,
            call=report_message(call_id, report),
            contact_id=choice,
            trigger=LogTrigger.LOG_TRIGGER_MANUAL if is_manual else LogTrigger.LOG_TRIGGER_UNSPECIFIED,
        )

    def report(self, call_id: str, report: Report, choice: str = "", *, is_manual: bool = False) -> None:
        """LogCall; the answer must be what the model says, and so must everything after it."""
        request = self.log_request(call_id, report, choice, is_manual=is_manual)
        is_gone = bool(choice) and not self.has(choice)
        with self.step(call_id):
            answer = self.ask(self.service.front.calls.LogCall, request)
            expected = self._expected(call_id, report, choice, is_manual=is_manual)
            if is_gone and (self.is_calm or code_of(answer) == "NOT_FOUND"):
                expected = "NOT_FOUND"
            assert code_of(answer) in (expected, "LATER"), f"{answer} should be {expected}"
            if expected != "OK":
                self.check_nothing_happened()
            else:
                is_news = self.take_in(call_id, report, choice, is_manual=is_manual)
                if not is_news and not is_manual:
                    self.check_nothing_happened()

    def _expected(self, call_id: str, report: Report, choice: str, *, is_manual: bool) -> str:
        if call_id not in self.calls:
            return "OK" if report.said.get("direction") else "INVALID_ARGUMENT"
        try:
            self._copy(call_id).report(report, choice, self.now, is_manual=is_manual, can_move=self.can_move)
        except Refusal as refusal:
            return str(refusal)
        return "OK"

    def _copy(self, call_id: str) -> CallModel:
        call = self.calls[call_id]
        return CallModel(**{**call.__dict__, "possible": set(call.possible), "earlier": set(call.earlier)})

    def take_in(self, call_id: str, report: Report, choice: str = "", *, is_manual: bool = False) -> bool:
        """An accepted report; returns whether anything may change by it."""
        if call_id not in self.calls:
            facts = Facts().after(report)
            call = CallModel(call_id, facts, self.now, is_manual or bool(choice), choice)
            call.waits_since = self.now
            self.calls[call_id] = call
            return True
        return self.calls[call_id].report(report, choice, self.now, is_manual=is_manual, can_move=self.can_move)

    def foresee(self, call_id: str, report: Report, *, is_manual: bool) -> None:
        """LogCall with validate_only: what would become of the call, and nothing else."""
        request = self.log_request(call_id, report, is_manual=is_manual)
        request.validate_only = True
        with self.step():
            answer = self.ask(self.service.front.calls.LogCall, request)
            self.check_nothing_happened()
            expected = self._expected(call_id, report, "", is_manual=is_manual)
            if not self.is_calm:
                assert code_of(answer) in (expected, "UNAVAILABLE", "FAILED_PRECONDITION", "INTERNAL", "LATER")
                return
            assert code_of(answer) == expected
            if expected == "OK":
                self._check_foreseen(answer.call_log, call_id, report, is_manual=is_manual)

    def _check_foreseen(self, log: CallLog, call_id: str, report: Report, *, is_manual: bool) -> None:
        call = self.calls.get(call_id)
        after = (call.facts if call else Facts()).after(report)
        assert log.call == after.message(call_id)
        if call is None:
            call = CallModel(call_id, Facts().after(report), self.now, is_manual)
        elif call.is_undecided or call.is_parked:
            return  # it stands where it was refused; what a retry would do is not asked here
        [world] = self.worlds()[after.user]
        verdict = call.foreseen(report, "", world, self.now, is_manual=is_manual, can_move=self.can_move)
        step = Step(self.now, True, False, world[1], self.mood.made)
        if verdict.make is not None:
            assert (log.contact.name, log.contact.is_placeholder, log.contact.id) == (verdict.make[1], True, "")
            assert (verdict_of(log).state, verdict_of(log).reason) == (verdict.state, verdict.reason)
        else:
            assert fits(verdict, log, step), f"{verdict_of(log)} should be {verdict}"

    def ask(self, method: Any, request: Any) -> Any:
        return self.run(self.service.ask(method, request))

    def ask_at_once(self, method: Any, request: Any) -> Any:
        return self.run(self.service.ask_at_once(method, request))

    def has(self, contact_id: str) -> bool:
        return any(person.id == contact_id for person in self.service.truth.people())

    @property
    def now(self) -> Any:
        return self.service.clock.now()

    # Events that happen by themselves.

    def come_to_rest(self) -> None:
        """The CRM is well again, and time passes until nothing is left to do: one outcome for each call is left."""
        with self.step():
            self.mood.recover()
            self.run(self._pump())
        self.is_calm = True
        with self.step():
            pass

    async def _pump(self) -> None:
        service = self.service
        await service.come_to_rest()
        for task in service.unanswered:
            assert code_of(await task) in ("OK", "NOT_FOUND", "ALREADY_EXISTS")
        service.unanswered.clear()
        for _ in range(500):
            due = await service.next_due()
            if due is None or due > self.now + _REST:
                break
            await service.pass_time(max(due - self.now, timedelta(seconds=1 if service.is_paused else 0)))
            await service.come_to_rest()
            self._note_passed_time()
        else:
            raise AssertionError("it does not come to rest")
        await service.pass_time(_CALM_AFTER)
        self._note_passed_time()
        await service.come_to_rest()
        # Whatever is asked first after a pause is asked alone; from here on the CRM is known to be well.
        query = contacts_pb.FindContactRequest(account_id=ACCOUNT, phone_numbers=["+12025550147"])
        assert code_of(await service.ask(service.front.contacts.FindContact, query)) == "OK"

    def _note_passed_time(self) -> None:
        for call in self.calls.values():
            call.time_passes(self.now)

    def pass_time(self, by: timedelta) -> None:
        """Time passes."""
        with self.step():
            self.run(self.service.pass_time(by))
            self._note_passed_time()


def _key(call: CallModel) -> str:
    return NUMBERS[call.facts.address].key


def _is_look(asked: Asked, key: str) -> bool:
    return asked.operation == "look" and asked.about == key and not isinstance(asked.answer, Fault)


def _was_created(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.reason == "PLACEHOLDER_CREATED"
