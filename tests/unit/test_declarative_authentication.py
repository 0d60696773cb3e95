"""How the adapter of a definition authenticates itself: basic authentication, a login, and OAuth."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmError, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from support.acorn import acorn

NUMBER = parse_number("+12025550147", "US")


DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER, email="ada@example.com")


def _json(body: Any, status: int = 200, **headers: str) -> web.Response:
    return web.json_response(body, status=status, headers=headers)


def _authentication(text: str) -> dict[str, str]:
    return {'type = "header"\nheader = "X-Acorn-Key"\nvalue = "{{ api_key }}"': text}


async def test_basic_authentication_is_sent_and_kept_secret(tmp_path: Path) -> None:
    async with acorn(tmp_path, _authentication('type = "basic"\nuser = "me"\npassword = "{{ api_key }}"')) as (
        adapter,
        crm,
    ):
        crm.instead = lambda request: _json({"error": {"message": request.headers["Authorization"]}}, status=400)
        with pytest.raises(CrmRejected) as caught:
            await adapter.create_contact(DRAFT, "k")
        assert crm.seen[0][0].headers["Authorization"] == "Basic bWU6YWNvcm4tc2VjcmV0LWtleQ=="
        assert "bWU6" not in str(caught.value)


LOGIN = """type = "login"
path = "/login"
body = { name = "me", password = "{{ api_key }}" }
token = "token"
lifetime = "life"
header = "X-Acorn-Key"
value = "{{ access_token }}"
"""


def _logged_in(tokens: Sequence[str], accepted: set[str]) -> Any:
    """Answers logins with one token after another, and other requests by whether their token is accepted."""
    left = list(tokens)

    def answer(request: web.Request) -> web.Response:
        if request.path == "/login":
            return _json({"token": left.pop(0), "life": "600"})
        good = request.headers["X-Acorn-Key"] in accepted
        return _json({"active": True} if good else {}, status=200 if good else 401)

    return answer


@pytest.mark.parametrize("life", ['"inf"', "1e300", '"soon"', "18446744073709551615", "[[7]]"])
async def test_a_login_s_token_may_have_any_life(tmp_path: Path, life: str) -> None:
    def answer(request: web.Request) -> web.Response:
        if request.path == "/login":
            return web.Response(text=f'{{"token": "one", "life": {life}}}', content_type="application/json")
        return _json({"active": request.headers["X-Acorn-Key"] == "one"})

    async with acorn(tmp_path, _authentication(LOGIN)) as (adapter, crm):
        crm.instead = answer
        await adapter.check()
        await adapter.check()
        logins = sum(request.path == "/login" for request, _ in crm.seen)
    assert logins == (2 if life == "[[7]]" else 1)  # a life that is neither number nor text is over at once, as before


async def test_a_login_is_shared_and_repeated_when_its_token_is_refused(tmp_path: Path) -> None:
    async with acorn(tmp_path, _authentication(LOGIN)) as (adapter, crm):
        crm.instead = _logged_in(["one", "two"], accepted := {"one"})
        await asyncio.gather(*(adapter.check() for _ in range(8)))
        logins = [body for request, body in crm.seen if request.path == "/login"]
        assert logins == [{"name": "me", "password": "acorn-secret-key"}]
        accepted.clear()
        accepted.add("two")
        await adapter.check()
        assert sum(request.path == "/login" for request, _ in crm.seen) == 2


@pytest.mark.parametrize(("status", "error"), [(400, CrmAuthFailed), (401, CrmAuthFailed), (503, CrmUnavailable)])
async def test_a_login_that_fails_says_why(tmp_path: Path, status: int, error: type[CrmError]) -> None:
    async with acorn(tmp_path, _authentication(LOGIN)) as (adapter, crm):
        crm.instead = lambda _: _json({}, status=status)
        with pytest.raises(error):
            await adapter.create_contact(DRAFT, "k")
        crm.instead = lambda _: _json({"no": "token"})
        with pytest.raises(CrmAuthFailed):
            await adapter.check()


async def test_oauth_tokens_are_asked_for_with_the_variables(tmp_path: Path) -> None:
    oauth = 'type = "oauth2"\ntoken_url = "{{ base_url }}/token"\nclient_id = "me"\nclient_secret = "{{ api_key }}"'

    def answer(request: web.Request) -> web.Response:
        if request.path == "/token":
            return _json({"access_token": "granted", "expires_in": 600})
        return _json({"active": request.headers["Authorization"] == "Bearer granted"})

    async with acorn(tmp_path, _authentication(oauth)) as (adapter, crm):
        crm.instead = answer
        await adapter.check()
