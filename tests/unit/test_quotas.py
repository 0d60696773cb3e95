"""Allowances fill again at a constant rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.transport.admission.door import AccountUse, Allowance
from leadline_server.transport.admission.quotas import Quotas, QuotaSettings


def test_it_says_how_long_to_wait() -> None:
    budget = Allowance(rate=10, most=2, now=0.0)
    assert [budget.take(1, 0.0), budget.take(1, 0.0)] == [0.0, 0.0]
    assert budget.take(1, 0.0) == pytest.approx(0.1)
    assert budget.take(1, 0.101) == 0.0


def test_no_rate_is_no_limit() -> None:
    assert Allowance(rate=0, most=0, now=0.0).take(10**9, 0.0) == 0.0


def test_more_than_can_be_saved_is_given_when_it_is_full_and_paid_back() -> None:
    budget = Allowance(rate=1, most=10, now=0.0)
    assert budget.take(30, 0.0) == 0.0
    assert budget.take(1, 0.0) == pytest.approx(21)


def test_what_is_given_back_can_be_taken_again() -> None:
    budget = Allowance(rate=10, most=2, now=0.0)
    assert [budget.take(1, 0.0), budget.take(1, 0.0)] == [0.0, 0.0]
    budget.give_back(1)
    assert budget.take(1, 0.0) == 0.0
    assert budget.take(1, 0.0) == pytest.approx(0.1)


@given(gaps=st.lists(st.floats(0, 0.5), min_size=1, max_size=300), rate=st.floats(1, 100))
def test_no_more_is_given_than_the_rate_allows(gaps: list[float], rate: float) -> None:
    budget, now, given_ = Allowance(rate, rate, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        given_ += budget.take(1, now) == 0.0
    assert given_ <= rate + rate * now + 1e-6


def test_an_account_can_have_its_own_quotas() -> None:
    settings = QuotaSettings(Quotas(watches=5), {"acme": Quotas(watches=9)})
    assert [settings.of(name).watches for name in ("acme", "globex")] == [9, 5]
    assert AccountUse("acme", settings.of("acme"), 0.0).quotas.watches == 9
