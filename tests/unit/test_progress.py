"""How reports, choices and retries change a call log."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from leadline_server.domain.call import Attestation, CallDirection, CallResult
from leadline_server.domain.call_log import FINAL_WAIT, CallLog, is_due
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.errors import InvalidRequest
from leadline_server.domain.leases import LEASE
from leadline_server.domain.limits import MOST_CALL_ENTRIES
from leadline_server.domain.merge import CallEvent
from unit.logs import (
    ANSWERED_BY_ALICE,
    accepted,
    after,
    by_hand,
    deferred,
    first_report,
    logged,
    refused,
    report,
    reported,
    retried,
    unlogged,
    waiting,
)
from unit.strategies import ALICE, BOB, NOW, NUMBER

AUTOMATIC, MANUAL = LogTrigger.AUTOMATIC, LogTrigger.MANUAL
NO_ANSWER = {"l1": {"user_id": ALICE, "result": CallResult.NO_ANSWER}}
ANSWERED_BY_BOB = {"l2": {"user_id": BOB, "result": CallResult.ANSWERED}}
EVERYWHERE = pytest.mark.parametrize("record", [accepted, unlogged, waiting, deferred, refused, logged])


def in_state(record: Callable[..., CallLog]) -> CallLog:
    """A log on which `record` was the latest to happen."""
    return accepted() if record is accepted else record(accepted())


# New, identical and changed reports


def test_a_first_report_makes_a_pending_log_that_is_due() -> None:
    log = accepted()
    assert (log.state, log.reason, log.revision, log.user_id) == (CallLogState.PENDING, None, 1, ALICE)
    assert log.number.key == NUMBER
    assert log.next_attempt_time == NOW + LEASE
    assert is_due(log)


def test_a_first_report_names_the_direction() -> None:
    with pytest.raises(InvalidRequest):
        reported(None, report(caller__phone_number=NUMBER))


@EVERYWHERE
def test_an_identical_report_returns_the_very_same_log(record: Callable[..., CallLog]) -> None:
    log = in_state(record)
    assert reported(log, first_report(), after(hours=1)) is log


@EVERYWHERE
def test_news_grow_the_revision_by_one(record: Callable[..., CallLog]) -> None:
    log = in_state(record)
    changed = reported(log, report(note="They called back."), after(hours=1))
    assert (changed.revision, changed.update_time) == (log.revision + 1, after(hours=1))
    assert (changed.last_news_time, changed.create_time) == (after(hours=1), NOW)


@pytest.mark.parametrize(
    "news",
    [
        report(caller__phone_number="+14155550199"),
        report(caller__name="Ann Archer"),
        report(callee__extension="101"),
        report(direction=CallDirection.OUTBOUND),
        report(result=CallResult.BUSY),
        report(is_final=True),
        report(attestation=Attestation.FAILED),
    ],
    ids=["number", "name", "callee", "direction", "result", "is_final", "attestation"],
)
@pytest.mark.parametrize("record", [unlogged, waiting, deferred, refused])
def test_an_input_of_the_decision_that_changes_asks_for_a_new_one(
    record: Callable[..., CallLog], news: CallReport
) -> None:
    log = in_state(record)
    changed = reported(log, news)
    assert (changed.state, changed.is_decided, changed.decision) == (CallLogState.PENDING, False, None)
    assert is_due(changed)


@pytest.mark.parametrize("record", [unlogged, waiting, refused])
def test_other_news_leave_the_decision_decision(record: Callable[..., CallLog]) -> None:
    log = in_state(record)
    changed = reported(log, report(note="n", disposition="d", recording_url="https://pbx/1"))
    assert (changed.state, changed.reason, changed.input_revision) == (log.state, log.reason, log.input_revision)
    assert not is_due(changed)


def test_a_call_that_is_decided_anew_no_longer_says_what_was_decided_before() -> None:
    changed = reported(unlogged(accepted(), reason=CallLogReason.NUMBER_WITHHELD), report(is_final=True))
    assert (changed.state, changed.reason, changed.explanation) == (
        CallLogState.PENDING,
        None,
        "Accepted; on its way to the CRM.",
    )


def test_news_of_a_logged_call_are_an_update_on_its_way() -> None:
    changed = reported(logged(accepted()), report(note="n"))
    assert (changed.state, changed.update_pending) == (CallLogState.LOGGED, True)
    assert is_due(changed)


@pytest.mark.parametrize("news", [report(is_final=True), report()])
def test_a_logged_call_is_not_written_again_for_nothing_that_the_crm_shows(news: CallReport) -> None:
    assert not is_due(reported(logged(accepted()), news))


@pytest.mark.parametrize("name", ["call.legs", "call.attributes"])
def test_a_call_that_would_grow_beyond_its_bounds_is_refused(name: str) -> None:
    def more(count: int) -> CallReport:
        keys = [f"{number}" for number in range(count)]
        event = CallEvent(call_id="call-1", legs={key: {} for key in keys})
        if name == "call.attributes":
            event = CallEvent(call_id="call-1", attributes=dict.fromkeys(keys, "value"))
        return report(event=event)

    log = reported(accepted(), more(MOST_CALL_ENTRIES))
    with pytest.raises(InvalidRequest) as refusal:
        reported(log, more(MOST_CALL_ENTRIES + 1))
    assert [violation.field for violation in refusal.value.violations] == [name]


# Whose log it is


def test_the_first_reporter_keeps_the_log() -> None:
    log = reported(accepted(), report(BOB, legs={"l2": {"user_id": BOB, "result": CallResult.NO_ANSWER}}))
    assert log.user_id == ALICE


@pytest.mark.parametrize("record", [accepted, unlogged, logged])
def test_a_reporter_whose_leg_was_answered_takes_the_log_over(record: Callable[..., CallLog]) -> None:
    log = accepted(legs=NO_ANSWER)
    changed = reported(log if record is accepted else record(log), report(BOB, legs=ANSWERED_BY_BOB))
    assert changed.user_id == BOB
    assert is_due(changed)


def test_a_report_without_legs_speaks_of_the_reporters_own() -> None:
    assert reported(accepted(), report(BOB, result=CallResult.ANSWERED)).user_id == BOB
    assert reported(accepted(), report(BOB, result=CallResult.BUSY)).user_id == ALICE


def test_an_answered_call_of_others_legs_is_not_the_reporters() -> None:
    legs = {"l3": {"user_id": "carol", "result": CallResult.ANSWERED}}
    assert reported(accepted(), report(BOB, legs=legs, result=CallResult.ANSWERED)).user_id == ALICE


@pytest.mark.parametrize(
    "reports",
    [
        [first_report(legs=ANSWERED_BY_ALICE), report(BOB, legs=ANSWERED_BY_BOB)],
        [first_report(), report(legs=ANSWERED_BY_ALICE), report(BOB, legs=ANSWERED_BY_BOB)],
        [first_report(), report(BOB, legs={**ANSWERED_BY_ALICE, **ANSWERED_BY_BOB})],
        [first_report(result=CallResult.ANSWERED), report(BOB, result=CallResult.ANSWERED)],
    ],
    ids=["at first", "meanwhile", "told by the other", "without legs"],
)
def test_nobody_takes_a_log_over_from_one_whose_leg_was_answered(reports: list[CallReport]) -> None:
    log: CallLog | None = None
    for each in reports:
        log = reported(log, each)
    assert log is not None
    assert log.user_id == ALICE


# Waiting to be final


def test_a_call_that_waits_is_not_due_at_once() -> None:
    log = waiting(accepted())
    assert (log.state, log.reason) == (CallLogState.PENDING, CallLogReason.NOT_FINAL)
    assert log.next_attempt_time == NOW + FINAL_WAIT
    assert not is_due(log)


def test_news_renew_the_four_hours() -> None:
    log = reported(waiting(accepted()), report(note="n"), after(hours=3))
    assert log.next_attempt_time == after(hours=7)
    assert log.pending_since == after(hours=7)
    assert not is_due(log)


def test_a_repeated_report_is_no_news() -> None:
    log = reported(waiting(accepted()), first_report(), after(hours=3))
    assert log.next_attempt_time == after(hours=4)


def test_news_do_not_put_off_a_decision_that_is_due() -> None:
    ended = reported(waiting(accepted()), report(is_final=True), after(minutes=1))
    noted = reported(ended, report(note="n"), after(minutes=1))
    assert noted.next_attempt_time == after(minutes=1) + LEASE
    assert is_due(noted)


# Retrying


@pytest.mark.parametrize("record", [unlogged, waiting, refused, deferred])
def test_a_retry_asks_for_a_new_decision(record: Callable[..., CallLog]) -> None:
    log = retried(record(accepted()), after(days=1))
    assert (log.is_decided, log.decision, log.pending_since) == (False, None, after(days=1))
    assert is_due(log)


def test_a_retry_of_a_failed_call_is_pending_and_no_longer_says_that_it_failed() -> None:
    log = retried(refused(accepted()), after(days=1))
    assert (log.state, log.reason) == (CallLogState.PENDING, None)


def test_there_is_nothing_to_retry_of_a_call_that_the_crm_shows() -> None:
    log = logged(accepted())
    assert retried(log, after(days=1)) is log


def test_a_refused_update_of_a_logged_call_can_be_retried() -> None:
    log = refused(reported(logged(accepted()), report(note="n")))
    assert (log.state, log.next_attempt_time) == (CallLogState.LOGGED, None)
    again = retried(log, after(days=1))
    assert (again.state, is_due(again)) == (CallLogState.LOGGED, True)


def test_a_choice_that_the_crm_refused_for_a_logged_call_can_be_retried() -> None:
    first = accepted()
    log = refused(logged(reported(first, by_hand("c9")), first))
    assert (log.state, log.is_decided, log.next_attempt_time) == (CallLogState.LOGGED, False, None)
    assert is_due(retried(log, after(days=1)))


def test_a_retry_gives_the_crm_another_seven_days() -> None:
    log = retried(deferred(accepted(), now=after(days=8)), after(days=8))
    assert deferred(log, now=after(days=8) + timedelta(days=7)).state is CallLogState.PENDING
