"""The HTTP client of adapters: whatever a CRM does is one of the port's errors, and nothing leaves for elsewhere."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web
from leadline_server.crm.toolkit import segment
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from support.http_servers import http_server
from unit.http_failures import TOKEN, Client, answering, client_of, failure, sessions


@pytest.fixture(params=sessions())
async def session(request: pytest.FixtureRequest) -> AsyncIterator[aiohttp.ClientSession]:
    async with sessions()[request.param]() as opened:
        yield opened


@pytest.fixture
def client(session: aiohttp.ClientSession) -> Client:
    return client_of(session)


@pytest.mark.parametrize(
    ("status", "of_a_question", "of_a_change"),
    [
        (301, CrmUnavailable, CrmOutcomeUnknown),
        (400, CrmRejected, CrmRejected),
        (401, CrmAuthFailed, CrmAuthFailed),
        (402, CrmAuthFailed, CrmAuthFailed),
        (403, CrmAuthFailed, CrmAuthFailed),
        (404, CrmUnavailable, CrmRejected),
        (408, CrmUnavailable, CrmOutcomeUnknown),
        (405, CrmUnavailable, CrmRejected),
        (409, CrmRejected, CrmRejected),
        (410, CrmUnavailable, CrmRejected),
        (421, CrmUnavailable, CrmOutcomeUnknown),
        (425, CrmUnavailable, CrmOutcomeUnknown),
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


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"a": ', b"\0", b'{"a": "\xff"}'])
async def test_a_body_that_is_no_json_is_of_no_use(client: Client, body: bytes) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with http_server(handler) as url:
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
    own = path.removeprefix("/contacts/")
    assert unquote(own) == hostile
    assert own not in {".", ".."}
    assert set(own).isdisjoint("/?#\\")


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

    async with http_server(handler) as url, asyncio.timeout(10):
        slow = client(url, deadline=0.2)
        assert type(await failure(slow.ask("GET", "/"))) is CrmUnavailable
        assert type(await failure(slow.tell("POST", "/"))) is CrmOutcomeUnknown


async def test_the_words_of_the_crm_never_show_the_token(client: Client) -> None:
    from leadline_server.crm.toolkit import HttpAnswer, standard_failure

    def words(answer: HttpAnswer) -> str:
        return answer.body.decode()

    async with http_server(answering(400, f"bad: {TOKEN}")) as url:
        error = await failure(client(url, failure=lambda answer: standard_failure(answer, words)).tell("POST", "/"))
    assert error.message == "The CRM refuses this (HTTP 400): bad: ***"
    assert TOKEN not in str(error)


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


async def test_a_query_is_sent_and_headers_of_a_request_beat_those_of_the_client(client: Client) -> None:
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({})

    async with http_server(handler) as url:
        asking = client(f"{url}/base/", headers={"X-Client": "mine", "Accept": "text/plain"})
        await asking.ask("GET", "/contacts", params={"q": "a&b=ü"}, headers={"X-Client": "this request's"})
    [request] = seen
    assert request.path == "/base/contacts"
    assert dict(request.query) == {"q": "a&b=ü"}
    assert request.headers["X-Client"] == "this request's"
    assert request.headers["Accept"] == "text/plain"
    assert request.headers["User-Agent"] == "leadline"


async def test_a_server_that_takes_no_connection_in_time_was_told_nothing(client: Client) -> None:
    async with asyncio.timeout(10), AsyncExitStack() as queued:
        keeper = queued.enter_context(socket.socket())
        keeper.bind(("127.0.0.1", 0))
        keeper.listen(0)
        for _ in range(3):  # its queue is full: who comes now waits
            waiting = queued.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(keeper.getsockname())
        slow = client(f"http://127.0.0.1:{keeper.getsockname()[1]}", deadline=0.4)
        assert type(await failure(slow.tell("POST", "/"))) is CrmUnavailable
        assert type(await failure(slow.ask("GET", "/"))) is CrmUnavailable
