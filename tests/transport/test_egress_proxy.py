"""Connections to CRMs through the administrator's proxy, with root certificates of the administrator's own."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from leadline.admin.v1.account_pb2 import CONNECTION_STATE_FAILING, CONNECTION_STATE_WORKING
from leadline_server.crm import egress
from leadline_server.domain.accounts import OwnConnection
from support.admin import administered, refused
from support.certificates import Authority
from support.egress_proxies import egress_proxy

HOST = "crm.example.com"
URL = f"https://{HOST}"
TOKEN = {"token": "t-1"}


@dataclass
class HubSpotAtHome:
    """A CRM with TLS on this machine, whose certificate is for HOST. It refuses requests without its own tokens."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    granted: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(f"{request.method} {request.host}{request.path}")
        if request.path.endswith("/token"):
            form = await request.post()
            if (form.get("grant_type"), form.get("refresh_token")) != ("refresh_token", "r-1"):
                return web.json_response({"error": "invalid_grant"}, status=400)
            self.granted += 1
            return web.json_response({"access_token": "t-1", "refresh_token": "r-1", "expires_in": 1800})
        is_known = request.headers.get("Authorization") == "Bearer t-1"
        return web.json_response({"results": []}, status=200 if is_known else 401)


@asynccontextmanager
async def hubspot(authority: Authority) -> AsyncIterator[HubSpotAtHome]:
    pair, made = authority.issue("crm", HOST), HubSpotAtHome()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await runner.cleanup()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def resolved_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that leadline resolved itself, which it must leave to the proxy."""
    names: list[str] = []

    async def resolve(host: str) -> list[str]:
        names.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(egress, "resolved", resolve)
    return names


async def test_a_crm_is_reached_through_the_proxy_alone(
    tmp_path: Path, authority: Authority, resolved_here: list[str]
) -> None:
    async with hubspot(authority) as crm, egress_proxy({f"{HOST}:443": crm.port}) as proxy:
        through: dict[str, Any] = {"egress_proxy": proxy.url, "egress_ca": authority.file}
        async with administered(tmp_path, **through) as served:
            await served.create()
            await served.set_connection("hubspot", {"api_url": URL}, TOKEN)
            assert (await served.check()).state == CONNECTION_STATE_WORKING
    assert set(proxy.asked) == {f"CONNECT {HOST}:443 HTTP/1.1"}
    assert crm.requests
    assert all(f" {HOST}/" in request for request in crm.requests)
    assert not resolved_here


async def test_tokens_are_granted_through_the_proxy(tmp_path: Path, authority: Authority) -> None:
    secrets = {"client_secret": "s", "refresh_token": "r-1"}
    async with hubspot(authority) as crm, egress_proxy({f"{HOST}:443": crm.port}) as proxy:
        through: dict[str, Any] = {"egress_proxy": proxy.url, "egress_ca": authority.file}
        async with administered(tmp_path, **through) as served:
            await served.create()
            await served.set_connection("hubspot", {"api_url": URL, "client_id": "c"}, secrets)
            assert (await served.check()).state == CONNECTION_STATE_WORKING
    assert crm.granted == 1
    assert set(proxy.asked) == {f"CONNECT {HOST}:443 HTTP/1.1"}


async def test_without_the_administrators_root_certificate_the_crm_is_not_trusted(
    tmp_path: Path, authority: Authority
) -> None:
    async with hubspot(authority) as crm, egress_proxy({f"{HOST}:443": crm.port}) as proxy:
        for ca in (None, Authority(tmp_path / "other", "Other CA").file):
            async with administered(tmp_path / str(ca is None), egress_proxy=proxy.url, egress_ca=ca) as served:
                await served.create()
                await served.set_connection("hubspot", {"api_url": URL}, TOKEN)
                assert (await served.check()).state == CONNECTION_STATE_FAILING
    assert proxy.asked
    assert not crm.requests


PRIVATE = ["https://127.0.0.1", "https://10.0.0.1:8443", "https://[::1]", "https://169.254.169.254"]


@pytest.mark.parametrize("url", PRIVATE)
async def test_an_address_that_is_not_public_never_reaches_the_proxy(tmp_path: Path, url: str) -> None:
    async with egress_proxy({}) as proxy, administered(tmp_path, egress_proxy=proxy.url) as served:
        await served.create()
        code, _, fields = await refused(served.set_connection("hubspot", {"api_url": url}, TOKEN))
        assert (code, fields) == ("INVALID_ARGUMENT", ["connection.options.api_url"])
        stored = OwnConnection(adapter="hubspot", options={"api_url": url}, secrets=TOKEN)
        await served.app.ledger.account_connections.put("acme", stored, served.clock.now())
        checked = await served.check()
        assert "is not a public address" in checked.last_error
    assert proxy.asked == []


async def test_what_the_proxy_refuses_is_a_crm_that_cannot_be_reached(tmp_path: Path) -> None:
    async with egress_proxy({}) as proxy, administered(tmp_path, egress_proxy=proxy.url) as served:
        await served.create()
        await served.set_connection("hubspot", {"api_url": URL}, TOKEN)
        assert (await served.check()).state == CONNECTION_STATE_FAILING
    assert set(proxy.asked) == {f"CONNECT {HOST}:443 HTTP/1.1"}
