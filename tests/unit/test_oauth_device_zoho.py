"""Zoho's device flow ("Non-browser applications"), by a fake that is as strict as Zoho's pages."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from leadline_server.crm.toolkit.oauth import oauth_authorizer
from leadline_server.crm.toolkit.oauth_device import DeviceRequest, device_request
from leadline_server.crm.toolkit.oauth_grant import BY_CONSENT, DeviceGrant, OAuthConsent
from leadline_server.crm.zoho.adapter_type import SCOPES, ZOHO
from leadline_server.domain.crm_errors import CrmAuthFailed
from support.adapters import adapter_context
from support.http_servers import http_server

INTERVAL: Final = 0.05
"""Zoho's half minute between two questions, in seconds of this test."""

APP: Final = {"client_id": "1000.LEADLINE", "client_secret": "hush"}


@dataclass
class Accounts:
    """Zoho's accounts server. It answers errors with status 200; a device code is good once."""

    steps: list[str] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    device_code: str = ""
    page: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        assert request.method == "POST"
        assert not request.query, "a secret in an address"
        form = {name: str(value) for name, value in (await request.post()).items()}
        answers = {
            "/oauth/v3/device/code": self._begin,
            "/oauth/v3/device/token": self._ask,
            "/oauth/v2/token": self._refresh,
        }
        return web.json_response(answers[request.path](form))

    def _begin(self, form: dict[str, str]) -> dict[str, Any]:
        wanted = {"grant_type": "device_request", "access_type": "offline", "prompt": "consent", "scope": SCOPES}
        if form != wanted | {"client_id": APP["client_id"]}:
            return {"error": "invalid_request"}
        self.device_code, self.page = "1004.dev", "https://accounts.zoho.eu/oauth/v3/device"
        times = {"interval": 30_000, "expires_in": 300_000}
        return {"user_code": "Y70S0F", "device_code": self.device_code, "verification_url": self.page, **times}

    def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        now = time.monotonic()
        is_early = bool(self.asked_at) and now - self.asked_at[-1] < INTERVAL
        self.asked_at.append(now)
        if form != {"grant_type": "device_token", "code": self.device_code, **APP} or not self.device_code:
            return {"error": "invalid_code"}
        if is_early or self.steps:
            return {"error": "slow_down" if is_early else self.steps.pop(0), "user_location": "us"}
        self.device_code = ""
        return {"access_token": "a1", "refresh_token": "r1", "expires_in": 3600, "api_domain": "https://x"}

    def _refresh(self, form: dict[str, str]) -> dict[str, Any]:
        is_right = form == {"grant_type": "refresh_token", "refresh_token": "r1", **APP}
        return {"access_token": "a2", "expires_in": 3600} if is_right else {"error": "invalid_code"}


def consent_at(url: str) -> tuple[OAuthConsent, DeviceGrant]:
    """The adapter's consent."""
    table = {"data_center": "eu", "accounts_url": url, "refresh_token": BY_CONSENT, **APP}
    assert ZOHO.consent is not None
    consent = ZOHO.consent(ZOHO.settings.model_validate(table))
    assert consent is not None
    assert consent.device is not None
    return consent, consent.device


@asynccontextmanager
async def asked(folder: Path, *steps: str) -> AsyncIterator[tuple[Accounts, DeviceRequest, Any]]:
    """A request for consent, and the authorizer of the connection."""
    accounts = Accounts(list(steps))
    async with http_server(accounts.handle) as url, adapter_context(folder) as context:
        consent, device = consent_at(url)
        assert (device.interval, device.life) == (30.0, 300.0)
        request = await device_request(context.session, consent, replace(device, interval=INTERVAL * 1.2))
        yield accounts, request, oauth_authorizer(consent.grant, context)


async def test_a_person_consents_elsewhere_and_the_tokens_are_used(tmp_path: Path) -> None:
    async with asked(tmp_path, "authorization_pending", "authorization_pending") as (accounts, request, authorizer):
        assert (request.address, request.user_code, request.seconds) == (accounts.page, "Y70S0F", 300.0)
        await request.finish(authorizer)
        assert await authorizer.headers() == {"Authorization": "Zoho-oauthtoken a1"}
        assert len(accounts.asked_at) == 3
        assert all(after - before >= INTERVAL for before, after in pairwise(accounts.asked_at))
        assert await authorizer.renew({"Authorization": "Zoho-oauthtoken a1"})
        assert await authorizer.headers() == {"Authorization": "Zoho-oauthtoken a2"}


@pytest.mark.parametrize("said", ["access_denied", "expired", "other_dc"])
async def test_a_refusal_says_why_and_stores_nothing(tmp_path: Path, said: str) -> None:
    async with asked(tmp_path, "authorization_pending", said) as (_, request, authorizer):
        with pytest.raises(CrmAuthFailed, match=said):
            await request.finish(authorizer)
        with pytest.raises(CrmAuthFailed, match="No access is granted yet"):
            await authorizer.headers()


async def test_a_question_that_comes_too_early_makes_leadline_slower(tmp_path: Path) -> None:
    async with asked(tmp_path, "slow_down") as (accounts, request, authorizer):
        finishing = asyncio.create_task(request.finish(authorizer))
        while not accounts.asked_at:
            await asyncio.sleep(0.01)
        await asyncio.sleep(4 * INTERVAL)
        assert len(accounts.asked_at) == 1
        finishing.cancel()
