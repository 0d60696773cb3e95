"""Merging, over any reports: what order and repetition may not change."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.call import Call
from leadline_server.domain.merge import CallEvent, Merged, Stamps, merge
from unit.strategies import NOW, events, timed_events

REPORTS = st.lists(events(), max_size=5)


def story(reports: list[CallEvent]) -> list[CallEvent]:
    """The timed reports without those that are not final and tell of a time after the final one."""
    end = min((report.event_time for report in reports if report.is_final and report.event_time), default=None)
    return [report for report in reports if report.is_final or end is None or (report.event_time or end) <= end]


STORIES = timed_events().map(story)
LATER = events(st.none() | st.integers(61, 90).map(lambda minute: NOW + timedelta(minutes=minute)))


def merged(reports: Iterable[CallEvent], before: Merged | None = None) -> Merged:
    """The call after `reports`, in order of arrival."""
    known = before or Merged(Call(id="call-1"), Stamps())
    for report in reports:
        known = merge(known.call, known.stamps, report)
    return known


def spoken(event: CallEvent) -> set[str]:
    return {*event.fields, *event.attributes, *event.legs}


@given(reports=STORIES, data=st.data())
def test_timed_reports_make_the_same_call_and_stamps_in_any_order(
    reports: list[CallEvent], data: st.DataObject
) -> None:
    assert merged(data.draw(st.permutations(reports))) == merged(reports)


@given(reports=REPORTS, last=events())
def test_a_report_that_comes_twice_counts_once(reports: list[CallEvent], last: CallEvent) -> None:
    once = merged([*reports, last])
    assert merged([last], once) == once


@given(reports=STORIES, data=st.data())
def test_a_timed_report_that_comes_again_later_changes_nothing(reports: list[CallEvent], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(reports)) if reports else st.just([]))
    known = merged(reports)
    assert merged(again, known) == known


@given(reports=REPORTS)
def test_once_final_always_final(reports: list[CallEvent]) -> None:
    assert (merged(reports).call.is_final is True) == any(report.is_final for report in reports)


@given(reports=REPORTS, last=events())
def test_what_a_report_does_not_speak_of_stays(reports: list[CallEvent], last: CallEvent) -> None:
    before, after = merged(reports).call, merged([*reports, last]).call
    for name in {"direction", "result", "attestation", "answer_time", "subject", "note"} - spoken(last):
        assert getattr(after, name) == getattr(before, name)
    for key in {"queue", "tag"} - spoken(last):
        assert after.attributes.get(key) == before.attributes.get(key)
    assert {leg for leg in before.legs if leg.id not in spoken(last)} <= set(after.legs)


@given(reports=REPORTS, last=events())
def test_a_final_report_without_a_time_always_has_its_way(reports: list[CallEvent], last: CallEvent) -> None:
    final = CallEvent(call_id="call-1", fields=last.fields, attributes=last.attributes, is_final=True)
    call = merged([*reports, final]).call
    for path, value in final.fields.items():
        party, _, name = path.rpartition(".")
        assert getattr(getattr(call, party) if party else call, name) == value
    for key, said in final.attributes.items():
        assert call.attributes.get(key) == said


@given(reports=REPORTS, final=events(), late=LATER)
def test_after_a_final_report_one_that_is_not_final_only_fills_what_is_unset(
    reports: list[CallEvent], final: CallEvent, late: CallEvent
) -> None:
    ended = CallEvent(call_id="call-1", fields=final.fields, event_time=final.event_time, is_final=True)
    trailing = replace(late, is_final=None)
    before = merged([*reports, ended])
    after = merged([trailing], before)
    for path in late.fields:
        party, _, name = path.rpartition(".")
        was = getattr(getattr(before.call, party) if party else before.call, name)
        now = getattr(getattr(after.call, party) if party else after.call, name)
        assert was is None or now == was
    assert before.call.attributes.items() <= after.call.attributes.items()


@given(reports=REPORTS)
def test_legs_stand_in_the_order_of_their_ids_each_once(reports: list[CallEvent]) -> None:
    ids = [leg.id for leg in merged(reports).call.legs]
    assert ids == sorted(set(ids))
    assert set(ids) == {leg_id for report in reports for leg_id in report.legs}
