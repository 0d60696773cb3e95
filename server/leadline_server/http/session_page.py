"""/session: a browser signs in with an API key or a JWT, and out.

    POST /session {"key": "leadline_..."}     200, the cookie, and {"csrf_token": ..., "role": ..., ...}
    GET /session                              the same about the open session; 401 without one
    DELETE /session                           204: signed out; with ?everywhere=true in all browsers

Later requests have the cookie by themselves, and need `csrf_token` in the header `x-csrf-token`.
"""

import json
from typing import Any, Final

from leadline_server.auth.authenticator import Authenticator
from leadline_server.auth.sessions import COOKIE, OpenedSession
from leadline_server.domain.access.principals import BrowserSession, principal
from leadline_server.domain.errors import LeadlineError, Unauthenticated
from leadline_server.http.gate import Receive, Scope, Send, answer
from leadline_server.http.rpcs import CallContext, context_of
from leadline_server.transport.endpoint import logged

SESSION_PATH: Final = "/session"

MOST_BYTES: Final = 16 * 1024
"""The most bytes of a request to sign in."""

_STATUSES: Final = {"UNAUTHENTICATED": 401, "UNAVAILABLE": 503}


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
            refusal = logged("session", error)
            status = _STATUSES.get(refusal.code.name, 400 if isinstance(error, LeadlineError) else 500)
            await _json(send, status, {"reason": refusal.reason, "message": refusal.message})

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = _key_in(await _body(receive))
        if not text:
            await answer(send, 400, b"")
            return
        call = CallContext(None, [("authorization", f"Bearer {text}")], context_of(scope, None).peer())
        basis = (await self._authenticator.authenticate(call)).credential
        if isinstance(basis, BrowserSession):
            raise Unauthenticated("A session cannot open another one.")
        opened = self._authenticator.sessions.open(basis)
        await _json(send, 200, self._told(opened.session), _cookie(scope, opened))

    async def _show(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        session = await self._authenticator.session_of(context_of(scope, None))
        if session is None:
            raise Unauthenticated("Sign in first.")
        await _json(send, 200, self._told(session))

    async def _sign_out(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        session = (await self._authenticator.authenticate(context_of(scope, None))).credential
        if not isinstance(session, BrowserSession):
            raise Unauthenticated("There is no session to end.")
        await self._authenticator.sessions.end(session, everywhere=scope["query_string"] == b"everywhere=true")
        await answer(send, 204, b"", more=[(b"set-cookie", f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly".encode())])

    def _told(self, session: BrowserSession) -> dict[str, Any]:
        who = principal(session)
        return {
            "csrf_token": self._authenticator.sessions.csrf_token(session),
            "role": who.role.value,
            "account_id": who.account_id,
            "user_id": who.user_id,
            "expire_time": round(session.expire_time),
        }


def _cookie(scope: Scope, opened: OpenedSession) -> bytes:
    """The Set-Cookie header (RFC 6265bis). Secure only over TLS: browsers drop it otherwise."""
    seconds = round(opened.session.expire_time - opened.session.issue_time)
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{COOKIE}={opened.cookie}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}".encode()


def _key_in(body: bytes) -> str:
    """The key of a request to sign in; empty if it is malformed."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    text = said.get("key") if isinstance(said, dict) else None
    return text if isinstance(text, str) and text.isascii() and text.isprintable() else ""


async def _body(receive: Receive) -> bytes:
    """The body; empty if it is too large or the client is gone."""
    body = b""
    while len(body) <= MOST_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body if len(body) <= MOST_BYTES else b""
    return b""


async def _json(send: Send, status: int, value: dict[str, Any], cookie: bytes = b"") -> None:
    more = [(b"set-cookie", cookie)] if cookie else []
    await answer(send, status, json.dumps(value).encode(), "application/json", more)
