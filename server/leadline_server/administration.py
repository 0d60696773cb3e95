"""Creates the commands that administer accounts and connections."""

from dataclasses import dataclass

from leadline_server.account_crms import connection_specs, egress_of
from leadline_server.accounts.connection_check import StartChecks
from leadline_server.accounts.registry import AccountRegistry
from leadline_server.clock import Clock
from leadline_server.commands import AccountAdministration, ConnectionAdministration
from leadline_server.commands.paging import PageTokens
from leadline_server.config import Settings
from leadline_server.crm.account_settings_check import Catalogue, check_hosts, read_settings
from leadline_server.crm.adapter_registry import adapter_type
from leadline_server.domain.accounts import AccountRecord, OwnConnection
from leadline_server.ports.ledger import Ledger, account_owner
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


def start_checks(settings: Settings, ledger: Ledger, accounts: AccountRegistry, clock: Clock) -> StartChecks:
    """The checks of connections at the start."""
    of_file, specs = _FileConnections(settings), connection_specs(settings)

    def name_of(record: AccountRecord) -> str:
        found = of_file.of_account(record.account_id)
        if found is None:
            return account_owner(record.account_id) if record.connection_revision else ""
        name = found[0]
        return name if adapter_type(specs[name].adapter).is_remote else ""

    return StartChecks(ledger.accounts, accounts, ledger.connection_checks, name_of, clock)


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
