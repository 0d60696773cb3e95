"""The device authorization grant (RFC 8628): a person consents on any device, and leadline asks until they did.

It is for machines without a browser. No redirect comes, so leadline asks the CRM again and again, no faster than that
wants it.
"""

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from leadline_server.crm.toolkit.delays import read_seconds
from leadline_server.crm.toolkit.http_exchange import Request, exchange
from leadline_server.crm.toolkit.oauth import OAuthAuthorizer
from leadline_server.crm.toolkit.oauth_answers import ConsentPending, check_granted
from leadline_server.crm.toolkit.oauth_grant import DeviceGrant, OAuthConsent
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.crm_errors import CrmUnavailable

SLOWER_SECONDS: Final = 5.0
"""By how much leadline asks more slowly after `slow_down` (RFC 8628, section 3.5)."""

MOST_SECONDS: Final = 1_800.0
"""How long a person is waited for at most, whatever the CRM says."""

_INTERVAL_SECONDS: Final = 5.0  # RFC 8628, section 3.2, if the CRM names none
_MOST_INTERVAL: Final = 60.0
_LIFE_SECONDS: Final = 600.0
_DEADLINE_SECONDS: Final = 10.0
_MOST_CODE: Final = 64
_MOST_ADDRESS: Final = 1_000


class _Told(WireRecord, frozen=True):
    """The answer of a device authorization endpoint (RFC 8628, section 3.2)."""

    device_code: str
    user_code: str
    verification_uri: str = ""
    verification_url: str = ""  # Zoho's name, from before the RFC
    expires_in: msgspec.Raw = msgspec.Raw(b"null")
    interval: msgspec.Raw = msgspec.Raw(b"null")


_told: Final = msgspec.json.Decoder(_Told)


@dataclass(frozen=True, slots=True, repr=False)
class DeviceRequest:
    """A request for consent on another device.

    Attributes:
        address: the page that a person opens.
        user_code: what the person enters there.
        seconds: how long that is possible.
    """

    address: str
    user_code: str
    seconds: float
    _grant: DeviceGrant
    _device_code: str
    _interval: float

    async def finish(self, authorizer: OAuthAuthorizer) -> None:
        """Ask until the person has consented, and store the tokens.

        Raises:
            CrmAuthFailed: the person refuses, or the time is over.
            CrmUnavailable: the CRM does not answer, or the tokens cannot be stored.
            TimeoutError: nobody consented in time.
        """
        form = {"grant_type": self._grant.grant_type, self._grant.code_field: self._device_code}
        interval = self._interval
        async with asyncio.timeout(self.seconds):
            while True:
                await asyncio.sleep(interval)
                try:
                    await authorizer.grant_by(form, self._grant.token_url)
                except ConsentPending as pending:
                    interval += SLOWER_SECONDS if pending.is_too_fast else 0.0
                else:
                    return


async def device_request(session: aiohttp.ClientSession, consent: OAuthConsent, device: DeviceGrant) -> DeviceRequest:
    """Ask a CRM for the codes. Raises CrmAuthFailed or CrmUnavailable."""
    form = {"client_id": consent.grant.client_id, **({"scope": consent.scope} if consent.scope else {}), **device.extra}
    request = Request(
        method="POST",
        address=URL(device.url),
        is_write=False,
        body=urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
    )
    answer = await exchange(session, request, {}, _DEADLINE_SECONDS)
    check_granted(answer)
    told = answer.decode(_told)
    page = told.verification_uri or told.verification_url
    if not _is_shown(told.user_code, _MOST_CODE) or not _is_page(page, device.url):
        raise CrmUnavailable("The CRM's answer has no code and address that a person can use.")
    return DeviceRequest(
        address=page,
        user_code=told.user_code,
        seconds=device.life or _seconds(told.expires_in, "expires_in", _LIFE_SECONDS, MOST_SECONDS),
        _grant=device,
        _device_code=told.device_code,
        _interval=device.interval or _seconds(told.interval, "interval", _INTERVAL_SECONDS, _MOST_INTERVAL),
    )


def _seconds(said: msgspec.Raw, name: str, usual: float, longest: float) -> float:
    try:
        value = msgspec.json.decode(said)
    except (msgspec.MsgspecError, ValueError):
        return usual
    seconds = read_seconds(value, name, longest=longest, unreadable=usual)
    return usual if seconds is None else max(1.0, seconds)


def _is_shown(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isascii() and text.isprintable()


def _is_page(address: str, of: str) -> bool:
    """Whether a person may be sent to a page: one with the same protection as the endpoint that named it."""
    scheme = of.partition("://")[0]
    return _is_shown(address, _MOST_ADDRESS) and address.startswith((f"{scheme}://", "https://"))
