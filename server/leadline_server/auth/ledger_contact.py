"""Whether the ledger can still be reached. A process that cannot hear of revocations must not accept credentials."""

import asyncio
from collections.abc import Callable
from typing import Final

from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.ports.ledger import Credentials

LOST_SECONDS: Final = 10.0
"""After so many seconds without the ledger no credential is accepted."""

_ASK_SECONDS: Final = 1.0


class LedgerContact:
    """Asks the ledger once a second.

    Args:
        credentials: the ledger's credentials.
        monotonic: the time in seconds, as `time.monotonic`.
    """

    def __init__(self, credentials: Credentials, monotonic: Callable[[], float]) -> None:
        self._credentials = credentials
        self._monotonic = monotonic
        self._reached_at = monotonic()

    def check(self) -> None:
        """Raise LedgerUnavailable if the ledger was not reached for LOST_SECONDS."""
        if self._monotonic() - self._reached_at > LOST_SECONDS:
            raise LedgerUnavailable(
                "leadline cannot reach its ledger, so it cannot tell whether a credential was revoked. Retry later.",
                retry_after=1.0,
            )

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            asked_at = self._monotonic()
            try:
                async with asyncio.timeout(LOST_SECONDS):
                    await self._credentials.reach()
                self._reached_at = asked_at
            except (LedgerUnavailable, TimeoutError):
                pass  # the next request that needs it says so
            await asyncio.sleep(_ASK_SECONDS)
