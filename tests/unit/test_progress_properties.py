"""Properties of a call log that every sequence of reports, choices, retries and outcomes keeps, however late."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import find, given
from hypothesis import strategies as st
from leadline_server.domain.call_log import CallLog, is_due
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.errors import CallLogNotMovable
from unit.logs import (
    ANN,
    BO,
    accepted,
    after,
    by_hand,
    decision,
    deferred,
    logged,
    refused,
    report,
    reported,
    retried,
    unlogged,
    waiting,
)
from unit.strategies import ALICE, BOB, events

Step = Callable[[CallLog, CallLog], CallLog]
"""The log after something happened to it; the second argument is what the delivery that ended had begun with."""


def automatic_reports() -> st.SearchStrategy[CallReport]:
    """Any report of the phone system."""
    return st.builds(lambda event, user: report(user, event=event), events(), st.sampled_from([ALICE, BOB]))


def reports() -> st.SearchStrategy[CallReport]:
    """Any report, of any user; some of them with a choice."""
    return automatic_reports() | st.builds(by_hand, st.sampled_from(["", "c1", "c2", "c3"]))


def hearing(news: CallReport, *, can_move: bool) -> Step:
    """A report; one that is refused changes nothing."""

    def step(log: CallLog, _: CallLog) -> CallLog:
        try:
            return reported(log, news, can_move=can_move)
        except CallLogNotMovable:
            return log

    return step


def retrying(log: CallLog, _: CallLog) -> CallLog:
    return retried(log, after(minutes=1))


def deferring(log: CallLog, basis: CallLog, *, days: int, stands: bool) -> CallLog:
    return deferred(log, basis, decision(BO) if stands else None, after(days=days))


OUTCOMES: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from([partial(logged, contact=ANN), partial(logged, contact=BO), unlogged, waiting, refused]),
    st.builds(lambda days, stands: partial(deferring, days=days, stands=stands), st.integers(0, 9), st.booleans()),
)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda news, can_move: hearing(news, can_move=can_move), reports(), st.booleans()),
    st.just(retrying),
    OUTCOMES,
)


@st.composite
def histories(draw: st.DrawFn) -> list[CallLog]:
    """A log after each of some steps. Every delivery began with one of the logs before it, not always the latest."""
    logs = [accepted()]
    for step in draw(st.lists(STEPS, max_size=8)):
        basis = logs[-1 - draw(st.integers(0, min(2, len(logs) - 1)))]
        logs.append(step(logs[-1], basis))
    return logs


def visible(log: CallLog) -> tuple[object, ...]:
    """The parts of a log that clients see, without the times of the next attempt and of the change itself."""
    delivery = log.crm_log_id, log.crm_log_url, log.update_pending, log.attempts, log.last_error
    verdict = log.state, log.reason, log.explanation, log.shown_contact, log.candidates
    return log.user_id, log.call, *verdict, *delivery


@given(logs=histories())
def test_what_is_logged_is_never_anything_else_again(logs: list[CallLog]) -> None:
    states = [log.state for log in logs]
    if CallLogState.LOGGED in states:
        assert set(states[states.index(CallLogState.LOGGED) :]) == {CallLogState.LOGGED}


@given(logs=histories())
def test_the_revision_grows_exactly_when_a_client_can_see_a_change(logs: list[CallLog]) -> None:
    for before, now in pairwise(logs):
        is_changed = visible(before) != visible(now)
        assert now.revision == before.revision + is_changed
        assert is_changed or now.update_time == before.update_time


@given(logs=histories())
def test_no_call_that_is_to_be_decided_or_delivered_is_forgotten(logs: list[CallLog]) -> None:
    for log in logs:
        is_given_up = log.state is CallLogState.FAILED or (log.state is CallLogState.LOGGED and log.last_error)
        is_done = log.is_decided and not log.update_pending and log.state is not CallLogState.PENDING
        assert log.next_attempt_time is not None or is_given_up or is_done


@given(logs=histories())
def test_only_a_logged_call_has_a_contact_and_a_log_in_the_crm(logs: list[CallLog]) -> None:
    for log in logs:
        is_logged = log.state is CallLogState.LOGGED
        assert ((log.contact is not None), bool(log.crm_log_id)) == (is_logged, is_logged)


@given(logs=histories(), news=automatic_reports())
def test_nothing_but_a_person_changes_a_choice(logs: list[CallLog], news: CallReport) -> None:
    log = logs[-1]
    changed = reported(log, news)
    assert changed.chosen_contact_id == log.chosen_contact_id
    if log.state is CallLogState.LOGGED and log.chosen_contact_id:
        assert changed.input_revision == log.input_revision
        assert changed.contact == log.contact


@given(logs=histories(), news=automatic_reports())
def test_a_persons_wish_is_kept_until_it_is_answered(logs: list[CallLog], news: CallReport) -> None:
    log = logs[-1]
    if log.trigger is LogTrigger.MANUAL and not log.is_decided and log.state is not CallLogState.LOGGED:
        assert reported(log, news).trigger is LogTrigger.MANUAL


@given(logs=histories(), news=reports())
def test_a_report_that_comes_twice_is_seen_once(logs: list[CallLog], news: CallReport) -> None:
    try:
        once = reported(logs[-1], news)
    except CallLogNotMovable:
        return
    twice = reported(once, news)
    assert twice.revision == once.revision
    assert twice is once or news.trigger is LogTrigger.MANUAL


@given(logs=histories(), outcome=OUTCOMES, choice=st.sampled_from(["c7", "c8"]))
def test_no_outcome_of_a_delivery_that_began_before_a_choice_answers_it(
    logs: list[CallLog], outcome: Step, choice: str
) -> None:
    basis = logs[-1]
    chosen = reported(basis, by_hand(choice))
    log = outcome(chosen, basis)
    assert log.chosen_contact_id == choice
    assert not log.is_decided
    assert log.decision is None


@given(logs=histories())
def test_after_a_decision_to_wait_nothing_is_due_at_once(logs: list[CallLog]) -> None:
    log = waiting(logs[-1])
    if log.state is not CallLogState.LOGGED:
        assert log.reason is CallLogReason.NOT_FINAL
        assert not is_due(log)
        assert log.next_attempt_time == log.last_news_time + timedelta(hours=4)


@given(logs=histories(), outcome=st.sampled_from([unlogged, refused, logged]))
def test_after_an_outcome_for_what_is_known_now_nothing_is_due(
    logs: list[CallLog], outcome: Callable[[CallLog], CallLog]
) -> None:
    log = outcome(logs[-1])
    # A decision that leaves a logged call alone may leave an update of it to be written.
    assert not is_due(log) or (outcome is unlogged and log.update_pending)


@pytest.mark.parametrize("state", CallLogState)
def test_the_histories_reach_every_state(state: CallLogState) -> None:
    # The properties above would hold of histories in which nothing happens.
    assert find(histories(), lambda logs: logs[-1].state is state)
