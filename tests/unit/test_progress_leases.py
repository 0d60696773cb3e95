"""One process at a time delivers a call, and no call is left without one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import find, given
from hypothesis import strategies as st
from leadline_server.domain.call_log import CallLog, is_due
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.leases import LEASE, Lease, acquired, is_leased_by_another, renewed
from unit.logs import (
    ME,
    accepted,
    after,
    by_hand,
    deferred,
    logged,
    refused,
    report,
    reported,
    retried,
    unlogged,
    waiting,
)
from unit.strategies import NOW

OTHER = Lease("other")
SECOND = timedelta(seconds=1)


def test_whoever_accepts_a_call_carries_it() -> None:
    log = accepted()
    assert (log.lease_owner, log.lease_until, log.next_attempt_time) == ("me", NOW + LEASE, NOW + LEASE)


def test_a_report_to_another_process_leaves_a_call_with_its_lease_owner() -> None:
    log = reported(accepted(), by_hand("c2"), lease=OTHER)
    assert (log.lease_owner, log.next_attempt_time) == ("me", NOW + LEASE)
    assert not log.is_decided


def test_a_report_takes_a_call_whose_lease_is_over() -> None:
    log = reported(accepted(), by_hand("c2"), NOW + LEASE, lease=OTHER)
    assert (log.lease_owner, log.lease_until) == ("other", NOW + 2 * LEASE)


def test_a_retry_in_another_process_leaves_a_call_with_its_lease_owner() -> None:
    assert retried(replace(accepted(), lease_owner="other"), after(seconds=1)).lease_owner == "other"


@pytest.mark.parametrize("end", [logged, unlogged, refused, deferred, waiting])
def test_an_outcome_ends_the_lease(end: Callable[..., CallLog]) -> None:
    log = end(accepted())
    assert (log.lease_owner, log.lease_until) == ("", None)


def test_a_call_with_newer_content_stays_with_its_lease_owner_after_the_write() -> None:
    basis = accepted()
    log = logged(reported(basis, report(note="n"), lease=OTHER), basis)
    assert (log.lease_owner, log.update_pending, log.next_attempt_time) == ("me", True, NOW + LEASE)


def test_a_call_is_taken_when_its_lease_is_over_and_not_before() -> None:
    log = accepted()
    assert acquired(log, OTHER, NOW + LEASE - SECOND) is log
    assert acquired(log, OTHER, NOW + LEASE).lease_owner == "other"


def test_a_call_at_rest_is_not_taken() -> None:
    log = logged(accepted())
    assert acquired(log, OTHER, after(days=1)) is log


def test_the_second_to_take_a_call_gets_the_very_same_log() -> None:
    log = acquired(deferred(accepted()), ME, after(minutes=5))
    assert acquired(log, OTHER, after(minutes=5)) is log


def test_only_its_owner_renews_a_lease() -> None:
    log = accepted()
    assert renewed(log, OTHER, NOW + SECOND) is log
    assert renewed(log, ME, NOW + SECOND).lease_until == NOW + SECOND + LEASE


def test_a_lease_is_as_long_as_the_crm_needs_to_settle() -> None:
    lease = Lease("me", LEASE + timedelta(seconds=20))
    log = reported(None, by_hand(direction=1), NOW, lease=lease)
    assert acquired(log, OTHER, NOW + timedelta(seconds=24)) is log


@pytest.mark.parametrize("end", [unlogged, refused, deferred, waiting])
def test_whoever_has_lost_the_lease_cannot_decide_any_more(end: Callable[..., CallLog]) -> None:
    mine = accepted()
    theirs = acquired(mine, OTHER, NOW + LEASE)
    assert end(theirs, mine) is theirs


def test_a_write_of_whoever_has_lost_the_lease_is_a_fact_and_leaves_the_lease_alone() -> None:
    mine = accepted()
    theirs = acquired(mine, OTHER, NOW + LEASE)
    log = logged(theirs, mine)
    assert (log.state, log.crm_log_id) == (CallLogState.LOGGED, "log-1")
    assert (log.lease_owner, log.lease_until) == ("other", theirs.lease_until)


def test_of_two_logs_in_the_crm_the_one_recorded_first_counts() -> None:
    mine = accepted()
    first = replace(logged(acquired(mine, OTHER, NOW + LEASE)), crm_log_id="log-2")
    assert logged(first, mine) is first


class Process:
    """One of two that share a ledger: what it believes it carries, and until when by the ledger's clock."""

    def __init__(self, name: str) -> None:
        self.lease = Lease(name)
        self.basis: CallLog | None = None
        self.until = NOW

    def sees(self, log: CallLog) -> None:
        """The log that the ledger answered with."""
        if log.lease_owner == self.lease.lease_owner and log.lease_until is not None:
            self.basis = self.basis or log
            self.until = log.lease_until
        else:
            self.basis = None

    def is_at_work(self, now: datetime) -> bool:
        return self.basis is not None and self.until > now


