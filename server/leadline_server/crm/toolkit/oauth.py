"""OAuth 2.0 access tokens (RFC 6749), requested before they are needed, by one task of one process at a time.

If the CRM rotates the refresh token, the new one is on disk before its access token is used. So a process that crashes
in between finds it after its restart. If several processes share a connection, the store's lease lets one of them
refresh, and the others use the tokens that it stored.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from leadline_server.clock import Clock
from leadline_server.concurrency.single_flight import SingleFlight
from leadline_server.crm.toolkit.adapter_type import AdapterContext
from leadline_server.crm.toolkit.authorization import basic
from leadline_server.crm.toolkit.delays import LONGEST_TOKEN_LIFE, read_seconds
from leadline_server.crm.toolkit.http_answers import UNREADABLE, HttpAnswer, standard_failure
from leadline_server.crm.toolkit.http_exchange import Request, exchange
from leadline_server.domain.errors import (
    CrmAuthFailed,
    CrmUnavailable,
    KeyMissing,
    LedgerUnavailable,
    SecretDamaged,
    StandbyLedger,
)
from leadline_server.domain.request_not_sent import CrmNotUsed
from leadline_server.ports.ledger import TokenStore

EARLY: Final = 60.0
EARLY_SHARE: Final = 0.2
"""An access token is replaced EARLY seconds before its end, or EARLY_SHARE of its life if that is less."""

LEASE: Final = timedelta(seconds=30)
"""How long a process that refreshes keeps other processes from refreshing."""

_POLL_SECONDS: Final = 0.1
_DEADLINE_SECONDS: Final = 10.0
_LONGEST_SECONDS: Final = _DEADLINE_SECONDS + 2.0  # for a refresh with its writes to the store
_LIFETIME: Final = 3600.0  # in seconds, if the answer names none; RFC 6749 recommends to name it


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthGrant:
    """The parameters of requests for access tokens.

    Attributes:
        token_url: the address of the token endpoint. Secrets are sent to this host only.
        client_id: the id that the CRM gave to leadline.
        client_secret: the secret of that id; empty for a public client.
        refresh_token: the first refresh token; empty: the client credentials grant is used.
        scope: the scope to request; empty: the CRM's default.
        client_in: whether the client's id is in the form or in an HTTP basic header.
        scheme: the word before the token in the Authorization header.
        extra: further fields of the form.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    scope: str = ""
    client_in: Literal["body", "header"] = "body"
    scheme: str = "Bearer"
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def seed(self) -> str:
        """A digest that identifies the grant. Stored tokens of another grant are not used."""
        text = f"{self.token_url}\0{self.client_id}\0{self.refresh_token}"
        return hashlib.sha256(text.encode()).hexdigest()


class _Secret(msgspec.Struct, frozen=True):
    """A document with secrets, which it does not show."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class _Tokens(_Secret, frozen=True):
    """The stored tokens of a grant."""

    seed: str
    access_token: str
    refresh_token: str
    replace_at: datetime


class _Granted(_Secret, frozen=True):
    """The answer of a token endpoint (RFC 6749, section 5.1).

    `expires_in` stays JSON text here: a value such as 1e999 must not cost a refresh token that was just rotated.
    """

    access_token: str
    refresh_token: str | None = None
    expires_in: msgspec.Raw = msgspec.Raw(b"null")


class _Refusal(msgspec.Struct, frozen=True):
    """A token endpoint's error (RFC 6749, section 5.2). Its other fields are not read."""

    error: msgspec.Raw = msgspec.Raw(b"null")


_tokens: Final = msgspec.json.Decoder(_Tokens)
_granted: Final = msgspec.json.Decoder(_Granted)
_refusal: Final = msgspec.json.Decoder(_Refusal)
_encode: Final = msgspec.json.Encoder().encode


