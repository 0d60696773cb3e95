"""The accounts at work: their settings and their CRM."""

from collections.abc import Callable
from dataclasses import dataclass

from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import Connection, CrmAdapter, RememberedAnswers
from leadline_server.ports.ledger import Accounts

Connect = Callable[[str, Callable[[], AccountSettings]], Connection]
"""Makes the connection of an account, by its id and by what tells its settings at any moment."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is now: its settings, and the connection to its CRM."""

    id: str
    settings: AccountSettings
    connection: Connection

    @property
    def crm(self) -> CrmAdapter:
        """The CRM itself: what it answers holds now."""
        return self.connection.crm

    @property
    def remembered(self) -> RememberedAnswers | None:
        """What its CRM answered a moment ago; None where nothing remembers that."""
        return self.connection.remembered


class AccountDirectory:
    """Gives accounts by id."""

    def __init__(self, accounts: Accounts, connect: Connect) -> None:
        self._accounts = accounts
        self._connect = connect
        self._seen: dict[str, Account] = {}

    async def get(self, account_id: str) -> Account:
        """The account with the settings in force now. Raises AccountNotFound."""
        settings = await self._accounts.get(account_id)
        seen = self._seen.get(account_id)
        if seen is None or seen.settings is not settings:
            connection = seen.connection if seen else self._connect(account_id, self._settings_of(account_id))
            seen = self._seen[account_id] = Account(account_id, settings, connection)
        return seen

    def _settings_of(self, account_id: str) -> Callable[[], AccountSettings]:
        return lambda: self._seen[account_id].settings

    async def numbering(self, account_id: str) -> NumberingRules:
        """How the account's numbers are read. Raises AccountNotFound."""
        return (await self._accounts.get(account_id)).numbering
