"""The HTTP client of adapters: whatever a CRM does is one of the port's errors, and nothing leaves for elsewhere."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from leadline_server.crm.web import StaticAuthorizer, Throttle, WebClient, segment
from leadline_server.crm.web.exchange import MAX_ANSWER_BYTES
from leadline_server.domain.errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.ports.crm import RateLimit
from support.http_servers import Handler, http_server

TOKEN = "s3cret-token"

Client = Callable[..., WebClient]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(session: aiohttp.ClientSession) -> Client:
    def make(origin: str, **options: Any) -> WebClient:
        return WebClient(session, origin, StaticAuthorizer.bearer(TOKEN), **{"deadline": 5.0, **options})

    return make


def answering(status: int, text: str = "{}", headers: Mapping[str, str] | None = None) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    return handler


async def failure(attempt: Awaitable[Any]) -> CrmError:
    with pytest.raises(CrmError) as caught:
        await attempt
    return caught.value


@pytest.mark.parametrize(
    ("status", "of_a_question", "of_a_change"),
    [
        (301, CrmUnavailable, CrmOutcomeUnknown),
        (400, CrmRejected, CrmRejected),
        (401, CrmAuthFailed, CrmAuthFailed),
        (403, CrmAuthFailed, CrmAuthFailed),
        (404, CrmUnavailable, CrmRejected),
        (408, CrmUnavailable, CrmOutcomeUnknown),
        (409, CrmRejected, CrmRejected),
        (422, CrmRejected, CrmRejected),
        (429, CrmRateLimited, CrmRateLimited),
        (500, CrmUnavailable, CrmOutcomeUnknown),
        (503, CrmUnavailable, CrmOutcomeUnknown),
    ],
)
async def test_a_status_is_the_ports_error(
    client: Client, status: int, of_a_question: type[CrmError], of_a_change: type[CrmError]
) -> None:
    async with http_server(answering(status)) as url:
        assert type(await failure(client(url).ask("POST", "/search"))) is of_a_question
    async with http_server(answering(status)) as url:
        assert type(await failure(client(url).tell("POST", "/contacts"))) is of_a_change


async def test_an_accepted_status_is_an_answer(client: Client) -> None:
    async with http_server(answering(404)) as url:
        assert (await client(url).ask("GET", "/contacts/7", accept=(404,))).status == 404


@pytest.mark.parametrize("body", ["<html>", "", '{"a": ', "\u0000"])
async def test_a_body_that_is_no_json_is_of_no_use(client: Client, body: str) -> None:
    async with http_server(answering(200, body)) as url:
        question = await client(url).ask("GET", "/")
        change = await client(url).tell("POST", "/")
        with pytest.raises(CrmUnavailable):
            question.json()
        with pytest.raises(CrmOutcomeUnknown):
            change.json()


async def test_a_redirect_is_not_followed(client: Client) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with http_server(handler) as url:
        assert isinstance(await failure(client(url).ask("GET", "/contacts")), CrmUnavailable)
    assert asked == ["/contacts"]


async def test_nothing_leaves_for_a_host_that_is_not_named(client: Client) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({})

    async with http_server(handler) as named, http_server(handler) as other:
        for address in (f"{other}/next", f"{named}@127.0.0.1:1/", "https://example.com/x"):
            assert isinstance(await failure(client(named).ask("GET", address)), CrmUnavailable)
        assert asked == []
        await client(named, origins=[other]).ask("GET", f"{other}/next")
        await client(named).ask("GET", f"{named}/page?after=2")
    assert asked == ["/next", "/page"]


@pytest.mark.parametrize(
    "hostile", ["../admin", "a/b", "a?b=c", "a#b", "%2e%2e/x", "..", ".", "a b", "é", "a\\b", "a\tb"]
)
async def test_an_id_stays_one_segment_of_the_path(client: Client, hostile: str) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.json_response({"id": request.match_info["path"]})

    async with http_server(handler) as url:
        await client(url).ask("GET", f"/contacts/{segment(hostile)}")
    [path] = seen
    assert path.startswith("/contacts/")
    assert path.count("/") == 2
    assert "?" not in path


async def test_a_server_that_is_gone_was_told_nothing(client: Client) -> None:
    with socket.socket() as keeper:
        keeper.bind(("127.0.0.1", 0))  # bound and not listening: connecting is refused
        url = f"http://127.0.0.1:{keeper.getsockname()[1]}"
        assert type(await failure(client(url).ask("GET", "/"))) is CrmUnavailable
        assert type(await failure(client(url).tell("POST", "/"))) is CrmUnavailable


async def test_a_server_that_hangs_up_leaves_a_change_open(client: Client) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with http_server(handler) as url:
        assert type(await failure(client(url).ask("POST", "/"))) is CrmUnavailable
        assert type(await failure(client(url).tell("POST", "/"))) is CrmOutcomeUnknown


async def test_a_server_that_is_slow_is_given_up(client: Client) -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with http_server(handler) as url:
        slow = client(url, deadline=0.2)
        assert type(await failure(slow.ask("GET", "/"))) is CrmUnavailable
        assert type(await failure(slow.tell("POST", "/"))) is CrmOutcomeUnknown


async def test_an_answer_is_bounded(client: Client) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b" " * (MAX_ANSWER_BYTES + 1))

    async with http_server(handler) as url:
        assert type(await failure(client(url).ask("GET", "/"))) is CrmUnavailable
        assert type(await failure(client(url).tell("POST", "/"))) is CrmOutcomeUnknown


async def test_a_body_that_is_cut_off_is_of_no_use(client: Client) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{}")
        assert request.transport is not None
        request.transport.close()
        return response

    async with http_server(handler) as url:
        assert type(await failure(client(url).ask("GET", "/"))) is CrmUnavailable
        assert type(await failure(client(url).tell("POST", "/"))) is CrmOutcomeUnknown


async def test_the_words_of_the_crm_never_show_the_token(client: Client) -> None:
    from leadline_server.crm.web import Answer, standard_failure

    def words(answer: Answer) -> str:
        return answer.body.decode()

    async with http_server(answering(400, f"bad: {TOKEN}")) as url:
        error = await failure(client(url, failure=lambda answer: standard_failure(answer, words)).tell("POST", "/"))
    assert error.message == "The CRM refuses this (HTTP 400): bad: ***"
    assert TOKEN not in str(error)


@pytest.mark.parametrize("header", ["7", "0.5"])
async def test_the_pause_that_is_asked_for_is_told(client: Client, header: str) -> None:
    async with http_server(answering(429, headers={"Retry-After": header})) as url:
        error = await failure(client(url).ask("GET", "/"))
    assert error.retry_after == float(header)


@pytest.mark.parametrize(("seconds", "least", "most"), [(100, 60, 100), (-100, 0, 0)])
async def test_the_time_until_which_to_pause_is_told_as_seconds(
    client: Client, seconds: int, least: float, most: float
) -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    async with http_server(answering(429, headers={"Retry-After": header})) as url:
        error = await failure(client(url).ask("GET", "/"))
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


async def test_a_pause_without_sense_is_none(client: Client) -> None:
    async with http_server(answering(503, headers={"Retry-After": "soon"})) as url:
        assert (await failure(client(url).ask("GET", "/"))).retry_after is None


async def test_after_too_many_requests_nothing_is_sent_for_a_while(client: Client) -> None:
    asked = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=429, headers={"Retry-After": "60"})

    async with http_server(handler) as url:
        limited = client(url)
        await failure(limited.ask("GET", "/"))
        error = await failure(limited.ask("GET", "/"))
    assert isinstance(error, CrmRateLimited)
    assert error.retry_after is not None
    assert 50 < error.retry_after <= 60
    assert asked == 1


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


async def test_a_form_and_a_json_body_say_what_they_are(client: Client) -> None:
    seen: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.content_type, await request.text()))
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        return web.json_response({})

    async with http_server(handler) as url:
        await client(url).tell("POST", "/", json={"name": 'A "quoted" Né'})
        await client(url).tell("POST", "/", form={"name": "a&b=c"})
    assert seen == [
        ("application/json", '{"name":"A \\"quoted\\" Né"}'),
        ("application/x-www-form-urlencoded", "name=a%26b%3Dc"),
    ]
