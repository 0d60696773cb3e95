"""Embed tokens: what the page has in a frame of another site, where no cookie of leadline arrives.

A program of the site around the frame has a key, and asks for a token with it. The site's page hands the token to
the frame, which keeps it in memory. A token is signed and not stored. It acts for one user, in frames of one origin,
for 15 minutes. Its key, or the denial of its JWT, is looked at again at every request.

Each request names the origin around the frame in a header. The browser tells the frame that origin, so a page of one
origin cannot use a token of another.
"""

import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from leadline_server.auth.bases import end_of, restored_basis, stored_basis
from leadline_server.auth.certificate_names import NEVER
from leadline_server.domain import tokens
from leadline_server.domain.access.principals import ApiKey, EmbedToken, VerifiedToken
from leadline_server.domain.access_errors import Unauthenticated
from leadline_server.ports.ledger.credentials import Credentials

EMBED_PREFIX: Final = "leadline-embed_"

ORIGIN_HEADER: Final = "x-embed-origin"

EMBED_SECONDS: Final = 15 * 60.0
"""How long an embed token lasts, in seconds; less if its key or its JWT ends before."""

_KIND: Final = "embed"


class EmbedTokens:
    """Issues and finds embed tokens.

    Args:
        secret: the ledger's secret, which signs them.
        credentials: the ledger's credentials.
        now: the clock.
        origins: the origins that may show leadline's pages in frames.
    """

    def __init__(
        self, secret: bytes, credentials: Credentials, now: Callable[[], datetime], origins: Collection[str]
    ) -> None:
        self._secret = secret
        self._credentials = credentials
        self._now = now
        self.origins: Final = frozenset(origins)

    def issue(
        self, basis: ApiKey | VerifiedToken, account_id: str, user_id: str, origin: str, until: float = NEVER
    ) -> tuple[EmbedToken, str]:
        """A new token, and its text. `until` is when the client certificate of its basis expires.

        Raises:
            Unauthenticated: the claims of a JWT are too long for it.
        """
        expire_time = min(self._now().timestamp() + EMBED_SECONDS, end_of(basis), until)
        whom = {"origin": origin, "account_id": account_id, "user_id": user_id, "expire_time": expire_time}
        payload = json.dumps(whom | stored_basis(basis), separators=(",", ":"), ensure_ascii=False)
        try:
            text = tokens.sign(self._secret, _KIND, "", payload)
        except ValueError:
            raise Unauthenticated("The claims of this token are too long for an embed token.") from None
        token = EmbedToken(origin=origin, account_id=account_id, user_id=user_id, expire_time=expire_time, basis=basis)
        return token, EMBED_PREFIX + text

    async def find(self, text: str, origin: str) -> EmbedToken | None:
        """The token of a text, if leadline made it for this origin and it is open; its basis is not looked at."""
        payload = tokens.verify(self._secret, _KIND, "", text.removeprefix(EMBED_PREFIX))
        if payload is None:
            return None
        said = json.loads(payload)
        basis = await restored_basis(said, self._credentials)
        if basis is None or said["origin"] != origin:
            return None
        whom = {name: said[name] for name in ("origin", "account_id", "user_id", "expire_time")}
        token = EmbedToken(**whom, basis=basis)
        return token if self.is_open(token) else None

    def is_open(self, token: EmbedToken) -> bool:
        """Whether a token has not expired, and its origin is still one of the settings."""
        return token.origin in self.origins and self._now().timestamp() < token.expire_time
