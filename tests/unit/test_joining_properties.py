"""Whatever the order in which the reports of linked calls arrive, the same call comes of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.call import Call, CallDirection, CallResult
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.call_results import best_result
from leadline_server.domain.joining import CallJoining, joined_with
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.progress import reported
from unit.logs import ME
from unit.strategies import NOW, NUMBER

LINKED = "17.1"


def arrived(reports: Sequence[CallReport]) -> list[CallLog]:
    """The logs after the reports, as a ledger keeps them. None of them is delivered."""
    joining = CallJoining(own_numbers=frozenset(), now=NOW, rules="US", can_move=True, lease=ME)
    logs = dict[str, CallLog]()
    found = dict[str, str]()
    for report in reports:
        call_id = report.event.call_id
        before = logs.get(found.get(call_id, call_id))
        log = reported(before, report, NOW, rules="US", can_move=True, lease=ME)
        idle = [released(other) for other in logs.values() if other.call_id != log.call_id]
        before = None if before is None else released(before)
        _, log, gone = joined_with(joining, before, log, idle)
        for other in gone:
            del logs[other.call_id]
            found = {name: log.call_id if to == other.call_id else to for name, to in found.items()}
            found[other.call_id] = log.call_id
        found[call_id] = log.call_id
        logs[log.call_id] = log
    return list(logs.values())


def released(log: CallLog) -> CallLog:
    """The log without its lease: no process delivers it."""
    return replace(log, lease_owner="", lease_until=None)


def report(leg: int, seconds: int, *, is_final: bool, **fields: Any) -> CallReport:
    event = CallEvent(
        call_id=f"17.{leg}",
        fields={
            "direction": CallDirection.INBOUND,
            "caller.phone_number": NUMBER,
            "linked_id": LINKED,
            "callee.user_id": f"user-{leg}",
            "start_time": NOW + timedelta(seconds=leg),
            **fields,
        },
        event_time=NOW + timedelta(seconds=10 * seconds + leg),
        is_final=is_final,
    )
    return CallReport(account_id="acme", user_id=f"user-{leg}", event=event)


@st.composite
def conversations(draw: st.DrawFn, min_legs: int = 1) -> list[CallReport]:
    """The reports of up to five legs: each rings, and most of them end."""
    reports = list[CallReport]()
    for leg in draw(st.lists(st.integers(1, 5), min_size=min_legs, max_size=5, unique=True)):
        reports.append(report(leg, 1, is_final=False))
        if draw(st.booleans()):
            result = draw(st.sampled_from(CallResult))
            answer = {"answer_time": NOW + timedelta(seconds=20 + leg)} if result is CallResult.ANSWERED else {}
            end = NOW + timedelta(seconds=draw(st.integers(30, 90)))
            reports.append(report(leg, 9, is_final=True, result=result, end_time=end, **answer))
    return reports


@given(conversations(), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(reports: list[CallReport], chance: Any) -> None:
    shuffled = chance.sample(reports, len(reports))
    [one], [other] = arrived(reports), arrived(shuffled)
    assert shown(one.call) == shown(other.call)


@given(conversations(min_legs=2))
def test_the_call_is_what_its_legs_are(reports: list[CallReport]) -> None:
    [log] = arrived(reports)
    call, ids = log.call, {report.event.call_id for report in reports}
    assert {leg.id for leg in call.legs} == ids
    assert call.result is best_result(leg.result for leg in call.legs)
    assert call.start_time == min(leg.start_time for leg in call.legs if leg.start_time)
    assert call.end_time == max((leg.end_time for leg in call.legs if leg.end_time), default=None)
    assert call.is_final is (all(leg.end_time for leg in call.legs) or None)
    assert {call.id, *log.linked_call_ids} == ids


def shown(call: Call) -> tuple[Any, ...]:
    """All of a call but its id where no report has the `linked_id`: then it is that of the first report."""
    has_main = any(leg.id == LINKED for leg in call.legs)
    times = call.start_time, call.answer_time, call.end_time
    legs = call.legs or ()
    return (call.id if has_main else "", times, call.result, call.is_final, call.callee, legs, call.event_time)
