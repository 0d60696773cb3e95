"""OAuth 2.0 access tokens (RFC 6749), requested before they are needed, by one task of one process at a time.

If the CRM rotates the refresh token, the new one is on disk before its access token is used. So a process that crashes
in between finds it after its restart. If several processes share a connection, the store's lease lets one of them
refresh, and the others use the tokens that it stored.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from leadline_server.clock import Clock
from leadline_server.concurrency.single_flight import SingleFlight
from leadline_server.crm.toolkit.adapter_type import AdapterContext
from leadline_server.crm.toolkit.authorization import basic
from leadline_server.crm.toolkit.http_exchange import Request, exchange
from leadline_server.crm.toolkit.oauth_answers import (
    GRANTED,
    STORED,
    StoredTokens,
    check_granted,
    encode_tokens,
    life_of,
    unusable_tokens,
)
from leadline_server.crm.toolkit.oauth_grant import BY_CONSENT, OAuthGrant
from leadline_server.domain.crm_errors import CrmAuthFailed
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import TokenStore

EARLY: Final = 60.0
EARLY_SHARE: Final = 0.2
"""An access token is replaced EARLY seconds before its end, or EARLY_SHARE of its life if that is less."""

LEASE: Final = timedelta(seconds=30)
"""How long a process that refreshes keeps other processes from refreshing."""

_POLL_SECONDS: Final = 0.1
_DEADLINE_SECONDS: Final = 10.0
_LONGEST_SECONDS: Final = _DEADLINE_SECONDS + 2.0  # for a refresh with its writes to the store


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
        self._current: StoredTokens | None = None
        self._granted: StoredTokens | None = None  # granted, but not stored yet: the stored ones may be invalid by now
        self._refreshes: SingleFlight[str, StoredTokens] = SingleFlight()

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

    async def grant_by(self, form: Mapping[str, str], address: str = "") -> None:
        """Request tokens by another grant, such as an authorization code, and store them in place of others.

        `address` is of the token endpoint of that grant; empty: the usual one.

        Raises:
            CrmAuthFailed: the CRM grants no access, or no refresh token.
            CrmUnavailable: the CRM does not answer, or the tokens cannot be stored.
        """
        try:
            await self._leased()
            tokens = await self._requested(form, "", address)
            if not tokens.refresh_token:
                raise CrmAuthFailed("The CRM granted no refresh token. Check the app's registration and its scopes.")
            await self._store.put(self._connection, self._process_id, encode_tokens(tokens))
            self._current = tokens
        except LedgerUnavailable as error:
            raise unusable_tokens(error, "stored") from error
        finally:
            await self._store.release(self._connection, self._process_id)

    async def _leased(self) -> None:
        """Wait until no other process refreshes the tokens."""
        while True:
            if await self._lease():
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def close(self) -> None:
        """Wait for a limited time until requested tokens are stored: the earlier ones may be invalid by now."""
        await self._refreshes.close(_LONGEST_SECONDS)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The tokens and the client's secret."""
        tokens = (self._current.access_token, self._current.refresh_token) if self._current else ()
        return (*tokens, self._grant.client_secret, self._grant.refresh_token)

    def _header(self, tokens: StoredTokens) -> Mapping[str, str]:
        return {"Authorization": f"{self._grant.scheme} {tokens.access_token}"}

    def _is_fresh(self, tokens: StoredTokens) -> bool:
        return self._clock.now() < tokens.replace_at

    async def _refreshed(self, old: str) -> StoredTokens:
        """New tokens. All concurrent callers share one refresh, which continues even if they are cancelled."""
        return await self._refreshes.run("", lambda: self._refresh(old))

    async def _refresh(self, old: str) -> StoredTokens:
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

    async def _replace(self, old: str) -> StoredTokens:
        """Under the lease: the tokens that another process has stored since, or else new ones, stored."""
        has_put = False
        try:
            stored = await self._stored()
            if stored is not None and stored.access_token != old and self._is_fresh(stored):
                return stored
            if self._granted is None:
                refresh_token = stored.refresh_token if stored else self._grant.refresh_token
                self._granted = await self._requested(self._refresh_form(refresh_token), refresh_token)
            tokens = self._granted
            await self._store.put(self._connection, self._process_id, encode_tokens(tokens))
            self._granted, has_put = None, True
            return tokens
        finally:
            if not has_put:
                await self._store.release(self._connection, self._process_id)

    async def _stored(self) -> StoredTokens | None:
        """The stored tokens, if they belong to this grant and can be decrypted."""
        try:
            document = await self._store.get(self._connection)
            tokens = None if document is None else STORED.decode(document)
        except LedgerUnavailable as error:
            raise unusable_tokens(error, "read") from error
        except msgspec.DecodeError:
            return None
        return tokens if tokens is not None and tokens.seed == self._grant.seed else None

    def _refresh_form(self, refresh_token: str) -> Mapping[str, str]:
        if refresh_token == BY_CONSENT:
            raise CrmAuthFailed(f"No access is granted yet. Run: leadline connections connect {self._connection}")
        if refresh_token:
            return {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return {"grant_type": "client_credentials"}

    async def _requested(self, form: Mapping[str, str], refresh_token: str, address: str = "") -> StoredTokens:
        asked_at = self._clock.now()
        answer = await exchange(self._session, self._request(form, address), {}, _DEADLINE_SECONDS)
        check_granted(answer)
        granted = answer.decode(GRANTED)
        life = life_of(granted.expires_in)
        return StoredTokens(
            seed=self._grant.seed,
            access_token=granted.access_token,
            refresh_token=granted.refresh_token or refresh_token,
            replace_at=asked_at + timedelta(seconds=life - min(EARLY, life * EARLY_SHARE)),
        )

    def _request(self, asked: Mapping[str, str], address: str) -> Request:
        grant, form = self._grant, dict(asked)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if grant.client_in == "header":
            headers["Authorization"] = basic(grant.client_id, grant.client_secret)
        else:
            form |= {"client_id": grant.client_id}
            form |= {"client_secret": grant.client_secret} if grant.client_secret else {}
        form |= ({"scope": grant.scope} if grant.scope else {}) | dict(grant.extra)
        return Request(
            method="POST",
            address=URL(address or grant.token_url),
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
