"""A connection by API is made to the very address that was checked, also if the name points elsewhere a moment later.

Here 127.0.0.1 passes as public, and 127.0.0.2 does not. Both have the same port.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiohttp import web
from leadline.admin.v1.account_pb2 import CONNECTION_STATE_WORKING
from leadline_server.crm import egress
from leadline_server.domain.accounts import OwnConnection
from support.admin import Administered, administered
from support.certificates import Authority
from support.egress_proxies import egress_proxy
from support.scripted_adapters import scripted_adapter

HOST = "crm.example.com"
CHECKED, INSIDE = "127.0.0.1", "127.0.0.2"
MOST_SECONDS = 20.0
"""How long a connection is checked at most. A wrong one must fail here, and not wait."""


class TurningName:
    """A name that points to CHECKED at the first question, and to INSIDE from then on."""

    def __init__(self) -> None:
        self.answers = [CHECKED]

    def _next(self) -> str:
        return self.answers.pop() if self.answers else INSIDE

    async def resolved(self, host: str) -> list[str]:
        return [self._next()]

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": self._next(), "port": port, "family": 2, "proto": 0, "flags": 4}]

    async def close(self) -> None:
        pass


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> TurningName:
    made = TurningName()
    monkeypatch.setattr(egress, "is_public", lambda address: str(address) == CHECKED)
    monkeypatch.setattr(egress, "resolved", made.resolved)
    monkeypatch.setattr("leadline_server.crm.egress.aiohttp.ThreadedResolver", lambda: made)
    return made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@asynccontextmanager
async def hubspot_twice(authority: Authority) -> AsyncIterator[tuple[int, list[str]]]:
    """A CRM on one port of CHECKED and of INSIDE; and the addresses that were asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        asked.append(request.transport.get_extra_info("sockname")[0])
        return web.json_response({"results": []})

    pair, context = authority.issue("crm", HOST), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, CHECKED, 0, ssl_context=context).start()
        port = runner.addresses[0][1]
        await web.TCPSite(runner, INSIDE, port, ssl_context=context).start()
        yield port, asked
    finally:
        await runner.cleanup()


async def stored(served: Administered, adapter: str, options: dict[str, Any], secrets: dict[str, str]) -> Any:
    """Put a connection into the ledger, which asks for no name, and check it."""
    await served.create()
    own = OwnConnection(adapter=adapter, options=options, secrets=secrets)
    await served.app.ledger.account_connections.put("acme", own, served.clock.now())
    async with asyncio.timeout(MOST_SECONDS):
        return await served.check()


async def test_a_crm_is_asked_at_the_address_that_was_checked(
    tmp_path: Path, name: TurningName, authority: Authority
) -> None:
    async with hubspot_twice(authority) as (port, asked), administered(tmp_path, egress_ca=authority.file) as served:
        checked = await stored(served, "hubspot", {"api_url": f"https://{HOST}:{port}"}, {"token": "t"})
        assert checked.state == CONNECTION_STATE_WORKING, checked.last_error
        assert set(asked) == {CHECKED}


async def test_a_remote_adapter_is_asked_at_the_address_that_was_checked(
    tmp_path: Path, name: TurningName, authority: Authority
) -> None:
    async with (
        scripted_adapter(server_credentials(authority)) as adapter,
        administered(tmp_path, egress_ca=authority.file) as served,
    ):
        checked = await stored(served, "remote", {"address": f"{HOST}:{adapter.port}"}, {"token": "t"})
        assert checked.state == CONNECTION_STATE_WORKING, checked.last_error
        assert adapter.metadata["authorization"] == "Bearer t"


async def test_a_remote_adapter_is_reached_through_the_proxy_alone(
    tmp_path: Path, name: TurningName, authority: Authority
) -> None:
    """The proxy gets the name, and resolves it."""
    async with (
        scripted_adapter(server_credentials(authority)) as adapter,
        egress_proxy({f"{HOST}:443": adapter.port}) as proxy,
        administered(tmp_path, egress_proxy=proxy.url, egress_ca=authority.file) as served,
    ):
        checked = await stored(served, "remote", {"address": f"{HOST}:443"}, {"token": "t"})
        assert checked.state == CONNECTION_STATE_WORKING, checked.last_error
    assert set(proxy.asked) == {f"CONNECT {HOST}:443 HTTP/1.1"}
    assert name.answers == [CHECKED]  # it was not asked


def server_credentials(authority: Authority) -> grpc.ServerCredentials:
    pair = authority.issue("crm", HOST)
    return grpc.ssl_server_credentials([(pair.key.read_bytes(), pair.certificate.read_bytes())])
