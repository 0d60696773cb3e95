"""Embed tokens over HTTP: who gets one, what it may do, and the ends that come from elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from e2e.test_sessions import BODY, CRM, FIND, PHONE, Browser, browser
from leadline_server.auth.embed_tokens import EMBED_SECONDS
from leadline_server.domain.access.principals import Role
from leadline_server.ports.ledger.credentials import DenialKind
from support.access import ALICE, BOB, OTHER, OWN
from support.tokens import ISSUER, claims, signed

__all__ = ["browser"]

WATCH = "leadline.v1.CallLogService/WatchCallLogs"
WISH = {"account_id": OWN, "user_id": ALICE, "origin": CRM}


async def token(browser: Browser, key: str, **wish: Any) -> tuple[int, Any]:
    """Ask for an embed token. Returns the status and the answer."""
    headers = {"Authorization": f"Bearer {key}"}
    sent = {name: value for name, value in (WISH | wish).items() if value is not None}
    async with browser.session.post(f"{browser.base}/embed/token", json=sent, headers=headers) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else None


def framed(told: Any, origin: str = CRM) -> dict[str, str]:
    """The headers of a request from a frame."""
    return {"Authorization": f"Bearer {told['token']}", "X-Embed-Origin": origin}


async def test_a_token_acts_for_its_user_alone(browser: Browser) -> None:
    issued = await browser.served.issue(Role.SERVICE)
    status, told = await token(browser, issued.secret)
    assert status == 200
    assert issued.secret not in told["token"]
    assert await browser.find(**framed(told)) == 200
    assert await browser.find(account_id=OTHER, **framed(told)) == 404
    async with browser.session.get(f"{browser.base}/session", headers=framed(told)) as answer:
        about = await answer.json()
    assert (answer.status, about["role"], about["account_id"], about["user_id"]) == (200, "user", OWN, ALICE)
    assert (about["csrf_token"], "LogCall" in about["rpcs"], "ListUsers" in about["rpcs"]) == ("", True, False)
    url = f"{browser.base}/leadline.v1.PreferencesService/GetPreferences"
    for user, expected in ((ALICE, 200), (BOB, 403)):
        async with browser.session.post(url, json={"account_id": OWN, "user_id": user}, headers=framed(told)) as answer:
            assert answer.status == expected


@pytest.mark.parametrize("origin", ["", PHONE, "https://crm.example:8443", "https://crm.example/", "*", "null"])
async def test_a_token_is_of_one_origin(browser: Browser, origin: str) -> None:
    issued = await browser.served.issue(Role.SERVICE)
    _, told = await token(browser, issued.secret)
    assert await browser.find(**framed(told, origin)) == 401
    assert await browser.find(Authorization=f"Bearer {told['token']}") == 401
    assert await browser.find(**framed(told)) == 200  # and is not remembered for another
    assert await browser.find(**framed(told, origin)) == 401


@pytest.mark.parametrize(
    ("role", "wish", "expected"),
    [
        (Role.SERVICE, {}, 200),
        (Role.SERVICE, {"account_id": None}, 200),
        (Role.SERVICE, {"account_id": OTHER}, 404),
        (Role.SERVICE, {"user_id": None}, 400),
        (Role.SERVICE, {"user_id": "a\u202eb"}, 400),
        (Role.SERVICE, {"user_id": 7}, 400),
        (Role.SERVICE, {"origin": "https://evil.example"}, 400),
        (Role.SERVICE, {"origin": "*"}, 400),
        (Role.SERVICE, {"origin": None}, 400),
        (Role.SERVICE, {"more": "x"}, 400),
        (Role.ACCOUNT_ADMIN, {}, 200),
        (Role.USER, {"user_id": None}, 200),
        (Role.USER, {"user_id": BOB}, 403),
        (Role.PLATFORM, {}, 200),
        (Role.PLATFORM, {"account_id": None}, 400),
        (Role.REPORTER, {}, 403),
        (Role.AUDITOR, {}, 403),
        (Role.MONITOR, {}, 404),
    ],
)
async def test_a_token_is_for_those_who_may_act_for_the_user(
    browser: Browser, role: Role, wish: dict[str, Any], expected: int
) -> None:
    issued = await browser.served.issue(role)
    status, told = await token(browser, issued.secret, **wish)
    assert (status, (told or {}).get("token") is not None) == (expected, expected == 200)


async def test_a_token_is_no_credential_for_more(browser: Browser) -> None:
    issued = await browser.served.issue(Role.SERVICE)
    _, told = await token(browser, issued.secret)
    assert (await browser.sign_in(told["token"]))[0] == 401
    status, _ = await token(browser, told["token"])
    assert status == 401
    _, signed_in, _ = await browser.sign_in(issued.secret)
    path, headers = "/embed/token", {"x-csrf-token": signed_in["csrf_token"]}
    assert await browser.ask("POST", path, **headers) == 401  # a cookie is no key
    assert await browser.ask("GET", path) == 405


async def test_a_token_ends_by_itself_and_with_its_key(browser: Browser) -> None:
    issued = await browser.served.issue(Role.SERVICE)
    _, told = await token(browser, issued.secret)
    browser.served.clock.advance(timedelta(seconds=EMBED_SECONDS - 1))
    assert await browser.find(**framed(told)) == 200
    browser.served.clock.advance(timedelta(seconds=2))
    assert await browser.find(**framed(told)) == 401
    _, told = await token(browser, issued.secret)
    assert await browser.find(**framed(told)) == 200
    await browser.app.commands.keys.revoke(OWN, issued.key.key_id)
    assert await browser.find(**framed(told)) == 401


async def test_a_token_of_a_jwt_ends_with_it(browser: Browser) -> None:
    status, told = await token(browser, signed(claims(jti="t1")), user_id=None)
    assert status == 200
    assert await browser.find(**framed(told)) == 200
    await browser.app.commands.keys.deny(OWN, ISSUER, (DenialKind.TOKEN, "t1"), None)
    assert await browser.find(**framed(told)) == 401


async def test_a_watch_of_a_frame_ends_with_the_key(browser: Browser) -> None:
    issued = await browser.served.issue(Role.SERVICE)
    _, told = await token(browser, issued.secret)
    async with watch(browser, framed(told)) as answer:
        assert answer.status == 200
        await answer.content.readany()
        await browser.app.commands.keys.revoke(OWN, issued.key.key_id)
        assert b"unauthenticated" in await answer.content.read()


@asynccontextmanager
async def watch(browser: Browser, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
    """An open watch by Connect's streaming protocol."""
    body = b'{"account_id": "%b"}' % OWN.encode()
    sent = headers | {"Content-Type": "application/connect+json"}
    envelope = b"\x00" + len(body).to_bytes(4, "big") + body
    async with browser.session.post(f"{browser.base}/{WATCH}", data=envelope, headers=sent) as answer:
        yield answer


@pytest.mark.parametrize("forged", ["", "x", "A" * 900, "é"])
async def test_a_forged_token_is_refused(browser: Browser, forged: str) -> None:
    headers = {"Authorization": f"Bearer leadline-embed_{forged}", "X-Embed-Origin": CRM}
    async with browser.session.post(f"{browser.base}/{FIND}", json=BODY, headers=headers) as answer:
        assert answer.status == 401


async def test_the_pages_for_frames_name_their_origins_alone(browser: Browser) -> None:
    for path in ("/embed/pop", "/embed/prompt?call_id=x"):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}
        async with browser.session.get(browser.base + path, headers=headers) as answer:
            assert answer.status == 200
            assert f"frame-ancestors {CRM} {PHONE}" in answer.headers["Content-Security-Policy"]
            assert "X-Frame-Options" not in answer.headers
            assert f'content="{CRM} {PHONE}"' in await answer.text()
    assert await browser.ask("GET", "/", **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert await browser.ask("POST", "/embed/token", **{"Sec-Fetch-Site": "cross-site"}) == 403
