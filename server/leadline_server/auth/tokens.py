"""Verifies JWTs. Verifying takes a third of the time of a lookup, so the authenticator remembers verified tokens."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from leadline_server.auth.issuers import IssuerConfig
from leadline_server.auth.signing_keys import SigningKeys, from_address, from_file
from leadline_server.auth.token_claims import BadToken, check_header, parts_of, verified_token
from leadline_server.domain.access.principals import VerifiedToken
from leadline_server.domain.access_errors import Unauthenticated

MOST_AT_ONCE: Final = 64
"""Tokens that are verified at once; others wait for their turn."""


class JwtVerifier:
    """Implements auth.authenticator.TokenVerifier.

    Args:
        issuers: the issuers by their names in the settings.
        monotonic: the time in seconds, as `time.monotonic`.
    """

    def __init__(self, issuers: Mapping[str, IssuerConfig], monotonic: Callable[[], float]) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers.values()}
        self._keys = {issuer.issuer: _signing_keys(name, issuer, monotonic) for name, issuer in issuers.items()}
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    async def verified(self, token: str, now: datetime) -> VerifiedToken:
        """The claims of a token. Raises Unauthenticated; its message says why."""
        async with self._turns:
            try:
                return await self._verify(token, now.timestamp())
            except BadToken as error:
                raise Unauthenticated(f"The token is not accepted. {error}") from None

    async def _verify(self, token: str, now: float) -> VerifiedToken:
        header, claims = parts_of(token)
        said = claims.get("iss")
        issuer = self._issuers.get(said) if isinstance(said, str) else None
        if issuer is None:
            raise BadToken("Its issuer is not known.")
        key_id = check_header(header, issuer.algorithms)
        key = await self._keys[issuer.issuer].find(key_id, header["alg"])
        if key is None:
            raise BadToken("Its key is not one of its issuer's.")
        _check_signature(token, key, header["alg"])
        return verified_token(claims, issuer, now)


def _check_signature(token: str, key: Any, algorithm: str) -> None:
    """Check that this key signed the token. Raises BadToken."""
    from joserfc import jws
    from joserfc.errors import JoseError

    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        jws.deserialize_compact(token, key, algorithms=[algorithm], registry=registry)
    except (JoseError, ValueError, TypeError) as error:
        raise BadToken("Its signature is wrong.") from error


def _signing_keys(name: str, issuer: IssuerConfig, monotonic: Callable[[], float]) -> SigningKeys:
    read = from_address(issuer.jwks_url) if issuer.jwks_file is None else from_file(issuer.jwks_file)
    return SigningKeys(name, read, monotonic)
