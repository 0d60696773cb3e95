"""Answers that are too large, cut off, or nested too deeply for the HTTP client."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import aiohttp
import msgspec
import pytest
from aiohttp import web
from leadline_server.crm.hubspot.errors import failure as of_hubspot
from leadline_server.crm.pipedrive.errors import failure as of_pipedrive
from leadline_server.crm.salesforce.errors import SalesforceErrors
from leadline_server.crm.toolkit import HttpAnswer, Throttle
from leadline_server.crm.toolkit.http_answers import Failure
from leadline_server.crm.toolkit.http_exchange import MAX_ANSWER_BYTES
from leadline_server.crm.zoho.errors import failure as of_zoho
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmTooMuch, CrmUnavailable
from support.http_servers import http_server
from unit.http_failures import Client, answering, client_of, failure, sessions


@pytest.fixture(params=sessions())
async def session(request: pytest.FixtureRequest) -> AsyncIterator[aiohttp.ClientSession]:
    async with sessions()[request.param]() as opened:
        yield opened


@pytest.fixture
def client(session: aiohttp.ClientSession) -> Client:
    return client_of(session)


async def test_an_answer_is_bounded(client: Client) -> None:
    size = 1024 * 1024

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b" " * size)

    async with http_server(handler) as url:
        assert len((await client(url).ask("GET", "/")).body) == size
        size += 1
        assert type(await failure(client(url).ask("GET", "/"))) is CrmTooMuch
        assert type(await failure(client(url).tell("POST", "/"))) is CrmOutcomeUnknown


async def test_an_answer_of_unknown_length_is_bounded(client: Client) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        with suppress(ConnectionError):
            for _ in range(64):
                await response.write(b" " * (MAX_ANSWER_BYTES // 16))
        return response

    async with http_server(handler) as url:
        assert type(await failure(client(url).ask("GET", "/"))) is CrmTooMuch
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


NESTED: Final = "[" * 100_000 + "]" * 100_000
"""JSON that is valid, and nested too deeply to be read."""


@pytest.mark.parametrize("text", [NESTED, "[" * 100_000, f'{{"id": 1, "more": {NESTED}}}'], ids=["whole", "open", "in"])
async def test_json_nested_100000_deep_is_cannot_tell_and_after_a_write_an_unknown_outcome(
    client: Client, text: str
) -> None:
    async with http_server(answering(200, text)) as origin:
        crm = client(origin)
        question, change = await crm.ask("GET", "/"), await crm.tell("POST", "/")
    for decoder in (msgspec.json.Decoder(), msgspec.json.Decoder(dict[str, int]), msgspec.json.Decoder(_Record)):
        with pytest.raises(CrmUnavailable):
            question.decode(decoder)
        with pytest.raises(CrmOutcomeUnknown):
            change.decode(decoder)
    with pytest.raises(CrmOutcomeUnknown):
        change.json()


class _Record(msgspec.Struct):
    id: int


@pytest.mark.parametrize("failure", [of_hubspot, of_pipedrive, of_zoho, SalesforceErrors(Throttle(), 100)])
@pytest.mark.parametrize("status", [200, 400, 403, 429, 500])
@pytest.mark.parametrize("form", ["{}", '{{"message": {}}}', '[{{"message": {}}}]', '{{"more": {}}}'])
def test_an_error_nested_100000_deep_is_judged_by_its_status(failure: Failure, status: int, form: str) -> None:
    body = form.format(NESTED).encode()
    error = failure(HttpAnswer(status=status, headers={}, body=body, is_write=True))
    assert (error is None) == (status == 200)
    assert isinstance(error, CrmOutcomeUnknown) == (status == 500)
