"""The outcome of a delivery is recorded, unless newer inputs ask for another delivery."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from leadline_server.domain import outcomes
from leadline_server.domain.call import CallResult
from leadline_server.domain.call_log import CallLog, is_due
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.call_report import CallReport
from unit.logs import (
    ANN,
    BO,
    ERROR,
    SOON,
    accepted,
    after,
    by_hand,
    decision,
    deferred,
    logged,
    refused,
    report,
    reported,
    unlogged,
    waiting,
)

SEVEN_DAYS = timedelta(days=7)
BUSY = report(result=CallResult.BUSY)

# Logged


def test_a_logged_call_says_where_and_why_and_rests() -> None:
    log = logged(accepted())
    assert (log.state, log.reason, log.contact) == (CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED, ANN)
    assert (log.crm_log_id, log.crm_log_url, log.explanation) == ("log-1", "https://crm/1", "It is Ann.")
    assert (log.update_pending, log.next_attempt_time, log.decision) == (False, None, None)
    assert not is_due(log)


def test_success_ends_the_count_of_attempts() -> None:
    log = logged(deferred(deferred(accepted())))
    assert (log.attempts, log.last_error) == (0, "")


def test_news_that_came_during_the_write_are_an_update_on_its_way() -> None:
    basis = accepted()
    log = logged(reported(basis, report(note="n")), basis)
    assert (log.state, log.update_pending, log.is_decided) == (CallLogState.LOGGED, True, True)
    assert (log.lease_owner, log.next_attempt_time) == ("me", log.lease_until)


def test_the_end_of_an_update_is_a_change_that_clients_see() -> None:
    updating = reported(logged(accepted()), report(note="n"))
    log = logged(updating)
    assert (log.update_pending, log.revision) == (False, updating.revision + 1)


def test_a_choice_that_came_during_the_write_is_decided_next() -> None:
    basis = accepted()
    log = logged(reported(basis, by_hand("c2")), basis)
    assert (log.state, log.contact, log.is_decided) == (CallLogState.LOGGED, ANN, False)
    assert is_due(log)


# Unlogged


def test_an_unlogged_call_says_why_and_rests() -> None:
    log = unlogged(deferred(accepted()))
    assert (log.state, log.reason, log.contact) == (CallLogState.UNLOGGED, CallLogReason.NO_CONTACT, None)
    assert (log.next_attempt_time, log.attempts, log.last_error) == (None, 0, "")
    assert not is_due(log)


@pytest.mark.parametrize("outcome", [unlogged, waiting])
def test_a_decision_whose_contact_is_gone_does_not_stand_beside_the_new_outcome(
    outcome: Callable[[CallLog], CallLog],
) -> None:
    log = outcome(deferred(accepted(), stands=decision(ANN)))
    assert (log.decision, log.contact, log.shown_contact) == (None, None, None)


def test_a_decision_against_logging_leaves_a_logged_call_logged() -> None:
    log = reported(logged(accepted()), report(caller__phone_number="+14155550199"))
    after_decision = unlogged(log)
    assert (after_decision.state, after_decision.contact) == (CallLogState.LOGGED, ANN)
    assert (after_decision.is_decided, after_decision.update_pending, is_due(after_decision)) == (True, True, True)
    assert not is_due(logged(after_decision))


def test_a_decision_against_moving_ends_the_attempts_to_move() -> None:
    first = accepted()
    log = unlogged(deferred(logged(reported(first, by_hand("c2")), first)))
    assert (log.state, log.attempts, log.last_error, log.next_attempt_time) == (CallLogState.LOGGED, 0, "", None)


# Waiting


def test_a_call_that_waits_forgets_the_errors_and_candidates_of_before() -> None:
    log = waiting(reported(deferred(accepted()), BUSY))
    assert (log.attempts, log.last_error, log.candidates) == (0, "", ())


def test_the_seven_days_of_delivery_begin_after_the_wait() -> None:
    late = after(hours=4) + SEVEN_DAYS
    assert deferred(waiting(accepted()), now=late).state is CallLogState.PENDING
    assert deferred(waiting(accepted()), now=late + timedelta(seconds=1)).state is CallLogState.FAILED


# Deferred


def test_a_deferred_call_is_tried_again_after_the_delay() -> None:
    log = deferred(accepted())
    assert (log.state, log.reason) == (CallLogState.PENDING, CallLogReason.CRM_UNAVAILABLE)
    assert (log.attempts, log.last_error) == (1, ERROR)
    assert log.next_attempt_time == after(seconds=2) + SOON
    assert is_due(log)


def test_a_decision_that_waits_for_the_crm_stands() -> None:
    assert deferred(accepted(), stands=decision(ANN)).decision == decision(ANN)


def test_a_decision_on_outdated_inputs_does_not_stand() -> None:
    basis = accepted()
    assert deferred(reported(basis, BUSY), basis, decision(ANN)).decision is None


def test_a_deferred_update_leaves_a_logged_call_logged() -> None:
    log = deferred(reported(logged(accepted()), report(note="n")))
    assert (log.state, log.reason, log.update_pending) == (CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED, True)
    assert (log.attempts, log.last_error) == (1, ERROR)
    assert is_due(log)


def test_after_seven_days_a_call_fails() -> None:
    limit = after(seconds=0) + SEVEN_DAYS
    assert deferred(accepted(), now=limit).state is CallLogState.PENDING
    log = deferred(accepted(), now=limit + timedelta(seconds=1))
    assert (log.state, log.reason) == (CallLogState.FAILED, CallLogReason.CRM_UNAVAILABLE)
    assert (log.next_attempt_time, log.last_error) == (None, ERROR)
    assert not is_due(log)


@pytest.mark.parametrize("delay", [timedelta(days=8), timedelta(days=365 * 3_000), timedelta.max])
def test_no_delay_leads_beyond_the_seven_days_of_a_delivery(delay: timedelta) -> None:
    log = accepted()
    end = after(seconds=0) + SEVEN_DAYS
    now = after(days=2)
    assert outcomes.deferred(log, log, None, ERROR, delay, now).next_attempt_time == end
    assert outcomes.postponed(log, log, None, ERROR, delay, now).next_attempt_time == end


def test_after_seven_days_an_update_is_given_up_and_the_call_stays_logged() -> None:
    log = deferred(reported(logged(accepted()), report(note="n")), now=after(days=8))
    assert (log.state, log.update_pending, log.next_attempt_time) == (CallLogState.LOGGED, True, None)
    assert not is_due(log)


UNANSWERED = timedelta(seconds=30)


def test_an_update_without_an_answer_is_tried_for_seven_days_more_whatever_fails_next() -> None:
    basis = reported(logged(accepted()), report(note="n"))
    now, end = after(days=8), basis.pending_since + timedelta(days=14)
    log = outcomes.deferred(basis, basis, None, ERROR, SOON, now, settle_time=UNANSWERED)
    assert (log.next_attempt_time, log.unsettled_until) == (now + SOON, now + UNANSWERED)
    for failed in (outcomes.deferred, outcomes.postponed):
        assert is_due(failed(log, log, None, ERROR, timedelta(days=30), now + SOON))
        assert failed(log, log, None, ERROR, timedelta.max, now + SOON).next_attempt_time == end
        assert not is_due(failed(log, log, None, ERROR, SOON, end + SOON))


def test_a_new_call_without_an_answer_fails_after_seven_days() -> None:
    log = accepted()
    log = outcomes.deferred(log, log, None, ERROR, SOON, after(days=8), settle_time=UNANSWERED)
    assert (log.state, log.next_attempt_time) == (CallLogState.FAILED, None)


def test_an_update_that_the_crm_took_begins_seven_days_again() -> None:
    basis = reported(logged(accepted()), report(note="n"))
    unanswered = outcomes.deferred(basis, basis, None, ERROR, SOON, after(days=8), settle_time=UNANSWERED)
    log = reported(logged(unanswered), report(note="m"), after(days=9))
    assert is_due(deferred(log, now=after(days=16)))
    assert not is_due(deferred(log, now=after(days=16) + SOON))


def test_news_of_a_call_at_rest_begin_seven_days_of_their_own() -> None:
    log = reported(logged(accepted()), report(note="n"), after(days=30))
    assert deferred(log, now=after(days=37) - SOON).next_attempt_time == after(days=37)


# Refused


def test_a_refused_call_fails() -> None:
    log = refused(accepted())
    assert (log.state, log.reason, log.last_error) == (CallLogState.FAILED, CallLogReason.CRM_REJECTED, "It is full.")
    assert (log.attempts, log.next_attempt_time) == (1, None)
    assert not is_due(log)


def test_a_refused_update_leaves_a_logged_call_logged() -> None:
    log = refused(reported(logged(accepted()), report(note="n")))
    assert (log.state, log.reason, log.last_error) == (
        CallLogState.LOGGED,
        CallLogReason.CONTACT_MATCHED,
        "It is full.",
    )
    assert not is_due(log)


# Newer inputs


@pytest.mark.parametrize("outcome", [unlogged, waiting, refused])
@pytest.mark.parametrize("news", [BUSY, by_hand("c2"), by_hand()], ids=["result", "choice", "by hand"])
def test_an_outcome_for_outdated_inputs_does_not_overwrite_newer_ones(
    outcome: Callable[[CallLog, CallLog], CallLog], news: CallReport
) -> None:
    basis = accepted()
    newer = reported(basis, news)
    assert outcome(newer, basis) is newer
    assert is_due(newer)


def test_a_refusal_of_outdated_content_does_not_stop_the_newer_one() -> None:
    basis = accepted()
    newer = reported(basis, report(note="shorter"))
    assert refused(newer, basis) is newer


def test_a_wait_that_was_decided_before_the_call_was_logged_does_not_unlog_it() -> None:
    basis = accepted()
    log = logged(basis)
    assert waiting(log, basis) is log


def test_a_decision_for_another_contact_moves_a_logged_call() -> None:
    log = logged(reported(logged(accepted()), report(caller__phone_number="+14155550199")), contact=BO)
    assert (log.contact, log.explanation, is_due(log)) == (BO, "It is Bo.", False)


def test_a_client_that_sees_whom_a_pending_call_is_for_sees_a_new_revision_when_that_changes() -> None:
    deferred_once = deferred(accepted(), stands=decision(BO))
    assert deferred_once.shown_contact == BO
    changed = reported(deferred_once, report(caller__phone_number="+12025550148"))
    assert changed.shown_contact is None
    assert changed.revision == deferred_once.revision + 1
