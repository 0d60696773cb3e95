"""A clock that tests of JWTs set ahead, and how they have a token verified."""

import time
from datetime import UTC, datetime

from leadline_server.auth.tokens import JwtVerifier
from leadline_server.domain.access.principals import VerifiedToken


class Clock:
    """A monotonic clock that is `ahead` by the seconds that a test sets."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


async def verified(verifier: JwtVerifier, token: str, now: float = 0.0) -> VerifiedToken:
    at = datetime.fromtimestamp(now or time.time(), UTC)
    return await verifier.verified(token, at)
