"""Whether the ledger takes writes, for health checks: a server whose database is away must get no calls."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import Ledger

CHECK_SECONDS: Final = 1.0
"""How long after a check the next one begins."""

PATIENCE_SECONDS: Final = 5.0
"""How long a check may take."""

_log = structlog.get_logger(__name__)


async def watch_ledger(ledger: Ledger, tell: Callable[[bool], Awaitable[object]]) -> None:
    """Tell at each change whether the ledger takes writes, until cancelled. At first it does."""
    told = True

    async def learn(works: bool) -> None:  # noqa: FBT001 - a callback has no keywords
        nonlocal told
        if works != told:
            told = works
            _log.warning("ledger takes writes again" if works else "ledger takes no writes; trying again")
            await tell(works)

    while True:
        await asyncio.sleep(CHECK_SECONDS)
        checking = asyncio.create_task(_takes_writes(ledger))
        await asyncio.wait({checking}, timeout=PATIENCE_SECONDS)
        if not checking.done():
            await learn(False)
        await learn(await checking)


async def _takes_writes(ledger: Ledger) -> bool:
    try:
        await ledger.check()
    except LedgerUnavailable:
        return False
    return True
