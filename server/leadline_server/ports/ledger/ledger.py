"""The whole ledger. Commands take only the parts that they need."""

from typing import Protocol

from leadline_server.clock import Clock
from leadline_server.ports.ledger.accounts import Accounts, PreferenceStore, SettingsVersions
from leadline_server.ports.ledger.accounts_admin import AccountConnections, AccountData, ConnectionChecks
from leadline_server.ports.ledger.audit import AuditTrail
from leadline_server.ports.ledger.call_logs import CallLogs
from leadline_server.ports.ledger.claims import Claims
from leadline_server.ports.ledger.copy_mark import CopyMark
from leadline_server.ports.ledger.credentials import Credentials
from leadline_server.ports.ledger.placeholders import Placeholders
from leadline_server.ports.ledger.quarantine import Quarantine
from leadline_server.ports.ledger.replicas import Replicas
from leadline_server.ports.ledger.requests import Requests
from leadline_server.ports.ledger.retention import Retention
from leadline_server.ports.ledger.secrets import Secrets
from leadline_server.ports.ledger.tokens import TokenStore
from leadline_server.ports.ledger.transactions import Transactions
from leadline_server.ports.ledger.users import Users


class Ledger(Protocol):
    """The parts of the ledger."""

    @property
    def clock(self) -> Clock:
        """The clock that all processes on this ledger share: leases end by it."""
        ...

    @property
    def accounts(self) -> Accounts:
        """The accounts and their settings."""
        ...

    @property
    def account_data(self) -> AccountData:
        """The deletion of accounts."""
        ...

    @property
    def account_connections(self) -> AccountConnections:
        """The connections that accounts have of their own."""
        ...

    @property
    def connection_checks(self) -> ConnectionChecks:
        """The results of checks of connections."""
        ...

    @property
    def settings_versions(self) -> SettingsVersions:
        """The settings version of each account."""
        ...

    @property
    def preferences(self) -> PreferenceStore:
        """The preferences of users."""
        ...

    @property
    def users(self) -> Users:
        """The directory's users."""
        ...

    @property
    def credentials(self) -> Credentials:
        """The API keys and the denied tokens."""
        ...

    @property
    def call_logs(self) -> CallLogs:
        """The call logs."""
        ...

    @property
    def transactions(self) -> Transactions:
        """Transactions over several parts, for a CRM that lives in the ledger."""
        ...

    @property
    def claims(self) -> Claims:
        """The claims on numbers."""
        ...

    @property
    def placeholders(self) -> Placeholders:
        """The placeholders that calls created, and the replays."""
        ...

    @property
    def requests(self) -> Requests:
        """The answers by request id."""
        ...

    @property
    def tokens(self) -> TokenStore:
        """The OAuth tokens of the CRMs' connections."""
        ...

    @property
    def quarantine(self) -> Quarantine:
        """Events of phone systems that cannot be stored."""
        ...

    @property
    def retention(self) -> Retention:
        """Deleting old records."""
        ...

    @property
    def audit(self) -> AuditTrail:
        """The audit trail."""
        ...

    @property
    def copy_mark(self) -> CopyMark:
        """Whether this ledger is a restored copy."""
        ...

    @property
    def replicas(self) -> Replicas:
        """The servers that work on this ledger."""
        ...

    @property
    def secrets(self) -> Secrets:
        """The envelope keys, which encrypt tokens and other secrets."""
        ...

    @property
    def storage(self) -> object:
        """The database itself, for a CRM that lives in it. Each kind of ledger has its own kind of database."""
        ...

    @property
    def secret(self) -> bytes:
        """32 random bytes for signing tokens, made with the ledger. All processes that share it have the same."""
        ...

    async def check(self) -> None:
        """Return if the ledger can be read and written now; otherwise raise LedgerUnavailable or LedgerFull."""
        ...