OUTCOMES: dict[str, Callable[..., CallLog]] = {
    each.__name__: each for each in (logged, unlogged, refused, deferred, waiting)
}
STEPS = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["report", "choose", "retry", "take", "renew", "nothing", *OUTCOMES]),
    st.integers(0, 7),
)


def history(steps: list[tuple[int, str, int]]) -> list[tuple[CallLog, datetime, int]]:
    """After each step of two processes: the log, the ledger's clock, and how many processes are at work."""
    processes, now = (Process("me"), Process("other")), NOW
    log = accepted()
    processes[0].sees(log)
    seen = []
    for index, (who, what, seconds) in enumerate(steps):
        process, now = processes[who], now + timedelta(seconds=seconds)
        log = _stepped(log, process, what, now, index)
        process.sees(log)
        seen.append((log, now, sum(each.is_at_work(now) for each in processes)))
    return seen


def _stepped(log: CallLog, process: Process, what: str, now: datetime, index: int) -> CallLog:
    if what in ("report", "choose"):
        news = report(note=f"n{index}") if what == "report" else by_hand(f"c{index}")
        return reported(log, news, now, lease=process.lease)
    if what == "retry":
        return retried(log, now) if process.lease == ME else log
    if what == "take":
        return acquired(log, process.lease, now)
    if what == "renew":
        return renewed(log, process.lease, now)
    if what in OUTCOMES and process.basis is not None:
        basis, process.basis = process.basis, None
        return OUTCOMES[what](log, basis)
    return log


@given(steps=st.lists(STEPS, max_size=20))
def test_two_processes_never_carry_one_call_at_once(steps: list[tuple[int, str, int]]) -> None:
    for _, _, at_work in history(steps):
        assert at_work <= 1


@given(steps=st.lists(STEPS, max_size=20))
def test_a_call_that_is_to_be_delivered_is_always_due_at_the_end_of_its_lease_or_before(
    steps: list[tuple[int, str, int]],
) -> None:
    for log, _, _ in history(steps):
        is_given_up = log.state is CallLogState.FAILED or (log.state is CallLogState.LOGGED and log.last_error)
        is_open = log.state is CallLogState.PENDING or not log.is_decided or log.update_pending
        assert log.next_attempt_time is not None or is_given_up or not is_open
        assert bool(log.lease_owner) == (log.lease_until is not None)
        assert not log.lease_owner or log.lease_until == log.next_attempt_time


def test_the_histories_change_hands() -> None:
    # The properties above would hold of histories in which nothing happens.
    assert find(
        st.lists(STEPS, max_size=20),
        lambda steps: any(log.lease_owner == "other" and is_due(log) for log, _, _ in history(steps)),
    )


def test_nobody_is_another_to_a_call_that_nobody_carries() -> None:
    assert not is_leased_by_another(deferred(accepted()), "me", after(seconds=3))
