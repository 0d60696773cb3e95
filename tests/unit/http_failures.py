"""Answers and failures for the tests of the HTTP client."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from leadline_server.crm.egress import Egress
from leadline_server.crm.http_sessions import trusted_session
from leadline_server.crm.toolkit import HttpClient, StaticAuthorizer
from leadline_server.domain.crm_errors import CrmError
from support.http_servers import Handler

TOKEN = "s3cret-token"

Client = Callable[..., HttpClient]


def sessions() -> Mapping[str, Callable[[], aiohttp.ClientSession]]:
    """Makes sessions whose requests go by aiohttp's client, and straight to its connections."""
    return {"by aiohttp's client": aiohttp.ClientSession, "straight": lambda: trusted_session(Egress())}


def client_of(session: aiohttp.ClientSession) -> Client:
    """Makes clients of an origin, with other options or without."""

    def make(origin: str, **options: Any) -> HttpClient:
        return HttpClient(session, origin, StaticAuthorizer.bearer(TOKEN), **{"deadline": 5.0, **options})

    return make


def answering(status: int, text: str = "{}", headers: Mapping[str, str] | None = None) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    return handler


async def failure(attempt: Awaitable[Any]) -> CrmError:
    with pytest.raises(CrmError) as caught:
        await attempt
    return caught.value
