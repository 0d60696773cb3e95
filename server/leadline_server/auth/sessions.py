"""Sessions of browsers: a cookie in place of a key, so that no script of a page ever has the key.

A cookie is signed and not stored: it has the session's id, its times, and the digest of the key or the claims of the
JWT that it was opened with. The key, or the denial of the JWT, is looked at again at every request. The ledger has only
the sessions that were ended by hand.

A browser sends cookies with requests that other pages cause. So each request needs the session's CSRF token as well, in
a header, which other pages cannot read (OWASP, "Cross-Site Request Forgery Prevention", signed double submit).
"""

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from leadline_server.auth.bases import end_of, restored_basis, stored_basis
from leadline_server.domain import tokens
from leadline_server.domain.access.principals import ApiKey, BrowserSession, VerifiedToken, principal
from leadline_server.domain.access_errors import Unauthenticated
from leadline_server.domain.audit import Actor
from leadline_server.ports.ledger.credentials import Credentials, DenialKind, TokenDenial

COOKIE: Final = "leadline_session"
CSRF_HEADER: Final = "x-csrf-token"

SESSION_SECONDS: Final = 12 * 3600.0
"""How long a session lasts, in seconds; less if its key or its JWT ends before."""

MOST_COOKIE: Final = 4_096
"""The most characters of a Cookie header that is read."""

_KIND: Final = "session"
_CSRF: Final = "csrf"


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session: its cookie and its CSRF token."""

    session: BrowserSession
    cookie: str
    csrf_token: str

    def __repr__(self) -> str:
        return f"OpenedSession({self.session.session_id})"


class Sessions:
    """Opens, finds and ends sessions.

    Args:
        secret: the ledger's secret, which signs cookies.
        credentials: the ledger's credentials.
        now: the clock.
        note: takes each new session, for the audit trail.
    """

    def __init__(
        self,
        secret: bytes,
        credentials: Credentials,
        now: Callable[[], datetime],
        note: Callable[[BrowserSession], object] = lambda _session: None,
    ) -> None:
        self._note = note
        self._secret = secret
        self._credentials = credentials
        self._now = now

    def open(self, basis: ApiKey | VerifiedToken) -> OpenedSession:
        """A new session.

        Raises:
            Unauthenticated: the claims of a JWT are too long for a cookie.
        """
        now = self._now().timestamp()
        session = BrowserSession(
            session_id=secrets.token_hex(8),
            issue_time=now,
            expire_time=min(now + SESSION_SECONDS, end_of(basis)),
            basis=basis,
        )
        try:
            cookie = tokens.sign(self._secret, _KIND, "", _payload(session))
        except ValueError:
            raise Unauthenticated("The claims of this token are too long for a session.") from None
        self._note(session)
        return OpenedSession(session, cookie, self.csrf_token(session))

    def csrf_token(self, session: BrowserSession) -> str:
        """The CSRF token of a session."""
        return tokens.sign(self._secret, _CSRF, session.session_id, "")

    async def find(self, cookie: str) -> BrowserSession | None:
        """The session of a cookie, if leadline made it and it has not ended; its basis is not looked at."""
        payload = tokens.verify(self._secret, _KIND, "", cookie)
        session = None if payload is None else await self._restored(json.loads(payload))
        return session if session is not None and await self.is_open(session) else None

    async def is_open(self, session: BrowserSession) -> bool:
        """Whether a session has neither expired nor been ended."""
        if session.expire_time <= self._now().timestamp():
            return False
        return not await self._credentials.is_ended(session, principal(session).id)

    def has_csrf_token(self, session: BrowserSession, token: str) -> bool:
        """Whether a token is the session's."""
        return hmac.compare_digest(self.csrf_token(session).encode(), token.encode("utf-8", "replace"))

    async def end(self, session: BrowserSession, *, everywhere: bool) -> None:
        """End a session; with `everywhere` all of its principal, in every browser."""
        now = self._now()
        await self._credentials.deny(
            TokenDenial(
                account_id="",
                issuer="",
                kind=DenialKind.SESSIONS if everywhere else DenialKind.SESSION,
                value=principal(session).id if everywhere else session.session_id,
                denied_at=now,
                until=datetime.fromtimestamp(now.timestamp() + SESSION_SECONDS, UTC),  # no session is older then
            ),
            Actor(principal(session).id),
        )

    async def _restored(self, said: dict[str, Any]) -> BrowserSession | None:
        basis = await restored_basis(said, self._credentials)
        times = {"session_id": said["id"], "issue_time": said["from"], "expire_time": said["to"]}
        return None if basis is None else BrowserSession(**times, basis=basis)


def cookie_in(header: str) -> str:
    """The session's cookie in a Cookie header; empty without one."""
    if len(header) > MOST_COOKIE:
        return ""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _payload(session: BrowserSession) -> str:
    times = {"id": session.session_id, "from": session.issue_time, "to": session.expire_time}
    return json.dumps(times | stored_basis(session.basis), separators=(",", ":"))
