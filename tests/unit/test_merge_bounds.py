"""Reports can add only so much to a call. This includes data that no client can see."""

from datetime import UTC, datetime, timedelta

import pytest
from leadline_server.domain.errors import InvalidRequest
from leadline_server.domain.merge import MAX_ATTRIBUTES, MAX_CLEARED, CallEvent, Merged, Stamps, merge

T0 = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def event(attributes: dict[str, str | None], minute: int) -> CallEvent:
    return CallEvent(call_id="c1", attributes=attributes, event_time=T0 + timedelta(minutes=minute))


def after(*events: CallEvent) -> Merged:
    merged = merge(None, Stamps(), events[0])
    for one in events[1:]:
        merged = merge(merged.call, merged.stamps, one)
    return merged


def test_attributes_that_are_cleared_again_and_again_do_not_grow_a_call() -> None:
    merged = after(*(event({f"k{n}-{i}": None for i in range(64)}, n) for n in range(100)))
    assert not merged.call.attributes
    assert len(merged.stamps.attributes) == MAX_CLEARED
    assert all(key.startswith("k99-") for key in merged.stamps.attributes)


def test_a_report_that_makes_too_many_attributes_is_refused_and_changes_nothing() -> None:
    full = after(event({f"k{i}": "v" for i in range(MAX_ATTRIBUTES)}, 0))
    with pytest.raises(InvalidRequest, match=r"call\.attributes: A call has at most 64 attributes; .* have 65"):
        merge(full.call, full.stamps, event({"one more": "v"}, 1))
    assert len(full.call.attributes) == MAX_ATTRIBUTES


def test_an_attribute_may_take_the_place_of_one_that_is_cleared() -> None:
    full = after(event({f"k{i}": "v" for i in range(MAX_ATTRIBUTES)}, 0))
    merged = merge(full.call, full.stamps, event({"k0": None, "one more": "v"}, 1))
    assert "one more" in merged.call.attributes


def test_a_late_report_does_not_bring_a_cleared_attribute_back() -> None:
    merged = after(event({"queue": "sales"}, 1), event({"queue": None}, 3), event({"queue": "sales"}, 2))
    assert not merged.call.attributes
