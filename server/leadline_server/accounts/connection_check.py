"""Asks CRMs whether leadline can work with them: one on request, and all at the start."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog

from leadline_server.accounts.registry import Account, AccountRegistry
from leadline_server.clock import Clock
from leadline_server.domain.accounts import AccountRecord, AccountState
from leadline_server.domain.crm_errors import CrmError
from leadline_server.domain.errors import LeadlineError
from leadline_server.ports.ledger import Accounts, ConnectionChecks

MOST_ERROR: Final = 500
"""The most characters of an error that is kept."""

AT_ONCE: Final = 8
"""Connections that are checked at the same time."""

_PAGE: Final = 200

_log = structlog.get_logger(__name__)

NameOf = Callable[[AccountRecord], str]
"""The name of an account's connection to a CRM over a network; empty: it has none."""


async def problem_of(account: Account) -> str:
    """Why an account's CRM cannot be used: a sentence; empty if it can. It really asks."""
    try:
        await account.check()
    except CrmError as error:
        return error.message[:MOST_ERROR] or "The CRM cannot be used."
    return ""


class StartChecks:
    """Checks each connection once, and warns about those that fail.

    Args:
        accounts: the ledger's accounts.
        registry: the accounts with their CRMs.
        checks: keeps what was found.
        name_of: names the connection of an account.
        clock: the clock.
    """

    def __init__(
        self,
        accounts: Accounts,
        registry: AccountRegistry,
        checks: ConnectionChecks,
        name_of: NameOf,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._registry = registry
        self._checks = checks
        self._name_of = name_of
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Check all connections, each once although accounts share it."""
        try:
            async with asyncio.TaskGroup() as group:
                async for name, account_id in self._connections():
                    await self._turns.acquire()
                    group.create_task(self._check(name, account_id))
        except LeadlineError as error:
            _log.warning("connections not checked", detail=error.message)

    async def _connections(self) -> AsyncIterator[tuple[str, str]]:
        after, seen = "", set[str]()
        while page := await self._accounts.list(after, _PAGE):
            for record in page:
                name = self._name_of(record)
                if name and name not in seen and record.state is AccountState.ACTIVE:
                    seen.add(name)
                    yield name, record.account_id
            after = page[-1].account_id

    async def _check(self, name: str, account_id: str) -> None:
        try:
            problem = await problem_of(await self._registry.get_any(account_id))
            await self._checks.record(name, self._clock.now(), problem)
        except Exception as error:  # noqa: BLE001 - a fault of one adapter must not keep the others from their checks
            problem = error.message if isinstance(error, LeadlineError) else type(error).__name__
        finally:
            self._turns.release()
        if problem:
            _log.warning("connection fails", connection=name, account_id=account_id, detail=problem)
