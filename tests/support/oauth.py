"""An OAuth token endpoint, the API that takes its tokens, and a clock that is set by hand."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from leadline_server.crm.toolkit.adapter_type import AdapterContext
from leadline_server.crm.toolkit.oauth import OAuthAuthorizer
from leadline_server.crm.toolkit.oauth_grant import OAuthGrant
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.ledger import TokenStore

from support.http_servers import http_server
from support.secrets_keys import keys_with

NAME = "sales"
"""The connection's."""


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


class Issuer:
    """A token endpoint that rotates refresh tokens, each good for one use; and an API that takes the newest token."""

    def __init__(self) -> None:
        self.refresh_token = "r0"
        self.access_token = ""
        self.asked: list[dict[str, str]] = []
        self.life: Any = 3600
        self.gate: asyncio.Event | None = None
        self.answer: Callable[[], web.Response] | None = None
        self.headers: Mapping[str, str] = {}
        self.requests: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        if request.path != "/token":
            self.requests.append(request.path)
            is_good = request.headers.get("Authorization") == f"Bearer {self.access_token}"
            return web.json_response({}, status=200 if is_good else 401)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.headers = request.headers
        self.asked.append(form)
        if self.gate is not None:
            await self.gate.wait()
        if self.answer is not None:
            return self.answer()
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh_token:
            return web.json_response({"error": "invalid_grant", "error_description": form["refresh_token"]}, status=400)
        number = len(self.asked)
        self.refresh_token, self.access_token = f"r{number}", f"a{number}"
        return web.json_response(
            {"access_token": self.access_token, "refresh_token": self.refresh_token, "expires_in": self.life}
        )


class Bench:
    """The endpoint, and what authorizers need besides."""

    def __init__(
        self, folder: Path, issuer: Issuer, session: aiohttp.ClientSession, url: str, store: TokenStore
    ) -> None:
        self.folder = folder
        self.issuer = issuer
        self.session = session
        self.url = url
        self.store = store
        self.clock = Clock()

    def grant(self, **changes: Any) -> OAuthGrant:
        return OAuthGrant(
            **{
                "token_url": f"{self.url}/token",
                "client_id": "leadline",
                "client_secret": "hush",
                "refresh_token": "r0",
                **changes,
            }
        )

    def authorizer(self, store: TokenStore | None = None, **changes: Any) -> OAuthAuthorizer:
        """An authorizer of a process of its own."""
        process_id = uuid.uuid4().hex
        return OAuthAuthorizer(self.session, self.grant(**changes), store or self.store, NAME, self.clock, process_id)

    @asynccontextmanager
    async def adapter_context(self) -> AsyncIterator[AdapterContext]:
        """The context of a connection, closed in the end."""
        async with AsyncExitStack() as closing:
            yield AdapterContext(
                name=NAME,
                session=self.session,
                tokens=self.store,
                clock=self.clock,
                data_dir=self.folder,
                closing=closing,
                process_id="this process",
            )


@asynccontextmanager
async def open_bench(folder: Path) -> AsyncIterator[Bench]:
    """An endpoint that is well, and a ledger in `folder` to keep its tokens in."""
    issuer = Issuer()
    async with (
        aiohttp.ClientSession() as session,
        open_sqlite_ledger(folder / "ledger.db", keys_with()) as ledger,
        http_server(issuer.handle) as url,
    ):
        yield Bench(folder, issuer, session, url, ledger.tokens)


async def bearer(authorizer: OAuthAuthorizer) -> str:
    """The header with a token that is good now."""
    return (await authorizer.headers())["Authorization"]
