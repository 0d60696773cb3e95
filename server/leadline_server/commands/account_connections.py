"""The RPCs of accounts' connections: get, set and check."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from leadline_server.accounts.connection_check import problem_of
from leadline_server.accounts.registry import AccountRegistry
from leadline_server.audit.acting import acting
from leadline_server.clock import Clock
from leadline_server.domain.account_errors import ConnectionNotFound
from leadline_server.domain.accounts import ConnectionCheck, OwnConnection
from leadline_server.ports.ledger import AccountConnections, ConnectionChecks, account_owner

CheckSettings = Callable[[OwnConnection], Awaitable[None]]
"""Raises InvalidRequest, which names everything that is wrong with settings that come by API."""


class FileConnections(Protocol):
    """The connections of the settings file."""

    def of_account(self, account_id: str) -> tuple[str, str] | None:
        """The name and the adapter of the connection of an account of the file; None for another account."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownConnection:
    """A connection without its secrets, and what its checks found.

    Attributes:
        name: its name.
        is_of_file: whether the settings file has it.
        connection: its settings; of the settings file's the adapter alone.
        check: what checks found; None: it was never checked.
    """

    name: str
    is_of_file: bool
    connection: OwnConnection
    check: ConnectionCheck | None


class ConnectionAdministration:
    """Administers the connections of accounts.

    Args:
        registry: the accounts with their CRMs.
        connections: the connections that accounts have of their own.
        checks: what checks found.
        of_file: the connections of the settings file.
        check_settings: checks settings that come by API.
        clock: the clock.
    """

    def __init__(
        self,
        registry: AccountRegistry,
        connections: AccountConnections,
        checks: ConnectionChecks,
        of_file: FileConnections,
        check_settings: CheckSettings,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._connections = connections
        self._checks = checks
        self._of_file = of_file
        self._check_settings = check_settings
        self._clock = clock

    async def get(self, account_id: str) -> ShownConnection:
        """An account's connection. Raises AccountNotFound or ConnectionNotFound."""
        await self._registry.get_any(account_id)
        return await self._shown(account_id)

    async def set(
        self, account_id: str, adapter: str, options: dict[str, Any], secrets: dict[str, str]
    ) -> ShownConnection:
        """Connect an account to a CRM. Raises InvalidRequest or AccountNotFound."""
        wanted = OwnConnection(adapter=adapter, options=options, secrets=secrets)
        await self._check_settings(wanted)
        await self._connections.put(account_id, wanted, self._clock.now(), acting())
        return await self._shown(account_id)

    async def check(self, account_id: str) -> ShownConnection:
        """Ask the CRM, and keep the answer. Raises AccountNotFound or ConnectionNotFound."""
        account = await self._registry.get_any(account_id)
        shown = await self._shown(account_id)
        await self._checks.record(shown.name, self._clock.now(), await problem_of(account))
        return await self._shown(account_id)

    async def _shown(self, account_id: str) -> ShownConnection:
        of_file = self._of_file.of_account(account_id)
        if of_file is not None:
            name, adapter = of_file
            connection = OwnConnection(adapter=adapter)
        else:
            name, found = account_owner(account_id), await self._connections.get(account_id)
            if found is None:
                raise ConnectionNotFound(account_id)
            connection = found
        check = await self._checks.get(name)
        return ShownConnection(name=name, is_of_file=of_file is not None, connection=connection, check=check)
