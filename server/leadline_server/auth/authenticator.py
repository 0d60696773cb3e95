"""Finds the principal of a request, by the credential that it presents.

    authorization: Bearer leadline_...      an API key
    authorization: Bearer eyJ...            a JWT of an issuer in the settings
    no such header                          the client certificate of the connection, by a name in it

A revoked key is refused by every process at the next request: the ledger's cache knows without a query whether a key is
still in force. Watches are asked again twice a second (`transport/streams.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from leadline_server.auth.attempts import FailedAttempts
from leadline_server.auth.forwarded import HEADER, forwarded_names
from leadline_server.auth.ledger_contact import LedgerContact
from leadline_server.domain.access.api_keys import PREFIX, certificate_digest, key_digest, key_id_of
from leadline_server.domain.access.principals import ApiKey, Credential, Principal, VerifiedToken, principal
from leadline_server.domain.errors import Unauthenticated
from leadline_server.ports.ledger import Credentials

MOST_SEEN: Final = 50_000
"""Credentials whose principals are remembered. A full cache is emptied."""

MOST_NAMES: Final = 16
"""The most names of a client certificate that are looked up."""

_SCHEME: Final = "bearer "

_MISSING: Final = "This server wants a credential. Send the metadata `authorization: Bearer KEY`."
_REFUSED: Final = "The credential is not accepted."


class CallHead(Protocol):
    """A request before its message is read. gRPC's context has these methods."""

    def invocation_metadata(self) -> Any:
        """Pairs of a name in lower case and a value."""
        ...

    def peer(self) -> str:
        """Where it comes from: `ipv4:192.0.2.1:50000`."""
        ...

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """The properties of the connection's certificate, by name."""
        ...


class Authenticated(NamedTuple):
    """A principal, and the credential that it was found by."""

    principal: Principal
    credential: Credential


class TokenVerifier(Protocol):
    """Verifies JWTs."""

    def cached(self, digest: bytes, now: datetime) -> VerifiedToken | None:
        """A token that was verified a moment ago."""
        ...

    async def verified(self, token: str, digest: bytes, now: datetime) -> VerifiedToken:
        """The claims of a token. Raises Unauthenticated."""
        ...


