"""Where a call stands: what may become of it, and what did (docs/flow.md, docs/guarantees.md).

While the CRM is well there is one thing that may become of a call, at once. While it is not, a decision may have been
taken at any moment since the call's inputs last changed; all of them are kept, and the one that shows must be among
them. The decision that shows is final.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from faults.model.decision import CHOICE_IS_GONE, WAIT, Case, Person, Verdict, decide
from faults.model.facts import Facts, Report
from leadline.v1.call_log_pb2 import CallLog, CallLogReason, CallLogState

FINAL_WAIT: Final = timedelta(hours=4)
DELIVERY_AGE: Final = timedelta(days=7)
CREEP: Final = timedelta(seconds=30)
"""The clock may have been moved so much, in all, while something was waited for."""

World = tuple[Mapping[str, Any], Sequence[Person]]
"""The preferences in force, and the contacts that there are."""


class Refusal(Exception):
    """The request is to be refused with this gRPC code; nothing changes."""


@dataclass
class CallModel:
    """One call.

    Attributes:
        id: the phone system's.
        facts: what is known of it.
        news_time: when a report last changed what is known.
        is_manual: a person wants the decision that is to be taken, or wanted the latest.
        chosen: the contact that a person chose.
        verdict: what was decided; None before.
        is_undecided: a decision is to be taken, for the first time or anew.
        possible: what may have been decided since the inputs last changed.
        earlier: decisions to log, on earlier inputs, that may still be on their way into the CRM.
        is_in_flight: a write of it may be under way, which will not be taken back.
        is_settled: the decision was certainly taken, so nothing is added to `possible`.
        is_parked: the CRM refused it, or was out of reach for too long: nothing happens until a person acts.
        is_given_up: an update of it was out of reach for too long.
        lost_contact: its contact was gone when an update of it was refused, so it may be decided anew by its number.
        by_number: the decisions that may then have been taken since it has news.
        has_news: the CRM does not show what is known, as far as leadline can tell.
        waits_since: when it last became due, having had nothing to wait for before.
        in_crm: the id of its log there, once known.
        may_be_in_crm: a write of it got no answer, and may have taken effect before the decision was taken anew.
        stays_at: the contact at which such a write put it, in a CRM that cannot move it any more.
        is_orphaned: that contact was deleted, so the log has none for ever.
        latest: the log as it last showed.
    """

    id: str
    facts: Facts
    news_time: datetime
    is_manual: bool = False
    chosen: str = ""
    verdict: Verdict | None = None
    contact: str = ""
    is_undecided: bool = True
    possible: set[Verdict] = field(default_factory=set)
    earlier: set[Verdict] = field(default_factory=set)
    is_in_flight: bool = False
    is_settled: bool = False
    is_parked: bool = False
    is_given_up: bool = False
    lost_contact: bool = False
    by_number: set[Verdict] = field(default_factory=set)
    has_news: bool = True
    is_confirmed: bool = False
    waits_since: datetime | None = None
    in_crm: str = ""
    may_be_in_crm: bool = False
    stays_at: str = ""
    is_orphaned: bool = False
    latest: CallLog | None = None

    @property
    def is_logged(self) -> bool:
        return self.latest is not None and self.latest.state == CallLogState.CALL_LOG_STATE_LOGGED

    @property
    def is_waiting(self) -> bool:
        """Whether it waits to be final, or for its result."""
        return self.verdict == WAIT and not self.is_undecided

    def report(self, report: Report, choice: str, now: datetime, *, is_manual: bool, can_move: bool) -> bool:
        """Take a report in; returns whether anything may change by it. Raises Refusal."""
        facts = self.facts.after(report)
        chooses = bool(choice) and choice != self.chosen
        if self.is_logged:
            if chooses and choice != self.contact and not can_move:
                raise Refusal("FAILED_PRECONDITION")
            self._report_logged(facts, choice if chooses else "", now)
        else:
            self._report_unlogged(facts, choice if chooses else "", now, is_manual=is_manual or bool(choice))
        is_told = facts.message(self.id) != self.facts.message(self.id)
        is_news = is_told or facts.user != self.facts.user
        if is_told:
            self.news_time = now
        self.facts = facts
        return is_news or chooses

    def _report_logged(self, facts: Facts, choice: str, now: datetime) -> None:
        """It stays logged. Only another party, or a person, makes it another contact's."""
        if facts.content != self.facts.content:
            self._has_something_new(now)
        if choice:
            self.chosen = choice
            if choice == self.contact and not self.is_undecided:
                self.is_confirmed = True
                self.verdict = Verdict("LOGGED", "CONTACT_CHOSEN", choice, candidates=_shown(self.latest))
                return
            self._reopen(now, is_manual=True)
            self._has_something_new(now)
        elif not self.chosen and _party(facts) != _party(self.facts):
            self._reopen(now, is_manual=False)

    def _has_something_new(self, now: datetime) -> None:
        self.has_news = True
        self.is_parked = False
        self.waits_since = self.waits_since or now

    def _report_unlogged(self, facts: Facts, choice: str, now: datetime, *, is_manual: bool) -> None:
        """A decision is taken anew when one of its inputs changes, and when a person asks for it."""
        self.has_news |= facts.content != self.facts.content
        is_asked = is_manual and not self._is_on_its_way()
        if choice or is_asked or facts.inputs != self.facts.inputs:
            was_wanted = self.is_undecided and self.is_manual
            self.chosen = choice or self.chosen
            self._reopen(now, is_manual=is_manual or was_wanted)

    def _is_on_its_way(self) -> bool:
        """Whether what a person may want, the call in the CRM, is decided or asked for already."""
        if self.latest is None or self.latest.state != CallLogState.CALL_LOG_STATE_PENDING or not self.is_undecided:
            return False
        return self.is_manual or self.latest.HasField("contact")

    def _reopen(self, now: datetime, *, is_manual: bool) -> None:
        """A decision is to be taken anew."""
        if not self.is_logged and self.is_in_flight:
            self.earlier |= {verdict for verdict in self.possible if verdict.is_logged}
        if self.is_waiting:
            self.waits_since = None
        self.is_undecided, self.is_settled, self.is_parked = True, False, False
        self.possible = set()
        self.is_manual = is_manual
        self.waits_since = self.waits_since or now

    def retry(self, now: datetime) -> None:
        """A person asks to try again."""
        if self.is_logged:
            if self.is_undecided or self.has_news:
                self.is_parked, self.waits_since = False, now
            if self.is_undecided:
                self._reopen(now, is_manual=self.is_manual)
            return
        self._reopen(now, is_manual=self.is_manual)
        self.waits_since = now

    def time_passes(self, now: datetime) -> bool:
        """Whether a wait is, or may be, over by now."""
        if not self.is_waiting or now < self.news_time + FINAL_WAIT - CREEP:
            return False
        self.waits_since = self.news_time + FINAL_WAIT
        self.is_undecided, self.is_settled, self.possible = True, False, set()
        if now < self.news_time + FINAL_WAIT + CREEP:
            self.possible.add(WAIT)
        return True

    def consider(self, worlds: Sequence[World], now: datetime, *, can_move: bool) -> None:
        """Adds the decisions that may have been taken in this step, one for each state of the world during it."""
        if self.is_logged and self.has_news and can_move:
            anew = Case(self.facts, True, "", True)
            self.by_number |= {decide(anew, *world) for world in worlds}
        if self.is_undecided and not self.is_settled:
            silences = {now - self.news_time >= FINAL_WAIT + shift for shift in (-CREEP, CREEP)}
            for silence in silences:
                case = Case(self.facts, self.is_manual, self.chosen, silence)
                self.possible |= {self._moved(decide(case, *world), can_move=can_move) for world in worlds}

    def _moved(self, verdict: Verdict, *, can_move: bool) -> Verdict:
        """The effect of a decision on a call; one that is logged already gets at most another contact."""
        if not self.is_logged or self.verdict is None:
            return verdict
        if verdict == CHOICE_IS_GONE:
            return verdict
        is_somebody = verdict.is_logged and bool(verdict.contact)
        stays = verdict.contact == self.contact
        return verdict if is_somebody and (can_move or stays) else self.verdict

    def foreseen(
        self, report: Report, choice: str, world: World, now: datetime, *, is_manual: bool, can_move: bool
    ) -> Verdict:
        """The answer that `validate_only` must give."""
        after = CallModel(**{**self.__dict__, "possible": set(), "earlier": set(), "by_number": set()})
        after.report(report, choice, now, is_manual=is_manual, can_move=can_move)
        if not after.is_undecided and after.verdict is not None:
            return after.verdict
        after.consider([world], now, can_move=can_move)
        [verdict] = after.possible
        return verdict


def verdict_of(log: CallLog) -> Verdict:
    """The decision that a log shows."""
    return Verdict(
        state_of(log),
        reason_of(log),
        log.contact.id,
        candidates=frozenset(match.contact.id for match in log.candidates),
    )


def state_of(log: CallLog) -> str:
    return CallLogState.Name(log.state).removeprefix("CALL_LOG_STATE_")


def reason_of(log: CallLog) -> str:
    return CallLogReason.Name(log.reason).removeprefix("CALL_LOG_REASON_")


def _party(facts: Facts) -> tuple[str, str]:
    return facts.values["direction"], facts.address


def _shown(log: CallLog | None) -> frozenset[str]:
    return frozenset() if log is None else frozenset(match.contact.id for match in log.candidates)
