"""The circuit breaker, with a clock that the test sets."""

from collections.abc import Callable

import pytest
from leadline_server.concurrency.circuit_breaker import (
    CREDENTIALS_PAUSE,
    FAILURES,
    LONGEST_PAUSE,
    BreakerState,
    CircuitBreaker,
)
from leadline_server.concurrency.rate_limiter import RateLimiter
from leadline_server.crm.unconnected_crm import UnconnectedCrm
from leadline_server.crm.wrappers import CircuitBreakerCrm, RateLimitCrm
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmHeldBack,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.request_not_sent import CircuitOpen, CredentialsRefused, RateLimitExceeded
from leadline_server.ports.crm import CrmAdapter


class Desk:
    """A breaker, its clock, and how often it closed."""

    def __init__(self) -> None:
        self.time = 100.0
        self.closed = 0
        self.breaker = CircuitBreaker(self._closed, now=lambda: self.time, jitter=lambda: 1.0)

    def _closed(self) -> None:
        self.closed += 1

    def fail(self, times: int = FAILURES) -> None:
        for _ in range(times):
            self.breaker.failed()

    def pause(self) -> float:
        """The rest of the pause, in seconds."""
        with pytest.raises(CircuitOpen) as caught:
            self.breaker.admit()
        assert caught.value.retry_after is not None
        return caught.value.retry_after

    def try_again(self) -> None:
        """Let the pause end, and admit the trial request."""
        self.time += LONGEST_PAUSE
        assert self.breaker.admit()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_closed_breaker_admits_every_request(desk: Desk) -> None:
    desk.fail(FAILURES - 1)
    assert not desk.breaker.admit()
    assert desk.breaker.is_closed


def test_failures_in_a_row_open_it_for_a_second(desk: Desk) -> None:
    desk.fail()
    assert desk.breaker.state is BreakerState.OPEN
    assert desk.pause() == 1.0


def test_an_answer_in_between_resets_the_count(desk: Desk) -> None:
    desk.fail(FAILURES - 1)
    desk.breaker.answered()
    desk.fail(FAILURES - 1)
    assert desk.breaker.is_closed


def test_after_the_pause_only_one_trial_request_is_admitted(desk: Desk) -> None:
    desk.fail()
    desk.try_again()
    assert desk.breaker.state is BreakerState.HALF_OPEN
    desk.pause()


def test_an_answered_trial_request_closes_it_and_calls_on_close(desk: Desk) -> None:
    desk.fail()
    desk.try_again()
    desk.breaker.answered()
    assert (desk.breaker.state, desk.closed) == (BreakerState.CLOSED, 1)
    desk.breaker.answered()
    assert desk.closed == 1


def test_each_failed_trial_request_doubles_the_pause_up_to_the_longest(desk: Desk) -> None:
    desk.fail()
    pauses = [desk.pause()]
    for _ in range(6):
        desk.try_again()
        desk.breaker.failed()
        pauses.append(desk.pause())
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE, LONGEST_PAUSE]


def test_half_of_a_pause_is_random() -> None:
    breaker = CircuitBreaker(now=lambda: 0.0, jitter=lambda: 0.0)
    for _ in range(FAILURES):
        breaker.failed(4.0)
    assert breaker.state is BreakerState.OPEN
    with pytest.raises(CircuitOpen) as caught:
        breaker.admit()
    assert caught.value.retry_after == 4.0  # what the CRM asks for is not cut by chance


def test_after_a_trial_request_without_a_result_the_next_request_is_the_trial(desk: Desk) -> None:
    desk.fail()
    desk.try_again()
    desk.breaker.abandoned()
    assert desk.breaker.admit()


def test_late_failures_do_not_prolong_a_pause(desk: Desk) -> None:
    desk.fail()
    desk.time += 0.5
    desk.fail(20)
    desk.time += 0.5
    assert desk.breaker.may_try


def test_an_invitation_ends_a_pause(desk: Desk) -> None:
    desk.fail()
    desk.breaker.invite()
    assert desk.breaker.admit()


def test_refused_credentials_pause_for_a_minute_at_once(desk: Desk) -> None:
    desk.breaker.refused()
    assert desk.breaker.state is BreakerState.REFUSED
    with pytest.raises(CredentialsRefused) as caught:
        desk.breaker.admit()
    assert caught.value.retry_after == CREDENTIALS_PAUSE
    desk.time += CREDENTIALS_PAUSE
    assert desk.breaker.admit()


class NeverAnswering(UnconnectedCrm):
    """A CRM of which only `get_contact` is called. It fails with `error` if that is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    async def get_contact(self, contact_id: str) -> Contact | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return None


def guarded(breaker: CircuitBreaker, crm: CrmAdapter, rate: RateLimiter | None = None) -> CircuitBreakerCrm:
    return CircuitBreakerCrm(crm if rate is None else RateLimitCrm(crm, rate), breaker)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (lambda: CrmUnavailable("Down."), BreakerState.OPEN),
        (lambda: CrmRateLimited("Slower.", retry_after=9.0), BreakerState.OPEN),
        (lambda: CrmOutcomeUnknown("No answer."), BreakerState.OPEN),
        (TimeoutError, BreakerState.OPEN),
        (lambda: CrmAuthFailed("No."), BreakerState.REFUSED),
        (lambda: CrmRejected("Never."), BreakerState.CLOSED),
        (lambda: CrmHeldBack("More than its limit.", retry_after=9.0), BreakerState.CLOSED),
        (ZeroDivisionError, BreakerState.CLOSED),
    ],
)
async def test_what_an_error_says_of_the_crm(desk: Desk, error: Callable[[], Exception], state: BreakerState) -> None:
    crm = NeverAnswering()
    guard = guarded(desk.breaker, crm)
    crm.error = error()
    for _ in range(FAILURES):
        with pytest.raises((type(crm.error), CredentialsRefused)):
            await guard.get_contact("c1")
    assert desk.breaker.state is state


async def test_while_it_is_open_no_request_is_sent(desk: Desk) -> None:
    crm = NeverAnswering()
    guard = guarded(desk.breaker, crm)
    desk.fail()
    with pytest.raises(CircuitOpen):
        await guard.get_contact("c1")
    assert crm.asked == 0
    desk.time += 1.0
    assert await guard.get_contact("c1") is None
    assert desk.breaker.is_closed


async def test_the_error_of_refused_credentials_repeats_what_the_crm_said(desk: Desk) -> None:
    crm = NeverAnswering()
    guard = guarded(desk.breaker, crm)
    crm.error = CrmAuthFailed("Connection 'sales': The CRM refuses leadline's credentials (HTTP 401).")
    with pytest.raises(CrmAuthFailed):
        await guard.get_contact("c1")
    with pytest.raises(CredentialsRefused) as caught:
        await guard.get_contact("c1")
    assert caught.value.message == (
        "Connection 'sales': The CRM refuses leadline's credentials (HTTP 401); an administrator has to act."
    )
    assert caught.value.retry_after is not None


async def test_a_call_that_waits_too_long_for_the_rate_limit_is_no_failure_of_the_crm(desk: Desk) -> None:
    rate = RateLimiter(0.01, 0.01, lambda: desk.time)
    guard = guarded(desk.breaker, NeverAnswering(), rate)
    await guard.get_contact("c1")
    for _ in range(FAILURES):
        with pytest.raises(RateLimitExceeded):
            await guard.get_contact("c1")
    assert desk.breaker.is_closed