class Authenticator:
    """Finds principals.

    Args:
        credentials: the ledger's credentials.
        tokens: verifies JWTs; None: no issuer is set.
        attempts: slows down peers that fail.
        contact: whether the ledger can be reached.
        now: the clock.
        proxy: the DNS name or URI in the certificate of a proxy that tells its clients' names; empty: none.
    """

    def __init__(
        self,
        credentials: Credentials,
        tokens: TokenVerifier | None,
        attempts: FailedAttempts,
        contact: LedgerContact,
        now: Callable[[], datetime],
        proxy: str = "",
    ) -> None:
        self._credentials = credentials
        self._tokens = tokens
        self._contact = contact
        self._now = now
        self._proxy = frozenset({f"DNS:{proxy}", f"URI:{proxy}"} if proxy else ())
        self._seen: dict[bytes, Authenticated] = {}
        self._key_ids: set[str] = set()
        self.attempts = attempts

    async def authenticate(self, call: CallHead) -> Authenticated:
        """The principal of a request, and its credential.

        Raises:
            Unauthenticated: it has no credential, or one that is not accepted.
            LedgerUnavailable: the ledger cannot be reached.
        """
        self._contact.check()
        text = self._presented(call)
        if text is None:
            return await self._by_certificate(call)
        digest = key_digest(text)
        if text.startswith(PREFIX):
            return await self._by_key(call, text, digest)
        return await self._by_token(call, text, digest)

    async def still(self, known: Authenticated) -> None:
        """Return if a credential is still accepted, for the same principal. Raises as `authenticate` does."""
        self._contact.check()
        credential = known.credential
        if isinstance(credential, ApiKey):
            key = await self._credentials.find(credential.digest)
            is_accepted = key is not None and key.is_live(self._now()) and principal(key) == known.principal
        else:
            is_accepted = not await self._problem_of(credential)
        if not is_accepted:
            raise Unauthenticated(_REFUSED)

    def _presented(self, call: CallHead) -> str | None:
        """The credential of the header; None without one."""
        found = [value for name, value in call.invocation_metadata() if name == "authorization"]
        if not found:
            return None
        if len(found) > 1 or not isinstance(found[0], str) or found[0][: len(_SCHEME)].lower() != _SCHEME:
            self._refuse(call, "malformed")
        return str(found[0][len(_SCHEME) :])

    async def _by_key(self, call: CallHead, text: str, digest: bytes) -> Authenticated:
        seen = self._seen.get(digest)
        if seen is None:
            await self.attempts.pause(call.peer())
        key = await self._credentials.find(digest)
        if key is None:
            self._refuse(call, "unknown", self._known_id(text))
        if seen is None or seen.credential is not key:
            seen = self._remember(digest, key)
        self._check_key(call, key)
        return seen

    def _check_key(self, call: CallHead, key: ApiKey) -> None:
        if key.revoke_time is not None:
            self._refuse(call, "revoked", key.key_id)
        if not key.is_live(self._now()):
            self._refuse(call, "expired", message=f"The API key {key.key_id} has expired.")

    async def _by_token(self, call: CallHead, text: str, digest: bytes) -> Authenticated:
        if self._tokens is None:
            self._refuse(call, "malformed")
        token = self._tokens.cached(digest, self._now())
        if token is None:
            await self.attempts.pause(call.peer())
            try:
                token = await self._tokens.verified(text, digest, self._now())
            except Unauthenticated as error:
                self._refuse(call, "invalid_token", message=error.message)
        if problem := await self._problem_of(token):
            self._refuse(call, problem)
        seen = self._seen.get(digest)
        return seen if seen is not None and seen.credential is token else self._remember(digest, token)

    async def _by_certificate(self, call: CallHead) -> Authenticated:
        key = await self._key_of_certificate(call)
        if key is None:
            self._refuse(call, "missing", message=_MISSING)
        self._check_key(call, key)
        seen = self._seen.get(key.digest)
        return seen if seen is not None and seen.credential is key else self._remember(key.digest, key)

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
        headers = [value for name, value in call.invocation_metadata() if name == HEADER]
        return forwarded_names(headers[0])[:MOST_NAMES] if len(headers) == 1 and isinstance(headers[0], str) else ()

    async def _problem_of(self, token: VerifiedToken) -> str:
        """Why a token whose signature is right is refused now; empty if it is not."""
        now = self._now()
        if token.expire_time <= now.timestamp():
            return "expired"
        return "denied" if await self._credentials.is_denied(token, now) else ""

    def _known_id(self, text: str) -> str:
        """The id in a key's text, if this process has seen the key of that id; else empty."""
        key_id = key_id_of(text)
        return key_id if key_id in self._key_ids else ""

    def _remember(self, digest: bytes, credential: Credential) -> Authenticated:
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
            self._key_ids.clear()
        if isinstance(credential, ApiKey):
            self._key_ids.add(credential.key_id)
        found = self._seen[digest] = Authenticated(principal(credential), credential)
        return found

    def _refuse(self, call: CallHead, reason: str, key_id: str = "", message: str = _REFUSED) -> NoReturn:
        self.attempts.failed(call.peer(), reason, key_id)
        raise Unauthenticated(message)


def certificate_names(said: Mapping[str, Iterable[bytes]]) -> Sequence[str]:
    """The names in a verified client certificate (RFC 5280, section 4.2.1.6): `URI:spiffe://acme/pbx`, `DNS:pbx.acme`.

    The common name is not one of them: nothing says what it is a name of.
    """
    names = [("URI", value) for value in said.get("peer_uri", ())]
    names += [("DNS", value) for value in said.get("peer_dns", ())]
    return [f"{kind}:{value.decode('utf-8', 'replace')}" for kind, value in names[:MOST_NAMES]]
