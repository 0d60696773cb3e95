"""Creates the commands that administer accounts and connections."""

from dataclasses import dataclass

from leadline_server.account_crms import connection_specs, egress_of
from leadline_server.accounts.registry import AccountRegistry
from leadline_server.clock import Clock
from leadline_server.commands import AccountAdministration, ConnectionAdministration
from leadline_server.commands.paging import PageTokens
from leadline_server.config import Settings
from leadline_server.crm.account_settings_check import Catalogue, check_hosts, read_settings
from leadline_server.domain.accounts import OwnConnection
from leadline_server.ports.ledger import Ledger
from leadline_server.retention.account_removal import AccountRemoval


@dataclass(frozen=True, slots=True)
class Administration:
    """The commands of accounts and of their connections, and the registry that gives accounts to all commands."""

    registry: AccountRegistry
    accounts: AccountAdministration
    connections: ConnectionAdministration


@dataclass(frozen=True, slots=True)
class _FileConnections:
    """Implements commands.account_connections.FileConnections."""

    settings: Settings

    def of_account(self, account_id: str) -> tuple[str, str] | None:
        """The name and the adapter of the connection of an account of the file."""
        name = self.settings.connection_of(account_id)
        return None if name is None else (name, connection_specs(self.settings)[name].adapter)


def administration_of(
    settings: Settings, ledger: Ledger, accounts: AccountRegistry, removal: AccountRemoval, clock: Clock
) -> Administration:
    """The commands that administer accounts and connections."""
    catalogue, egress = Catalogue(settings.definition_folder), egress_of(settings)

    async def check_settings(wanted: OwnConnection) -> None:
        read_settings(wanted.adapter, wanted.options, wanted.secrets, catalogue)
        await check_hosts(wanted.options, egress)

    return Administration(
        accounts,
        AccountAdministration(
            ledger.accounts,
            ledger.account_connections,
            ledger.account_data,
            removal.remove_soon,
            settings.accounts.keys(),
            PageTokens(ledger.secret, "accounts"),
            clock,
        ),
        ConnectionAdministration(
            accounts,
            ledger.account_connections,
            ledger.connection_checks,
            _FileConnections(settings),
            check_settings,
            clock,
        ),
    )
