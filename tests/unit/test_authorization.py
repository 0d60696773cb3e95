"""How a request names its sender, and when it is sent again."""

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from aiohttp import web
from leadline_server.crm.toolkit import HttpClient, StaticAuthorizer
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmError
from support.http_servers import http_server

TOKEN = "s3cret-token"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


class Renewable:
    """An authorizer that has another token whenever it is asked for one."""

    secrets = ()

    def __init__(self) -> None:
        self.token = 0

    async def headers(self) -> Mapping[str, str]:
        return {"X-Token": str(self.token)}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        assert refused == {"X-Token": str(self.token)}
        self.token += 1
        return True


@pytest.mark.parametrize(("status", "tokens"), [(401, ["0", "1"]), (400, ["0"]), (429, ["0"]), (500, ["0"])])
async def test_a_request_is_sent_again_once_and_only_where_its_token_was_refused(
    session: aiohttp.ClientSession, status: int, tokens: list[str]
) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers["X-Token"])
        return web.Response(status=status)

    async with http_server(handler) as url:
        with pytest.raises(CrmError):
            await HttpClient(session, url, Renewable()).tell("POST", "/")
    assert seen == tokens


@pytest.mark.parametrize(
    ("authorizer", "header"),
    [
        (StaticAuthorizer.bearer(TOKEN), f"Bearer {TOKEN}"),
        (StaticAuthorizer.basic("Ädä", TOKEN), f"Basic {b64encode(f'Ädä:{TOKEN}'.encode()).decode()}"),
    ],
)
async def test_a_header_that_never_changes_is_sent_and_is_not_tried_again(
    session: aiohttp.ClientSession, authorizer: StaticAuthorizer, header: str
) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.Response(status=401)

    async with http_server(handler) as url:
        with pytest.raises(CrmAuthFailed):
            await HttpClient(session, url, authorizer).ask("GET", "/")
    assert seen == [header]
    assert authorizer.secrets == (TOKEN,)
