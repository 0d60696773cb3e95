"""Removes the data of deleted accounts, in small steps. It goes on after a restart, in any process."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from leadline_server.clock import Clock
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import AccountData

EVERY_SECONDS: Final = 30.0
"""How long a process waits between two looks for accounts that are being deleted."""

KEPT: Final = timedelta(minutes=3)
"""How long the id of a deleted account stays taken: longer than any request in progress, which might still write."""

AT_ONCE_SECONDS: Final = 5.0
"""How long a deletion removes data before it is answered. The rest is removed in the background."""

_ROWS: Final = 200
_PAUSE_SHARE: Final = 2

_log = structlog.get_logger(__name__)

ForgetContacts = Callable[[str], Awaitable[bool]]
"""Removes some of an account's contacts from the embedded CRM; false once nothing is left."""


class AccountRemoval:
    """Removes data.

    Args:
        data: the ledger's.
        forget_contacts: removes an account's contacts from the embedded CRM.
        clock: the clock.
    """

    def __init__(self, data: AccountData, forget_contacts: ForgetContacts, clock: Clock) -> None:
        self._data = data
        self._forget_contacts = forget_contacts
        self._clock = clock

    async def run(self) -> None:
        """Look for accounts that are being deleted, and remove them, until cancelled."""
        while True:
            try:
                await self.remove_due()
            except LeadlineError as error:
                _log.warning("removal of accounts paused; trying again", error=type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def remove_due(self) -> None:
        """Remove the data of all accounts that are being deleted, and the accounts themselves when it is time."""
        for account_id, began in await self._data.deleting():
            await self.remove(account_id)
            if self._clock.now() - began >= KEPT:
                await self._data.end_deletion(account_id)
                _log.info("account removed", account_id=account_id)

    async def remove_soon(self, account_id: str) -> None:
        """Remove what there is within AT_ONCE_SECONDS. A failure leaves the rest to `run`."""
        try:
            async with asyncio.timeout(AT_ONCE_SECONDS):
                await self.remove(account_id)
        except (TimeoutError, LeadlineError) as error:
            _log.info("account is removed later", account_id=account_id, error=type(error).__name__)

    async def remove(self, account_id: str) -> None:
        """Remove all that there is of an account."""
        await _repeated(lambda: self._data.purge(account_id, _ROWS))
        await _repeated(lambda: self._forget_contacts(account_id))


async def _repeated(step: Callable[[], Awaitable[bool]]) -> None:
    """Call `step` until it returns false, with pauses in which others write."""
    while True:
        began = time.monotonic()
        if not await step():
            return
        await asyncio.sleep(_PAUSE_SHARE * (time.monotonic() - began))
