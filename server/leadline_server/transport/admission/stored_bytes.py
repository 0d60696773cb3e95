"""Tells the door which accounts store as much as they may, as the ledger counts it for all processes."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import Accounts
from leadline_server.transport.admission.door import Door

LOOK_SECONDS: Final = 2.0
"""How often the ledger is asked. Meanwhile an account may store a little more than it may."""

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def watched_storage(accounts: Accounts, door: Door, seconds: float = LOOK_SECONDS) -> AsyncIterator[None]:
    """Keep the door informed while the body runs. It is informed before the body begins."""
    known = await _look(accounts, door, ())
    task = asyncio.create_task(_go_on(accounts, door, known, seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _go_on(accounts: Accounts, door: Door, known: Collection[str], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        known = await _look(accounts, door, known)


async def _look(accounts: Accounts, door: Door, known: Collection[str]) -> Collection[str]:
    """The accounts at their quota. One that was not among the known ones is logged."""
    try:
        full = door.set_stored(await accounts.stored_bytes())
    except LedgerUnavailable:
        return known  # calls fail by themselves
    for account_id in full:
        if account_id not in known:
            _log.warning("account stores as much as it may; its reports are refused", account_id=account_id)
    return full