class OAuthAuthorizer:
    """An Authorizer that refreshes its token before it expires, and once more if the CRM refuses it.

    Args:
        session: the HTTP session.
        grant: the parameters of token requests.
        store: stores the tokens.
        connection: the connection's name in the store.
        clock: the time of day.
        process_id: the id of this process, which owns the lease while it refreshes.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        grant: OAuthGrant,
        store: TokenStore,
        connection: str,
        clock: Clock,
        process_id: str,
    ) -> None:
        self._session = session
        self._grant = grant
        self._store = store
        self._connection = connection
        self._clock = clock
        self._process_id = process_id
        self._current: _Tokens | None = None
        self._granted: _Tokens | None = None  # granted, but not stored yet: the stored ones may be invalid by now
        self._refreshes: SingleFlight[str, _Tokens] = SingleFlight()

    async def headers(self) -> Mapping[str, str]:
        """The Authorization header, with a token that is valid for a while.

        Raises:
            CrmAuthFailed: the CRM grants no token.
            CrmUnavailable: the CRM does not answer, or the token cannot be stored.
        """
        current = self._current or await self._stored()
        if current is None or not self._is_fresh(current):
            current = await self._refreshed(current.access_token if current else "")
        self._current = current
        return self._header(current)

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Replace the token that was refused, unless it has been replaced already."""
        current = self._current
        if current is not None and self._header(current) == refused:
            self._current = await self._refreshed(current.access_token)
        return True

    async def close(self) -> None:
        """Wait for a limited time until requested tokens are stored: the earlier ones may be invalid by now."""
        await self._refreshes.close(_LONGEST_SECONDS)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The tokens and the client's secret."""
        tokens = (self._current.access_token, self._current.refresh_token) if self._current else ()
        return (*tokens, self._grant.client_secret, self._grant.refresh_token)

    def _header(self, tokens: _Tokens) -> Mapping[str, str]:
        return {"Authorization": f"{self._grant.scheme} {tokens.access_token}"}

    def _is_fresh(self, tokens: _Tokens) -> bool:
        return self._clock.now() < tokens.replace_at

    async def _refreshed(self, old: str) -> _Tokens:
        """New tokens. All concurrent callers share one refresh, which continues even if they are cancelled."""
        return await self._refreshes.run("", lambda: self._refresh(old))

    async def _refresh(self, old: str) -> _Tokens:
        try:
            while not await self._lease():
                await asyncio.sleep(_POLL_SECONDS)
                stored = await self._stored()
                if stored is not None and stored.access_token != old and self._is_fresh(stored):
                    return stored
            return await self._replace(old)
        except LedgerUnavailable as error:
            raise unusable_tokens(error, "stored") from error

    async def _lease(self) -> bool:
        now = self._clock.now()
        return await self._store.acquire(self._connection, self._process_id, now, now + LEASE)

    async def _replace(self, old: str) -> _Tokens:
        """Under the lease: the tokens that another process has stored since, or else new ones, stored."""
        has_put = False
        try:
            stored = await self._stored()
            if stored is not None and stored.access_token != old and self._is_fresh(stored):
                return stored
            if self._granted is None:
                self._granted = await self._requested(stored.refresh_token if stored else self._grant.refresh_token)
            tokens = self._granted
            await self._store.put(self._connection, self._process_id, _encode(tokens))
            self._granted, has_put = None, True
            return tokens
        finally:
            if not has_put:
                await self._store.release(self._connection, self._process_id)

    async def _stored(self) -> _Tokens | None:
        """The stored tokens, if they belong to this grant and can be decrypted."""
        try:
            document = await self._store.get(self._connection)
            tokens = None if document is None else _tokens.decode(document)
        except LedgerUnavailable as error:
            raise unusable_tokens(error, "read") from error
        except msgspec.DecodeError:
            return None
        return tokens if tokens is not None and tokens.seed == self._grant.seed else None

    async def _requested(self, refresh_token: str) -> _Tokens:
        asked_at = self._clock.now()
        answer = await exchange(self._session, self._request(refresh_token), {}, _DEADLINE_SECONDS)
        _check(answer)
        granted = answer.decode(_granted)
        life = _life(granted.expires_in)
        return _Tokens(
            seed=self._grant.seed,
            access_token=granted.access_token,
            refresh_token=granted.refresh_token or refresh_token,
            replace_at=asked_at + timedelta(seconds=life - min(EARLY, life * EARLY_SHARE)),
        )

    def _request(self, refresh_token: str) -> Request:
        grant = self._grant
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token} if refresh_token else {}
        form = form or {"grant_type": "client_credentials"}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if grant.client_in == "header":
            headers["Authorization"] = basic(grant.client_id, grant.client_secret)
        else:
            form |= {"client_id": grant.client_id}
            form |= {"client_secret": grant.client_secret} if grant.client_secret else {}
        form |= ({"scope": grant.scope} if grant.scope else {}) | dict(grant.extra)
        return Request(
            method="POST",
            address=URL(grant.token_url),
            is_write=False,
            body=urlencode(form).encode(),
            headers=headers,
        )


def oauth_authorizer(grant: OAuthGrant, context: AdapterContext) -> OAuthAuthorizer:
    """The authorizer of a connection. It is closed with the connection."""
    authorizer = OAuthAuthorizer(
        context.session, grant, context.tokens, context.name, context.clock, context.process_id
    )
    context.closing.push_async_callback(authorizer.close)
    return authorizer


def _check(answer: HttpAnswer) -> None:
    """Raise the error that an answer stands for. Bad credentials have status 400 here (RFC 6749, section 5.2).

    Some token endpoints answer 200 with an `error` in the body.
    """
    said = _error_code(answer)
    if answer.status == 400 or (answer.is_success and said):  # noqa: PLR2004 - see above
        raise CrmAuthFailed(
            f"The CRM refuses leadline's credentials and grants no token: {said or 'it does not say why'}."
        )
    if (error := standard_failure(answer)) is not None:
        raise error


def _error_code(answer: HttpAnswer) -> str:
    """The `error` of a token endpoint's answer. It is one of a few words, so it holds no secret."""
    try:
        said = msgspec.json.decode(_refusal.decode(answer.body).error)
    except UNREADABLE:
        return ""
    return said[:60] if isinstance(said, str) and said.replace("_", "").isalnum() else ""


def _life(expires_in: msgspec.Raw) -> float:
    """A token's life in seconds. Salesforce does not name it, and other CRMs send it as text."""
    try:
        said = msgspec.json.decode(expires_in)
    except UNREADABLE:  # a number that JSON allows and no float can hold
        said = "out of range"
    seconds = read_seconds(said, "expires_in", longest=LONGEST_TOKEN_LIFE, unreadable=_LIFETIME)
    return _LIFETIME if seconds is None else seconds


def unusable_tokens(error: LedgerUnavailable, done: str) -> CrmUnavailable:
    """The adapter's error for tokens that cannot be `done`: read or stored."""
    if isinstance(error, StandbyLedger | KeyMissing | SecretDamaged):
        return CrmNotUsed(error.message)
    return CrmUnavailable(f"The CRM's tokens cannot be {done} at the moment.", retry_after=1)
