"""Delays that CRMs send: bounded, with a warning, wherever they come from."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from leadline_server.crm.hubspot.errors import failure as of_hubspot
from leadline_server.crm.pipedrive.errors import failure as of_pipedrive
from leadline_server.crm.pipedrive.errors import pause as pause_of_pipedrive
from leadline_server.crm.salesforce.errors import SalesforceErrors
from leadline_server.crm.toolkit import HttpAnswer, Throttle, standard_failure
from leadline_server.crm.zoho.errors import failure as of_zoho
from leadline_server.delivery.backoff import LONGEST_WISH, delay_after
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmError, CrmHeldBack, CrmRateLimited, CrmUnavailable
from leadline_server.domain.delay import LONGEST_RETRY, UNREADABLE_SECONDS
from leadline_server.ports.crm_guarantees import Capabilities
from structlog.testing import capture_logs
from support.acorn import acorn
from support.oauth import Bench, bearer, open_bench

DAY: Final = 86_400.0

RETRY_AFTER: Final = {
    "inf": DAY,
    "-inf": 0.0,
    "1e300": DAY,
    "9" * 7_000: DAY,
    "99999999999": DAY,
    "Fri, 31 Dec 9999 23:59:59 GMT": DAY,
    "nan": UNREADABLE_SECONDS,
    "soon": UNREADABLE_SECONDS,
    "-5": 0.0,
}
"""Headers of the attacks, and the seconds that leadline takes each for."""


def answer(status: int, headers: Mapping[str, str], body: bytes = b"{}") -> HttpAnswer:
    return HttpAnswer(status=status, headers=headers, body=body, is_write=False)


def test_the_longest_delay_is_a_day() -> None:
    assert LONGEST_RETRY == DAY


@pytest.mark.parametrize(("header", "seconds"), RETRY_AFTER.items(), ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_that_is_out_of_bounds_is_clamped_with_a_warning(
    status: int, header: str, seconds: float
) -> None:
    with capture_logs() as lines:
        error = standard_failure(answer(status, {"Retry-After": header}))
    assert error is not None
    assert error.retry_after == seconds
    assert lines == [
        {"event": "delay clamped", "log_level": "warning", "field": "Retry-After", "seconds": seconds},
    ]


def test_an_ordinary_retry_after_is_no_warning() -> None:
    with capture_logs() as lines:
        assert answer(429, {"Retry-After": "7"}).retry_after == 7
    assert lines == []


@pytest.mark.parametrize("header", RETRY_AFTER, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize(
    "failure", [of_hubspot, of_pipedrive, of_zoho, SalesforceErrors(Throttle(), 100)], ids=["h", "p", "z", "s"]
)
def test_every_vendor_s_error_has_a_delay_of_a_day_at_most(failure: Any, header: str) -> None:
    error = failure(answer(429, {"Retry-After": header}))
    assert isinstance(error, CrmRateLimited)
    assert error.retry_after is not None
    assert 0 <= error.retry_after <= DAY


@pytest.mark.parametrize("reset", ["9" * 400, "9" * 7_000, "99999999999999"])
def test_a_time_of_reset_of_many_digits_is_bounded(reset: str) -> None:
    told = answer(429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset})
    error = of_pipedrive(told)
    assert isinstance(error, CrmRateLimited)
    assert error.retry_after == pause_of_pipedrive(told) == DAY


def test_a_usage_of_7000_digits_is_no_usage() -> None:
    headers = {"Sforce-Limit-Info": f"api-usage={'9' * 7_000}/{'9' * 7_000}"}
    assert SalesforceErrors(Throttle(), 100)(answer(200, headers)) is None


@pytest.mark.parametrize("seconds", [float("inf"), 1e300, 99_999_999_999.0])
async def test_a_connection_is_held_for_a_day_at_most(seconds: float) -> None:
    now = 0.0
    throttle = Throttle(now=lambda: now)
    throttle.hold(seconds)
    with pytest.raises(CrmHeldBack) as caught:
        await throttle.turn()
    assert caught.value.retry_after == DAY
    now = DAY
    await throttle.turn()


@pytest.mark.parametrize("said", [float("inf"), float("nan"), 1e300, 10**4_000, -1.0])
def test_an_error_of_an_adapter_has_a_delay_of_a_day_at_most(said: float) -> None:
    error = CrmUnavailable("Down.", retry_after=said)
    assert error.retry_after is not None
    assert 0 <= error.retry_after <= DAY


@pytest.mark.parametrize("said", [float("inf"), float("nan"), 1e300, "soon"])
def test_the_next_attempt_is_an_hour_away_at_most_even_if_the_error_was_changed(said: Any) -> None:
    error = CrmUnavailable("Down.")
    error.retry_after = said
    assert (
        timedelta(0)
        <= delay_after(error, 0, Capabilities(finds_log_by_key=True, enforces_unique_key=True, moves_log=True), 0.5)
        <= LONGEST_WISH
    )


RULE: Final = """[[errors]]
status = [418]
means = "rate_limited"
retry_after = "wait"

