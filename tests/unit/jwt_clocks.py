"""A clock that tests of JWTs set ahead, a verifier of two issuers, and how they have a token verified."""

import time
from datetime import UTC, datetime

from leadline_server.auth.issuers import IssuerConfig
from leadline_server.auth.tokens import JwtVerifier
from leadline_server.domain.access.principals import VerifiedToken
from support.tokens import AUDIENCE, ISSUER, KeyServer


class Clock:
    """A monotonic clock that is `ahead` by the seconds that a test sets."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def verifier_of(keys: KeyServer, clock: Clock) -> JwtVerifier:
    """A verifier of the issuer `id`, and of `evil`, which may speak for the account of that name alone."""
    issuer = IssuerConfig(issuer=ISSUER, audiences=(AUDIENCE,), jwks_url=keys.url)
    other = IssuerConfig(issuer=f"{ISSUER}.evil", audiences=(AUDIENCE,), jwks_url=keys.url, account="evil")
    return JwtVerifier({"id": issuer, "evil": other}, clock.monotonic)


async def verified(verifier: JwtVerifier, token: str, now: float = 0.0) -> VerifiedToken:
    at = datetime.fromtimestamp(now or time.time(), UTC)
    return await verifier.verified(token, at)
