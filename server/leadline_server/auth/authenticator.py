"""Finds the principal of a request, by the credential that it presents.

    authorization: Bearer leadline_...      an API key
    authorization: Bearer eyJ...            a JWT of an issuer in the settings
    authorization: Bearer leadline-embed_.. the token of a page in a frame, with the frame's origin in another header
    cookie: leadline_session=...            the session of a browser, with its CSRF token in a header of its own
    none of these                           the client certificate of the connection, by a name in it

A revoked key is refused by every process at the next request: all share a version, which changes with every change of
keys and denials. Watches are asked again twice a second (`transport/streams.py`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final, NoReturn

from leadline_server.auth.attempts import FailedAttempts
from leadline_server.auth.call_head import Authenticated, CallHead, TokenVerifier
from leadline_server.auth.certificate_names import MOST_NAMES, certificate_end, certificate_names
from leadline_server.auth.embed_tokens import EMBED_PREFIX, ORIGIN_HEADER, EmbedTokens
from leadline_server.auth.forwarded import FORWARDED_HEADER, forwarded_names
from leadline_server.auth.ledger_contact import LedgerContact
from leadline_server.auth.seen_credentials import HEADER, RecentHeaders, SeenCredential, at_once_by
from leadline_server.auth.sessions import CSRF_HEADER, Sessions, cookie_in
from leadline_server.domain.access.api_keys import PREFIX, certificate_digest, key_digest, key_id_of
from leadline_server.domain.access.principals import (
    ApiKey,
    BrowserSession,
    Credential,
    EmbedToken,
    VerifiedToken,
    basis_of,
    principal,
)
from leadline_server.domain.access_errors import Unauthenticated
from leadline_server.ports.ledger import Credentials

MOST_SEEN: Final = 50_000
"""Credentials that are remembered. A full cache is emptied."""

MOST_RECENT: Final = 1_024
MOST_RECENT_LENGTH: Final = 4_096
"""Headers that are remembered as they are, and their length. A full cache is emptied."""

KEEP_SECONDS: Final = 60.0
"""How long a credential is remembered at most, in seconds."""

_SCHEME: Final = "bearer "
_MISSING: Final = "This server requires a credential. Send the metadata `authorization: Bearer KEY`."
_REFUSED: Final = "The credential is not accepted."
_CERTIFICATE_EXPIRED: Final = "The client certificate has expired. Connect with a new one."


class Authenticator:
    """Finds principals.

    Args:
        credentials: the ledger's credentials.
        tokens: verifies JWTs; None: no issuer is set.
        attempts: slows down peers that fail.
        contact: whether the ledger can be reached.
        sessions: the sessions of browsers.
        embeds: the tokens of pages in frames.
        now: the clock.
        proxy: the DNS name or URI in the certificate of a proxy that tells its clients' names; empty: none.
    """

    def __init__(
        self,
        credentials: Credentials,
        tokens: TokenVerifier | None,
        attempts: FailedAttempts,
        contact: LedgerContact,
        sessions: Sessions,
        embeds: EmbedTokens,
        now: Callable[[], datetime],
        proxy: str = "",
    ) -> None:
        self._credentials = credentials
        self._version = credentials.version
        self._tokens = tokens
        self._contact = contact
        self._now = now
        self._proxy = frozenset({f"DNS:{proxy}", f"URI:{proxy}"} if proxy else ())
        self._seen: dict[bytes, SeenCredential] = {}
        self._recent = RecentHeaders()
        self._key_ids: set[str] = set()
        self.at_once: Final = at_once_by(self._recent, self._recall, self._version, contact)
        """As `authenticate`, for a credential that was accepted a moment ago. None if more work is needed.

        It takes the request, and the time of `perf_counter`."""
        self.attempts = attempts
        self.sessions = sessions
        self.embeds = embeds

    def _recall(self, header: str) -> SeenCredential | None:
        """The credential of an accepted header that is not a recent one; None: it is unknown."""
        seen = self._seen.get(_digest(header))
        if seen is not None:
            self._keep_recent(header, seen)
        return seen

    def _keep_recent(self, header: str, seen: SeenCredential) -> None:
        if len(self._recent) >= MOST_RECENT:
            self._recent.clear()
        if len(header) <= MOST_RECENT_LENGTH:
            self._recent[header] = seen

    async def authenticate(self, call: CallHead) -> Authenticated:
        """The principal of a request, and its credential.

        Raises:
            Unauthenticated: it has no credential, or one that is not accepted.
            LedgerUnavailable: the ledger cannot be reached.
        """
        self._contact.check()
        header = self._header(call)
        if header is None:
            session = await self.session_of(call)
            return await self._by_certificate(call) if session is None else self._by_session(call, session)
        version = self._version()  # before the question: a change that comes between makes it be asked again
        digest = _digest(header)
        if digest not in self._seen:
            await self.attempts.pause(call.peer())
        text = header[len(_SCHEME) :]
        if text.startswith(EMBED_PREFIX):
            return await self._by_embed_token(call, text)  # not remembered: that would not ask for its origin again
        credential = await (self._key if text.startswith(PREFIX) else self._token)(call, text)
        seen = self._remember(digest, credential, version)
        self._keep_recent(header, seen)
        return seen.who

    async def still(self, known: Authenticated) -> None:
        """Return if a credential is still accepted, for the same principal. Raises as `authenticate` does."""
        self._contact.check()
        credential = known.credential
        if known.until <= self._now().timestamp():
            raise Unauthenticated(_CERTIFICATE_EXPIRED)
        if not await self._is_open(credential) or not await self._is_accepted(basis_of(credential)):
            raise Unauthenticated(_REFUSED)

    async def session_of(self, call: CallHead) -> BrowserSession | None:
        """The open session whose cookie a request has; None without one. Its CSRF token is not looked at.

        Raises:
            Unauthenticated: the session has ended.
        """
        headers = [str(value) for name, value in call.invocation_metadata() if name == "cookie"]
        cookie = cookie_in(headers[0]) if len(headers) == 1 else ""
        if not cookie:
            return None
        session = await self.sessions.find(cookie)
        if session is None or not await self._is_accepted(session.basis):
            self._refuse(call, "expired", message="The session has ended. Sign in again.")
        return session

    def _header(self, call: CallHead) -> str | None:
        """The value of the header; None without one."""
        found = [value for name, value in call.invocation_metadata() if name == HEADER]
        if not found:
            return None
        if len(found) > 1 or not isinstance(found[0], str) or found[0][: len(_SCHEME)].lower() != _SCHEME:
            self._refuse(call, "malformed")
        return str(found[0])

    async def _key(self, call: CallHead, text: str) -> ApiKey:
        key = await self._credentials.find(key_digest(text))
        if key is None:
            key_id = key_id_of(text)
            self._refuse(call, "unknown", key_id if key_id in self._key_ids else "")
        self._check_key(call, key)
        return key

    async def _token(self, call: CallHead, text: str) -> VerifiedToken:
        if self._tokens is None:
            self._refuse(call, "malformed")
        try:
            token = await self._tokens.verified(text, self._now())
        except Unauthenticated as error:
            self._refuse(call, "invalid_token", message=error.message)
        if problem := await self._problem_of(token):
            self._refuse(call, problem)
        return token

    def _by_session(self, call: CallHead, session: BrowserSession) -> Authenticated:
        sent = [str(value) for name, value in call.invocation_metadata() if name == CSRF_HEADER]
        if len(sent) != 1 or not self.sessions.has_csrf_token(session, sent[0]):
            self._refuse(call, "malformed", message=f"The request lacks the session's token in {CSRF_HEADER}.")
        return Authenticated(principal(session), session)

    async def _by_certificate(self, call: CallHead) -> Authenticated:
        key = await self._key_of_certificate(call)
        if key is None:
            self._refuse(call, "missing", message=_MISSING)
        self._check_key(call, key)
        until = certificate_end(call.auth_context())
        if until <= self._now().timestamp():
            self._refuse(call, "expired", message=_CERTIFICATE_EXPIRED)
        return Authenticated(principal(key), key, until)

    async def _key_of_certificate(self, call: CallHead) -> ApiKey | None:
        for name in self._names(call):
            key = await self._credentials.find(certificate_digest(name))
            if key is not None:
                return key
        return None

    def _names(self, call: CallHead) -> Sequence[str]:
        """The names of the client: those of its certificate, or those that the trusted proxy tells."""
        names = certificate_names(call.auth_context())
        if not self._proxy.intersection(names):
            return names
        headers = [value for name, value in call.invocation_metadata() if name == FORWARDED_HEADER]
        return forwarded_names(headers[0])[:MOST_NAMES] if len(headers) == 1 and isinstance(headers[0], str) else ()

    def _check_key(self, call: CallHead, key: ApiKey) -> None:
        if key.revoke_time is not None:
            self._refuse(call, "revoked", key.key_id)
        if not key.is_live(self._now()):
            self._refuse(call, "expired", message=f"The API key {key.key_id} has expired.")

    async def _by_embed_token(self, call: CallHead, text: str) -> Authenticated:
        sent = [str(value) for name, value in call.invocation_metadata() if name == ORIGIN_HEADER]
        token = await self.embeds.find(text, sent[0] if len(sent) == 1 else "")
        if token is None or not await self._is_accepted(token.basis):
            self._refuse(call, "expired", message="The embed token is not accepted any more, or not in this frame.")
        return Authenticated(principal(token), token)

    async def _is_open(self, credential: Credential) -> bool:
        """Whether what was made of a key or a JWT has not ended by itself."""
        if isinstance(credential, BrowserSession):
            return await self.sessions.is_open(credential)
        return not isinstance(credential, EmbedToken) or self.embeds.is_open(credential)

    async def _is_accepted(self, basis: ApiKey | VerifiedToken) -> bool:
        """Whether a key or a JWT that was accepted before still is, for the same principal."""
        if isinstance(basis, VerifiedToken):
            return not await self._problem_of(basis)
        key = await self._credentials.find(basis.digest)
        return key is not None and key.is_live(self._now()) and principal(key) == principal(basis)

    async def _problem_of(self, token: VerifiedToken) -> str:
        """Why a token whose signature is right is refused now; empty if it is not."""
        now = self._now()
        if token.expire_time <= now.timestamp():
            return "expired"
        return "denied" if await self._credentials.is_denied(token, now) else ""

    def _remember(self, digest: bytes, credential: ApiKey | VerifiedToken, version: int) -> SeenCredential:
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
            self._key_ids.clear()
        if isinstance(credential, ApiKey):
            self._key_ids.add(credential.key_id)
        until = self._contact.now() + min(KEEP_SECONDS, _seconds_left(credential, self._now()))
        seen = SeenCredential(Authenticated(principal(credential), credential), version, until)
        self._seen[digest] = seen
        return seen

    def _refuse(self, call: CallHead, reason: str, key_id: str = "", message: str = _REFUSED) -> NoReturn:
        self.attempts.failed(call.peer(), reason, key_id)
        raise Unauthenticated(message)


def _digest(header: str) -> bytes:
    """By BLAKE2 and not SHA-256: OpenSSL takes longer to begin than to hash."""
    return blake2b(header.encode()).digest()


def _seconds_left(credential: ApiKey | VerifiedToken, now: datetime) -> float:
    if isinstance(credential, VerifiedToken):
        return credential.expire_time - now.timestamp()
    return KEEP_SECONDS if credential.expire_time is None else (credential.expire_time - now).total_seconds()
