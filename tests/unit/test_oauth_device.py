"""The codes of the device authorization grant (RFC 8628): what a person is shown, and for how long."""

from typing import Any

import aiohttp
import pytest
from aiohttp import web
from leadline_server.crm.toolkit.oauth_device import MOST_SECONDS, DeviceRequest, device_request
from leadline_server.crm.toolkit.oauth_grant import DeviceGrant, OAuthConsent, OAuthGrant
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmUnavailable
from support.http_servers import http_server

PAGE = "https://login.example.com/device"


async def asked(body: Any, status: int = 200) -> DeviceRequest:
    """The request that a CRM's answer makes."""

    async def answer(request: web.Request) -> web.Response:
        form = await request.post()
        assert dict(form) == {"client_id": "c", "scope": "api", "response_type": "device_code"}
        return web.json_response(body, status=status)

    async with http_server(answer) as url, aiohttp.ClientSession() as session:
        grant = OAuthGrant(token_url=f"{url}/token", client_id="c", client_secret="s")
        consent = OAuthConsent(grant=grant, authorize_url=url, scope="api")
        return await device_request(
            session, consent, DeviceGrant(url=f"{url}/d", extra={"response_type": "device_code"})
        )


def told(**changes: Any) -> dict[str, Any]:
    return {"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": PAGE, **changes}


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(None, 600.0), (300, 300.0), ("300", 300.0), (1e99, MOST_SECONDS), ("inf", MOST_SECONDS), (0, 1.0), (-5, 1.0)],
)
async def test_the_time_is_bounded_whatever_the_crm_says(expires_in: Any, seconds: float) -> None:
    request = await asked(told(expires_in=expires_in))
    assert (request.address, request.user_code, request.seconds) == (PAGE, "WDJB-MJHT", seconds)


@pytest.mark.parametrize(
    "changes",
    [
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "file:///etc/passwd"},
        {"verification_uri": "https://login.example.com/\x1b[2J"},
        {"verification_uri": "https://login.example.com/" + "x" * 1_000},
        {"user_code": ""},
        {"user_code": "WDJB\nMJHT"},
        {"user_code": "W" * 65},
    ],
)
async def test_a_code_or_an_address_that_nobody_can_use_is_not_shown(changes: dict[str, str]) -> None:
    with pytest.raises(CrmUnavailable, match="code and address that a person can use"):
        await asked(told(**changes))


async def test_a_refusal_says_why() -> None:
    with pytest.raises(CrmAuthFailed, match="unauthorized_client"):
        await asked({"error": "unauthorized_client"}, 400)


async def test_the_codes_are_not_shown_by_repr() -> None:
    assert "WDJB" not in repr(await asked(told()))
