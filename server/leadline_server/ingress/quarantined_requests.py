"""Puts requests into the ledger's quarantine."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from leadline_server.domain.unshown import unshown
from leadline_server.ingress.routes import Route
from leadline_server.ingress.webhook import Webhook
from leadline_server.ports.ledger import Quarantine, QuarantinedEvent

MOST_EVENTS: Final = 1_000
"""The most requests in the quarantine of one account."""

MOST_BYTES: Final = 16 * 1024 * 1024
"""The most encrypted bytes in the quarantine of one account."""

_REASON: Final = 500


@unshown
@dataclass(frozen=True, slots=True)
class QuarantinedRequests:
    """The quarantine of a server.

    Attributes:
        quarantine: where it is kept.
        secret: the ledger's secret, which keys the hashes that tell requests apart.
    """

    quarantine: Quarantine
    secret: bytes

    async def put(self, route: Route, request: Webhook, reason: str, now: datetime) -> int:
        """Keep a request; one that comes again is kept once. Returns how many old ones were dropped for it."""
        return await self.quarantine.put(
            QuarantinedEvent(
                account_id=route.account_id,
                route=route.name,
                key=hmac.new(self.secret, route.name.encode() + b"\x00" + request.body, sha256).digest(),
                received_at=now,
                reason=reason[:_REASON],
                document=request.body,
            ),
            MOST_EVENTS,
            MOST_BYTES,
        )