[operations.check]"""


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        ("7", 7),
        ('"7"', 7),
        ('"inf"', DAY),
        ("1e300", DAY),
        ("18446744073709551615", DAY),
        ('"nan"', UNREADABLE_SECONDS),
        ('"soon"', UNREADABLE_SECONDS),
        ("null", None),
    ],
)
async def test_a_delay_that_a_definition_finds_is_bounded(tmp_path: Path, wait: str, seconds: float | None) -> None:
    async with acorn(tmp_path, {"[operations.check]": RULE}) as (adapter, crm):
        crm.instead = lambda _: web.Response(status=418, text=f'{{"wait": {wait}}}')
        with pytest.raises(CrmRateLimited) as caught:
            await adapter.check()
        assert caught.value.retry_after == seconds


LIVES: Final = ['"inf"', "1e300", '"1e300"', "99999999999"]
"""Lifetimes beyond the bound of 30 days, as JSON."""

UNREADABLE_LIVES: Final = ["1e999", "9" * 7_000, '"nan"', '"soon"', "true", "null", "{}", "[7]"]
"""Lifetimes that say nothing, as JSON. A token then lives for an hour."""


async def _replaced_after(bench: Bench, life: str, duration: timedelta) -> bool:
    """Whether a token of this life is replaced after the duration; then by the refresh token that came with it."""
    text = f'{{"access_token": "a", "refresh_token": "rotated", "expires_in": {life}}}'
    bench.issuer.answer = lambda: web.Response(text=text, content_type="application/json")
    assert await bearer(bench.authorizer()) == "Bearer a"
    bench.clock.time += duration
    assert await bearer(bench.authorizer()) == "Bearer a"
    refreshes = [form["refresh_token"] for form in bench.issuer.asked]
    assert refreshes in (["r0"], ["r0", "rotated"])
    return len(refreshes) > 1


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life[:12])
@pytest.mark.parametrize(("days", "is_replaced"), [(29, False), (30, True)])
async def test_a_life_of_a_token_is_30_days_at_most_and_the_rotated_refresh_token_is_kept(
    tmp_path: Path, life: str, days: int, *, is_replaced: bool
) -> None:
    async with open_bench(tmp_path) as bench:
        assert await _replaced_after(bench, life, timedelta(days=days)) is is_replaced


@pytest.mark.parametrize("life", UNREADABLE_LIVES, ids=lambda life: life[:12])
@pytest.mark.parametrize(("minutes", "is_replaced"), [(58, False), (60, True)])
async def test_a_life_that_cannot_be_read_is_an_hour(
    tmp_path: Path, life: str, minutes: int, *, is_replaced: bool
) -> None:
    async with open_bench(tmp_path) as bench:
        assert await _replaced_after(bench, life, timedelta(minutes=minutes)) is is_replaced


async def test_a_token_endpoint_whose_error_is_nested_100000_deep_grants_nothing(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        text = '{"error": ' + "[" * 100_000 + "]" * 100_000 + "}"
        bench.issuer.answer = lambda: web.Response(status=400, text=text)
        with pytest.raises(CrmError) as caught:
            await bench.authorizer().headers()
        assert isinstance(caught.value, CrmAuthFailed)
