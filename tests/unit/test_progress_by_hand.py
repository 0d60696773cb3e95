"""How a person's wishes and choices change a call log."""

from collections.abc import Callable

import pytest
from leadline_server.domain.call import CallResult
from leadline_server.domain.call_log import CallLog, is_due
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.errors import CallLogNotMovable
from leadline_server.domain.leases import LEASE
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
    unlogged,
    waiting,
)

AUTOMATIC, MANUAL = LogTrigger.AUTOMATIC, LogTrigger.MANUAL


def in_state(record: Callable[..., CallLog]) -> CallLog:
    """A log on which `record` was the latest to happen."""
    return accepted() if record is accepted else record(accepted())


def test_a_persons_wish_is_not_forgotten_by_an_automatic_report() -> None:
    log = reported(unlogged(accepted()), by_hand())
    assert reported(log, report(result=CallResult.BUSY)).trigger is MANUAL


def test_a_persons_wish_ends_with_its_answer() -> None:
    log = unlogged(reported(unlogged(accepted()), by_hand()))
    assert reported(log, report(result=CallResult.BUSY)).trigger is AUTOMATIC


def test_an_unlogged_call_that_a_person_asks_for_again_stays_until_that_is_answered() -> None:
    log = unlogged(accepted())
    asked = reported(log, by_hand())
    assert is_due(asked)
    assert (asked.state, asked.shown_state) == (CallLogState.UNLOGGED, CallLogState.PENDING)
    assert unlogged(asked).revision == log.revision


@pytest.mark.parametrize("record", [waiting, refused])
def test_a_person_asks_for_a_call_that_waits_or_failed(record: Callable[..., CallLog]) -> None:
    asked = reported(record(accepted()), by_hand())
    assert (asked.state, asked.trigger, asked.is_decided) == (CallLogState.PENDING, MANUAL, False)
    assert is_due(asked)


def test_a_person_who_asks_twice_is_answered_once() -> None:
    asked = reported(accepted(), by_hand())
    again = reported(asked, by_hand(), after(seconds=9))
    assert (again.revision, again.input_revision) == (asked.revision, asked.input_revision)
    assert unlogged(again, asked).state is CallLogState.UNLOGGED


def test_a_decision_to_log_stands_when_a_person_asks_for_the_call() -> None:
    decided = decision(reason=CallLogReason.MATCH_RESOLVED)
    log = deferred(accepted(), stands=decided)
    asked = reported(log, by_hand(), after(seconds=9))
    assert (asked.decision, asked.input_revision) == (decided, log.input_revision)
    assert asked.next_attempt_time == after(seconds=9) + LEASE


def test_asking_for_a_logged_call_changes_nothing() -> None:
    log = logged(accepted())
    assert reported(log, by_hand()) is log


@pytest.mark.parametrize("record", [accepted, unlogged, waiting, deferred, refused])
def test_a_choice_is_due_whatever_was_before(record: Callable[..., CallLog]) -> None:
    chosen = reported(in_state(record), by_hand("c2"))
    assert (chosen.shown_state, chosen.chosen_contact_id, chosen.trigger) == (CallLogState.PENDING, "c2", MANUAL)
    assert is_due(chosen)


def test_a_choice_drops_the_decision_that_stood() -> None:
    log = deferred(accepted(), stands=decision(ANN))
    assert reported(log, by_hand("c2")).decision is None


def test_a_choice_moves_a_logged_call_where_the_crm_can() -> None:
    moving = reported(logged(accepted()), by_hand("c2"), can_move=True)
    assert (moving.state, moving.contact, moving.update_pending) == (CallLogState.LOGGED, ANN, True)
    moved = logged(moving, contact=BO, reason=CallLogReason.CONTACT_CHOSEN)
    assert (moved.contact, moved.reason, is_due(moved)) == (BO, CallLogReason.CONTACT_CHOSEN, False)


def test_a_choice_is_refused_where_the_crm_cannot_move_a_log() -> None:
    with pytest.raises(CallLogNotMovable):
        reported(logged(accepted()), by_hand("c2"), can_move=False)


def test_confirming_the_contact_of_a_logged_call_moves_nothing() -> None:
    confirmed = reported(logged(accepted()), by_hand("c1"), can_move=False)
    assert (confirmed.reason, confirmed.chosen_contact_id) == (CallLogReason.CONTACT_CHOSEN, "c1")
    assert not is_due(confirmed)


def test_a_contact_that_was_confirmed_during_an_update_stays_confirmed() -> None:
    updating = reported(logged(accepted()), report(note="n"))
    assert logged(reported(updating, by_hand("c1")), updating).reason is CallLogReason.CONTACT_CHOSEN


def test_the_latest_choice_wins_over_a_move_that_waits_for_the_crm() -> None:
    moving = reported(logged(accepted()), by_hand("c2"))
    stuck = deferred(moving, stands=decision(BO, CallLogReason.CONTACT_CHOSEN))
    for latest in ("c3", "c1"):
        rechosen = reported(stuck, by_hand(latest))
        assert (rechosen.decision, rechosen.chosen_contact_id, is_due(rechosen)) == (None, latest, True)
        assert not rechosen.is_decided


def test_going_back_on_a_choice_undoes_a_move_that_was_under_way() -> None:
    moving = reported(logged(accepted()), by_hand("c2"))
    landed = logged(reported(moving, by_hand("c1")), moving, contact=BO)
    assert (landed.contact, landed.chosen_contact_id, is_due(landed)) == (BO, "c1", True)


def test_an_automatic_report_never_moves_a_chosen_contact() -> None:
    log = logged(accepted(contact_id="c1"), reason=CallLogReason.CONTACT_CHOSEN)
    changed = reported(log, report(caller__phone_number="+14155550199", result=CallResult.BUSY))
    assert (changed.is_decided, changed.chosen_contact_id, changed.update_pending) == (True, "c1", True)


def test_a_logged_call_whose_other_party_turns_out_another_is_decided_anew() -> None:
    changed = reported(logged(accepted()), report(caller__phone_number="+14155550199"))
    assert (changed.state, changed.is_decided, changed.trigger) == (CallLogState.LOGGED, False, AUTOMATIC)
