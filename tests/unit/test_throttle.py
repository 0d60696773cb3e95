"""Keeping to a CRM's rate limits: what the vendor allows, and what answers ask for."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aiohttp import web
from leadline_server.crm.toolkit import HttpAnswer, HttpClient, StaticAuthorizer, Throttle
from leadline_server.crm.toolkit.http_answers import LONGEST_WORDS, standard_failure
from leadline_server.crm.toolkit.throttle import LONGEST_WAIT, spread
from leadline_server.domain.crm_errors import CrmError, CrmHeldBack, CrmRateLimited
from leadline_server.ports.crm_guarantees import RateLimit
from support.http_servers import http_server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def answer(status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return HttpAnswer(status=status, headers=headers or {}, body=b"", is_write=False)


def failed(status: int, header: str | None = None) -> CrmError:
    error = standard_failure(answer(status, {} if header is None else {"Retry-After": header}))
    assert error is not None
    return error


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0.5", 0.5), (" 3 ", 3.0), ("-5", 0.0)])
def test_the_pause_that_is_asked_for_is_told(status: int, header: str, seconds: float) -> None:
    assert failed(status, header).retry_after == seconds


@pytest.mark.parametrize(("seconds", "least", "most"), [(100, 60, 100), (-100, 0, 0)])
@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_the_time_until_which_to_pause_is_told_as_seconds(seconds: int, least: float, most: float, zone: str) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    error = failed(429, format_datetime(moment, usegmt=True).replace("GMT", zone))
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


@pytest.mark.parametrize("header", ["", None])
def test_a_pause_without_sense_is_none(header: str | None) -> None:
    assert failed(503, header).retry_after is None


def test_the_words_of_the_crm_are_no_page() -> None:
    error = standard_failure(answer(400), lambda _: "no " * 1_000)
    assert error is not None
    assert len(error.message) < LONGEST_WORDS + 50


async def test_requests_of_a_scope_wait_for_its_limit_and_others_do_not() -> None:
    now = 100.0
    throttle = Throttle([RateLimit(2, 10.0, "search"), RateLimit(1_000, 1.0)], lambda: now)
    await throttle.turn("search")
    await throttle.turn("search")
    await throttle.turn()
    throttle.hold(6.0, "search")
    with pytest.raises(CrmRateLimited) as caught:
        await throttle.turn("search")
    assert caught.value.retry_after == pytest.approx(6.0)
    await throttle.turn()
    now += 10.0
    await throttle.turn("search")


async def test_who_may_not_wait_takes_no_turn_from_others() -> None:
    now = 0.0
    throttle = Throttle([RateLimit(1, 20.0)], lambda: now)
    await throttle.turn()
    for _ in range(5):
        with pytest.raises(CrmRateLimited):
            await throttle.turn()
    now = 20.0
    await throttle.turn()


async def test_what_is_sent_in_a_scope_counts_for_the_whole_too() -> None:
    now = 0.0
    throttle = Throttle([RateLimit(2, 60.0), RateLimit(10, 60.0, "search")], lambda: now)
    await throttle.turn("search")
    await throttle.turn("search")
    with pytest.raises(CrmHeldBack) as caught:
        await throttle.turn()
    assert caught.value.retry_after == pytest.approx(30.0)


async def test_a_pause_of_all_holds_every_scope_and_a_shorter_one_does_not_end_it() -> None:
    now = 0.0
    throttle = Throttle(now=lambda: now)
    throttle.hold(60.0)
    throttle.hold(10.0)
    for scope in ("", "search"):
        with pytest.raises(CrmHeldBack) as caught:
            await throttle.turn(scope)
        assert caught.value.retry_after == pytest.approx(60.0)
    now = 60.0
    await throttle.turn("search")


async def test_whose_turn_comes_soon_waits_for_it() -> None:
    clock = asyncio.get_running_loop().time
    throttle = Throttle(now=clock)
    throttle.hold(0.2)
    began = clock()
    await throttle.turn()
    assert clock() - began >= 0.19


async def test_who_is_cancelled_while_waiting_gives_the_turn_back() -> None:
    now = 0.0
    throttle = Throttle([RateLimit(1, LONGEST_WAIT - 1)], lambda: now)
    await throttle.turn()
    waiting = asyncio.create_task(throttle.turn())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    now = LONGEST_WAIT - 1
    async with asyncio.timeout(1):
        await throttle.turn()


async def test_an_answer_that_says_that_the_limit_is_used_up_holds_back_what_follows(
    session: aiohttp.ClientSession,
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({}, headers={"X-Left": "0"})

    throttle = Throttle(pause=lambda said: 60.0 if said.headers["X-Left"] == "0" else None)
    async with http_server(handler) as url:
        client = HttpClient(session, url, StaticAuthorizer.bearer("t"), throttle=throttle)
        await client.ask("GET", "/")
        with pytest.raises(CrmHeldBack):
            await client.ask("GET", "/")


async def test_too_many_requests_of_a_scope_hold_back_that_scope_alone(session: aiohttp.ClientSession) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({}, status=429 if request.path == "/search" else 200, headers={"Retry-After": "60"})

    async with http_server(handler) as url:
        client = HttpClient(session, url, StaticAuthorizer.bearer("t"))
        with pytest.raises(CrmRateLimited):
            await client.ask("GET", "/search", scope="search")
        await client.ask("GET", "/contacts")
        with pytest.raises(CrmHeldBack):
            await client.ask("GET", "/contacts", scope="search")


async def test_too_many_requests_without_a_pause_hold_back_the_next_for_a_second(
    session: aiohttp.ClientSession,
) -> None:
    came: list[float] = []
    clock = asyncio.get_running_loop().time

    async def handler(_: web.Request) -> web.Response:
        came.append(clock())
        return web.json_response({}, status=429 if len(came) == 1 else 200)

    async with http_server(handler) as url:
        client = HttpClient(session, url, StaticAuthorizer.bearer("t"))
        with pytest.raises(CrmRateLimited):
            await client.ask("GET", "/")
        await client.ask("GET", "/")
    assert came[1] - came[0] > 0.9


@pytest.mark.parametrize(("requests", "at_least"), [(1, 3), (2, 3), (5, 12), (100, 250)])
async def test_a_pace_that_is_spread_keeps_to_the_limit_in_any_stretch_of_time(requests: int, at_least: int) -> None:
    now, sent = 0.0, list[float]()
    throttle = Throttle([spread(RateLimit(requests, 10.0))], lambda: now)
    while now < 30.0:
        try:
            async with asyncio.timeout(0):
                await throttle.turn()
            sent.append(now)
        except (TimeoutError, CrmHeldBack):
            now += 0.1
    assert sent[-1] > 20.0
    assert all(sum(start <= time < start + 10.0 for time in sent) <= requests for start in sent)
    assert len(sent) >= at_least
