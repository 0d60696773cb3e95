"""A delay that a CRM asks for is read once, and never leaves its bounds."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.delay import (
    LONGEST_RETRY,
    MAX_CHARACTERS,
    UNREADABLE_SECONDS,
    Delay,
    bounded_seconds,
    read_delay,
)

NOW = datetime(2026, 11, 28, 21, 0, tzinfo=UTC)
CLAMPED = Delay(LONGEST_RETRY, is_clamped=True)
UNREADABLE = Delay(UNREADABLE_SECONDS, is_clamped=True)


@pytest.mark.parametrize(
    ("said", "delay"),
    [
        ("120", Delay(120)),
        (" 7 ", Delay(7)),
        ("0", Delay(0)),
        ("1.5", Delay(1.5)),
        (30, Delay(30)),
        (0.25, Delay(0.25)),
        ("Sat, 28 Nov 2026 21:00:30 GMT", Delay(30)),
        ("Saturday, 28-Nov-26 21:00:30 GMT", Delay(30)),
        ("Sat Nov 28 21:00:30 2026", Delay(30)),
        ("Sat, 28 Nov 2026 20:00:00 GMT", Delay(0)),
        (str(int(NOW.timestamp()) + 90), Delay(90)),
        (int(NOW.timestamp()) * 1000 + 90_000, Delay(90)),
        (int(NOW.timestamp()) - 90, Delay(0)),
    ],
)
def test_a_delay_is_read_in_every_form_that_vendors_send(said: object, delay: Delay) -> None:
    assert read_delay(said, NOW) == delay


@pytest.mark.parametrize("said", [None, "", "  ", True, False, b"5", [5], {"seconds": 5}])
def test_what_says_nothing_is_no_delay(said: object) -> None:
    assert read_delay(said, NOW) is None


@pytest.mark.parametrize(
    ("said", "delay"),
    [
        ("inf", CLAMPED),
        ("Infinity", CLAMPED),
        ("1e300", CLAMPED),
        (1e300, CLAMPED),
        pytest.param(10**7000, CLAMPED, id="7001 digits"),
        pytest.param(-(10**7000), Delay(0, is_clamped=True), id="minus 7001 digits"),
        pytest.param("9" * 7000, CLAMPED, id="a text of 7000 digits"),
        ("99999999999", CLAMPED),
        ("Fri, 31 Dec 9999 23:59:59 GMT", CLAMPED),
        ("86401", CLAMPED),
        ("-5", Delay(0, is_clamped=True)),
        ("-inf", Delay(0, is_clamped=True)),
        (-1, Delay(0, is_clamped=True)),
        ("nan", UNREADABLE),
        (math.nan, UNREADABLE),
        ("soon", UNREADABLE),
        ("x" * (MAX_CHARACTERS + 1), UNREADABLE),
        ("Sat, 99 Nov 2026 21:00:30 GMT", UNREADABLE),
        ("Sat, 28 Nov 99999999999999 21:00:30 GMT", UNREADABLE),
    ],
)
def test_a_number_out_of_bounds_ends_as_a_bounded_wait_that_is_worth_a_warning(said: object, delay: Delay) -> None:
    assert read_delay(said, NOW) == delay


def test_the_bound_is_the_callers() -> None:
    assert read_delay("3600", NOW, longest=10) == Delay(10, is_clamped=True)
    assert read_delay("soon", NOW, longest=10) == Delay(10, is_clamped=True)


@given(st.one_of(st.text(max_size=200), st.floats(), st.integers(), st.from_regex(r"[+-]?[0-9]{0,400}(\.[0-9]*)?")))
def test_nothing_that_is_sent_leaves_the_bounds_or_raises(said: object) -> None:
    delay = read_delay(said, NOW)
    assert delay is None or 0 <= delay.seconds <= LONGEST_RETRY
    assert delay is None or NOW + delay.duration >= NOW


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [
        (0, 0),
        (7.5, 7.5),
        (-1, 0),
        (1e300, LONGEST_RETRY),
        (10**4_000, LONGEST_RETRY),
        (-(10**4_000), 0),
        (math.inf, LONGEST_RETRY),
        (-math.inf, 0),
        (math.nan, UNREADABLE_SECONDS),
        ("7", UNREADABLE_SECONDS),
        (None, UNREADABLE_SECONDS),
    ],
)
def test_seconds_that_code_hands_on_stay_within_the_bounds(seconds: object, kept: float) -> None:
    assert bounded_seconds(seconds) == kept
