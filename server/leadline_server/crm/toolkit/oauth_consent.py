"""The authorization code grant (RFC 6749, section 4.1): a person consents, and the CRM redirects to this machine.

The redirect comes to the loopback interface (RFC 8252, section 7.3), with a random state, and with PKCE (RFC 7636)
where the CRM knows it.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from leadline_server.crm.toolkit.oauth import OAuthAuthorizer
from leadline_server.crm.toolkit.oauth_grant import OAuthConsent
from leadline_server.domain.crm_errors import CrmAuthFailed

CALLBACK: Final = "/callback"
_RANDOM_BYTES: Final = 32
_PAGE: Final = "You can close this window, and go back to the terminal."
_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class ConsentRequest:
    """One request for consent. Its state and its verifier are of no use to another.

    Args:
        consent: where a person consents.
        redirect_uri: where the CRM redirects to, as the app is registered with it.
    """

    def __init__(self, consent: OAuthConsent, redirect_uri: str) -> None:
        self._consent = consent
        self._redirect_uri = redirect_uri
        self._state = secrets.token_urlsafe(_RANDOM_BYTES)
        self._verifier = secrets.token_urlsafe(_RANDOM_BYTES)

    @property
    def address(self) -> str:
        """The address that a person opens."""
        consent = self._consent
        query = {
            "response_type": "code",
            "client_id": consent.grant.client_id,
            "redirect_uri": self._redirect_uri,
            "state": self._state,
            **({"scope": consent.scope} if consent.scope else {}),
            **(self._challenge() if consent.has_pkce else {}),
            **consent.extra,
        }
        return f"{consent.authorize_url}?{urlencode(query)}"

    def code_of(self, query: Mapping[str, str]) -> str:
        """The code of a redirect. Raises CrmAuthFailed if it is not an answer to this request, or is a refusal."""
        if not hmac.compare_digest(query.get("state", "").encode(), self._state.encode()):
            raise CrmAuthFailed("The redirect does not belong to this request. Begin again.")
        if not query.get("code"):
            said = query.get("error", "")
            reason = said[:60] if said.replace("_", "").isalnum() else "it does not say why"
            raise CrmAuthFailed(f"The CRM grants no access: {reason}.")
        return query["code"]

    async def finish(self, authorizer: OAuthAuthorizer, code: str) -> None:
        """Exchange the code for tokens, and store them. Raises CrmAuthFailed or CrmUnavailable."""
        verifier = {"code_verifier": self._verifier} if self._consent.has_pkce else {}
        await authorizer.grant_by(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri, **verifier}
        )

    def _challenge(self) -> Mapping[str, str]:
        digest = hashlib.sha256(self._verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return {"code_challenge": challenge, "code_challenge_method": "S256"}


@asynccontextmanager
async def redirects(port: int) -> AsyncIterator[tuple[str, "asyncio.Future[Mapping[str, str]]"]]:
    """Take one redirect on the loopback interface until the body ends.

    Yields its address, and a future with its query. Raises OSError if the port is taken.
    """
    taken: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()

    async def take(request: web.Request) -> web.Response:
        if not taken.done() and ("code" in request.query or "error" in request.query):
            taken.set_result(dict(request.query))
        return web.Response(text=_PAGE, headers=_HEADERS)

    app = web.Application(client_max_size=16_384)
    app.router.add_get(CALLBACK, take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)  # no log: the address has the code
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://localhost:{runner.addresses[0][1]}{CALLBACK}", taken
    finally:
        await runner.cleanup()
