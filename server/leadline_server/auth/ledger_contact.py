"""Whether the ledger can still be reached. A process that cannot hear of revocations must not accept credentials."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import Credentials

LOST_SECONDS: Final = 10.0
"""After so many seconds without the ledger no credential is accepted."""

_ASK_SECONDS: Final = 1.0


class LedgerContact:
    """Asks the ledger once a second.

    Args:
        credentials: the ledger's credentials.
        now: the time in seconds, as `time.perf_counter`, which endpoints measure calls with.

    Attributes:
        lost_at: when the ledger counts as lost, unless it answers before.
    """

    def __init__(self, credentials: Credentials, now: Callable[[], float] = perf_counter) -> None:
        self._credentials = credentials
        self.now: Final = now
        self.lost_at = now() + LOST_SECONDS

    def check(self) -> None:
        """Raise LedgerUnavailable if the ledger was not reached for LOST_SECONDS."""
        if self.now() > self.lost_at:
            raise LedgerUnavailable(
                "leadline cannot reach its ledger, so it cannot tell whether a credential was revoked. Retry later.",
                retry_after=1.0,
            )

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            asked_at = self.now()
            try:
                async with asyncio.timeout(LOST_SECONDS):
                    await self._credentials.reach()
                self.lost_at = asked_at + LOST_SECONDS
            except (LedgerUnavailable, TimeoutError):
                pass  # the next request that needs it says so
            await asyncio.sleep(_ASK_SECONDS)
