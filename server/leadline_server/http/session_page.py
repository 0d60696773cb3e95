"""/session: a browser signs in with an API key or a JWT, and out.

    POST /session {"key": "leadline_..."}     200, the cookie, and {"csrf_token": ..., "role": ..., ...}
    GET /session                              the same about the open session, or an embed token; 401 without one
    DELETE /session                           204: signed out; with ?everywhere=true in all browsers

Later requests have the cookie by themselves, and need `csrf_token` in the header `x-csrf-token`.
"""

from typing import Any, Final

from leadline_server.auth.authenticator import Authenticator
from leadline_server.auth.sessions import COOKIE, OpenedSession
from leadline_server.domain.access.principals import (
    ApiKey,
    BrowserSession,
    Credential,
    EmbedToken,
    VerifiedToken,
    principal,
)
from leadline_server.domain.access.rules import rpcs_of
from leadline_server.domain.access_errors import Unauthenticated
from leadline_server.http.gate import Receive, Scope, Send, answer
from leadline_server.http.json_page import read_texts, send_error, send_json
from leadline_server.http.rpcs import CallContext, context_of

SESSION_PATH: Final = "/session"


class SessionPage:
    """Signs browsers in and out.

    Args:
        authenticator: finds the principals of requests.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        work = {"POST": self._sign_in, "GET": self._show, "DELETE": self._sign_out}.get(scope["method"])
        if work is None:
            await answer(send, 405, b"")
            return
        try:
            await work(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the text of an unexpected error must not reach the caller
            await send_error(send, "session", error)

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = await read_texts(receive, frozenset({"key"}))
        text = (said or {}).get("key", "")
        if not text or not text.isascii() or not text.isprintable():
            await answer(send, 400, b"")
            return
        call = CallContext(None, [("authorization", f"Bearer {text}")], context_of(scope, None).peer())
        basis = (await self._authenticator.authenticate(call)).credential
        if not isinstance(basis, ApiKey | VerifiedToken):
            raise Unauthenticated("A session begins with an API key or a JWT.")
        opened = self._authenticator.sessions.open(basis)
        await send_json(send, 200, self._told(opened.session), _cookie(scope, opened))

    async def _show(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        call = context_of(scope, None)
        has_token = any(name == "authorization" for name, _ in call.invocation_metadata())
        shown: Credential | None
        if has_token:
            shown = (await self._authenticator.authenticate(call)).credential
        else:
            shown = await self._authenticator.session_of(call)
        if not isinstance(shown, BrowserSession | EmbedToken):
            raise Unauthenticated("Sign in first.")
        await send_json(send, 200, self._told(shown))

    async def _sign_out(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        session = (await self._authenticator.authenticate(context_of(scope, None))).credential
        if not isinstance(session, BrowserSession):
            raise Unauthenticated("There is no session to end.")
        await self._authenticator.sessions.end(session, everywhere=scope["query_string"] == b"everywhere=true")
        await answer(send, 204, b"", more=[(b"set-cookie", f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly".encode())])

    def _told(self, session: BrowserSession | EmbedToken) -> dict[str, Any]:
        who = principal(session)
        csrf = self._authenticator.sessions.csrf_token
        return {
            "csrf_token": csrf(session) if isinstance(session, BrowserSession) else "",
            "role": who.role.value,
            "account_id": who.account_id,
            "user_id": who.user_id,
            "expire_time": round(session.expire_time),
            "rpcs": rpcs_of(who),
        }


def _cookie(scope: Scope, opened: OpenedSession) -> bytes:
    """The Set-Cookie header (RFC 6265bis). Secure only over TLS: browsers drop it otherwise."""
    seconds = round(opened.session.expire_time - opened.session.issue_time)
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{COOKIE}={opened.cookie}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}".encode()
