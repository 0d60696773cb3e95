"""A browser's session over HTTP: sign in, CSRF token, sign out, and the ends that come from elsewhere."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from leadline_server.app import App
from leadline_server.auth.issuers import IssuerConfig
from leadline_server.config import Settings
from leadline_server.domain.access.principals import Role
from leadline_server.domain.audit import AuditFilter
from leadline_server.http.receiver import receiver_of
from leadline_server.http.server import HttpOptions, http_server
from leadline_server.ports.ledger.credentials import DenialKind
from support.access import OTHER, OWN, Guarded, guarded
from support.tokens import AUDIENCE, ISSUER, claims, key_set, signed

FIND = "leadline.v1.ContactService/FindContact"
CRM, PHONE = "https://crm.example", "https://phone.example:8443"
BODY = {"account_id": OWN, "phone_numbers": ["+12025550147"]}


class Browser(NamedTuple):
    """A browser: it keeps cookies."""

    served: Guarded
    app: App
    session: aiohttp.ClientSession
    base: str

    async def sign_in(self, key: str, **headers: str) -> tuple[int, Any, str]:
        async with self.session.post(f"{self.base}/session", json={"key": key}, headers=headers) as answer:
            return answer.status, await answer.json(), answer.headers.get("Set-Cookie", "")

    async def find(self, csrf: str = "", account_id: str = OWN, **headers: str) -> int:
        sent = {"x-csrf-token": csrf} if csrf else {}
        async with self.session.post(
            f"{self.base}/{FIND}", json=BODY | {"account_id": account_id}, headers=sent | headers
        ) as answer:
            return answer.status

    async def ask(self, method: str, path: str = "/session", **headers: str) -> int:
        async with self.session.request(method, self.base + path, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    file = tmp_path / "keys.json"
    file.write_bytes(key_set())
    issuer = IssuerConfig(issuer=ISSUER, audiences=(AUDIENCE,), jwks_file=file)
    async with guarded(tmp_path / "data", issuers={"id": issuer}, embed_origins=f"{CRM}, {PHONE}") as served:
        receiver = receiver_of(served.app, Settings(data_dir=tmp_path / "data"), served.server.door, served.registry)
        running = http_server(
            "127.0.0.1:0",
            served.server.methods,
            receiver,
            HttpOptions(authenticator=served.app.authenticator, has_console=True, embed_origins=(CRM, PHONE)),
        )
        jar = aiohttp.CookieJar(unsafe=True)  # for addresses, too
        async with running as port, aiohttp.ClientSession(cookie_jar=jar) as session:
            yield Browser(served, served.app, session, f"http://127.0.0.1:{port}")


async def test_a_session_takes_the_place_of_the_key(browser: Browser) -> None:
    issued = await browser.served.issue(Role.USER)
    assert await browser.find() == 401
    status, told, cookie = await browser.sign_in(issued.secret)
    assert (status, told["role"], told["account_id"], told["user_id"]) == (200, "user", OWN, "alice")
    attributes = {part.strip().partition("=")[0] for part in cookie.split(";")}
    assert {"HttpOnly", "SameSite", "Path", "Max-Age"} < attributes
    assert "SameSite=Strict" in cookie
    assert issued.secret not in cookie + json.dumps(told)
    assert await browser.find(told["csrf_token"]) == 200
    assert await browser.find(told["csrf_token"], OTHER) == 404
    assert await browser.ask("GET") == 200
    async with browser.session.get(f"{browser.base}/session") as answer:
        assert (await answer.json())["csrf_token"] == told["csrf_token"]


async def test_signing_in_and_out_is_in_the_audit_trail(browser: Browser) -> None:
    issued = await browser.served.issue(Role.USER)
    _, told, _ = await browser.sign_in(issued.secret)
    assert await browser.ask("DELETE", **{"x-csrf-token": told["csrf_token"]}) == 204
    await browser.app.observations.store()
    ledger = browser.app.ledger
    while await ledger.audit.has_new():
        await ledger.audit.chain(1000)
    found = {}
    for account_id, action in ((OWN, "session.started"), ("", "session.ended")):
        [entry] = (await ledger.audit.find(account_id, 0, 10, AuditFilter(action=action))).entries
        found[action] = json.loads(entry.document)
    assert {entry["actor"] for entry in found.values()} == {f"key:{issued.key.key_id}"}
    assert found["session.started"]["subject"] == found["session.ended"]["subject"]


async def test_a_request_needs_the_sessions_own_csrf_token(browser: Browser) -> None:
    issued = await browser.served.issue(Role.USER)
    _, first, _ = await browser.sign_in(issued.secret)
    _, second, _ = await browser.sign_in(issued.secret)
    assert first["csrf_token"] != second["csrf_token"]
    for wrong in ("", "x", first["csrf_token"], second["csrf_token"][:-1]):
        assert await browser.find(wrong) == 401
        assert await browser.ask("DELETE", **({"x-csrf-token": wrong} if wrong else {})) == 401
    assert await browser.find(second["csrf_token"]) == 200


@pytest.mark.parametrize("everywhere", [False, True])
async def test_signing_out_ends_one_session_or_all(browser: Browser, everywhere: bool) -> None:  # noqa: FBT001
    issued = await browser.served.issue(Role.USER)
    _, other, cookie = await browser.sign_in(issued.secret)
    others = {"Cookie": cookie.partition(";")[0]}
    _, told, _ = await browser.sign_in(issued.secret)
    mine = {"Cookie": f"leadline_session={next(iter(browser.session.cookie_jar)).value}"}
    path = "/session?everywhere=true" if everywhere else "/session"
    assert await browser.ask("DELETE", path, **{"x-csrf-token": told["csrf_token"]}) == 204
    browser.session.cookie_jar.clear()
    assert await browser.find(told["csrf_token"], **mine) == 401
    assert await browser.find(other["csrf_token"], **others) == (401 if everywhere else 200)
    status, again, _ = await browser.sign_in(issued.secret)
    assert status == 200
    assert await browser.find(again["csrf_token"]) == 200


async def test_a_session_ends_with_its_key(browser: Browser) -> None:
    issued = await browser.served.issue(Role.USER)
    _, told, _ = await browser.sign_in(issued.secret)
    assert await browser.find(told["csrf_token"]) == 200
    await browser.app.commands.keys.revoke(OWN, issued.key.key_id)
    assert await browser.find(told["csrf_token"]) == 401
    assert await browser.ask("GET") == 401


async def test_a_session_of_a_token_ends_with_it(browser: Browser) -> None:
    status, told, cookie = await browser.sign_in(signed(claims(jti="t1")))
    assert status == 200
    assert int(cookie.partition("Max-Age=")[2].partition(";")[0]) <= 300
    assert await browser.find(told["csrf_token"]) == 200
    await browser.app.commands.keys.deny(OWN, ISSUER, (DenialKind.TOKEN, "t1"), None)
    assert await browser.find(told["csrf_token"]) == 401


async def test_a_session_expires(browser: Browser) -> None:
    issued = await browser.served.issue(Role.USER)
    _, told, _ = await browser.sign_in(issued.secret)
    browser.served.clock.advance(timedelta(hours=12, seconds=-60))
    assert await browser.find(told["csrf_token"]) == 200
    browser.served.clock.advance(timedelta(seconds=61))
    assert await browser.find(told["csrf_token"]) == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"key": 7}', 400),
        (b'{"key": ""}', 400),
        (b'{"key": "a\\nb"}', 400),
        (b'{"key": "' + b"x" * 20_000 + b'"}', 400),
        (b'{"key": "leadline_wrong"}', 401),
        (b'{"key": "a.b.c"}', 401),
    ],
)
async def test_signing_in_wants_one_good_key(browser: Browser, body: bytes, status: int) -> None:
    async with browser.session.post(f"{browser.base}/session", data=body) as answer:
        assert answer.status == status
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("cookie", ["x", "leadline_session=x", "leadline_session=" + "A" * 900, "leadline_session=é"])
async def test_a_forged_cookie_is_refused(browser: Browser, cookie: str) -> None:
    assert await browser.find("x", Cookie=cookie) == 401
    assert await browser.ask("GET", Cookie=cookie) == 401


async def test_another_sites_page_cannot_sign_in(browser: Browser) -> None:
    issued = await browser.served.issue(Role.USER)
    async with browser.session.post(
        f"{browser.base}/session", json={"key": issued.secret}, headers={"Sec-Fetch-Site": "cross-site"}
    ) as answer:
        assert answer.status == 403
    assert await browser.ask("PUT") == 405
