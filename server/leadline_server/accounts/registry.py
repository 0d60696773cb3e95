"""Accounts: the settings, the CRM and the limits of each, resolved once a request."""

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from leadline_server.accounts.limits import AccountLimits, AccountLimitsRegistry
from leadline_server.domain.directory import DirectoryIndex
from leadline_server.domain.errors import AccountNotFound
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter, CrmConnection, RememberedAnswers
from leadline_server.ports.ledger import Accounts, PreferencesInForce, PreferenceStore, Users

Connect = Callable[[str, Callable[[], AccountSettings]], CrmConnection]
"""Makes the connection of an account. Takes its id, and a function that returns its current settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as it is now. A request resolves it once and hands it on.

    Attributes:
        id: the account's id.
        settings: its settings.
        rules: how its numbers are read. Example: the region "GB" makes 020 7946 0123 +442079460123.
        crm: its CRM.
        remembered: answers that its CRM gave a moment ago; None if none are kept.
        limits: its circuit breaker, and how much of it is delivered at once.
        preferences: the preferences in force now for a user id.
        settings_version: a number that changes with every change of settings or preferences.
        directory: the account's users by their extensions, numbers and e-mail addresses.
        own_numbers: the E.164 numbers and the extensions of the account and of its users: {"+12025550101", "101"}.
    """

    id: str
    settings: AccountSettings
    rules: NumberingRules
    crm: CrmAdapter
    remembered: RememberedAnswers | None
    limits: AccountLimits
    preferences: Callable[[str], Awaitable[PreferencesInForce]]
    settings_version: Callable[[], int]
    directory: DirectoryIndex
    own_numbers: AbstractSet[str]


class AccountRegistry:
    """Gives accounts by id."""

    def __init__(
        self,
        accounts: Accounts,
        preferences: PreferenceStore,
        users: Users,
        connect: Connect,
        limits: AccountLimitsRegistry,
    ) -> None:
        self._accounts = accounts
        self._preferences = preferences
        self._users = users
        self._connect = connect
        self._limits = limits
        self._seen: dict[str, Account] = {}

    async def get(self, account_id: str) -> Account:
        """The account with the settings in force now. Raises AccountNotFound."""
        settings = await self._accounts.get(account_id)
        seen = self._seen.get(account_id)
        # The ledger returns the same object until any settings, preferences or users change.
        if seen is None or seen.settings is not settings:
            directory = await self._users.index(account_id)
            # Another request may have connected the account during the query, so look again.
            seen = self._seen.get(account_id)
            seen = self._seen[account_id] = self._account(account_id, settings, directory, seen)
        return seen

    def knows(self, account_id: str) -> bool:
        """Whether the account was used since the start, and so exists. It asks nothing."""
        return account_id in self._seen

    async def find(self, account_id: str) -> Account | None:
        """The account with the settings in force now; None if there is no such account."""
        try:
            return await self.get(account_id)
        except AccountNotFound:
            return None

    def _account(
        self, account_id: str, settings: AccountSettings, directory: DirectoryIndex, seen: Account | None
    ) -> Account:
        if seen is None:
            connection = self._connect(account_id, self._settings_of(account_id))
        else:
            connection = CrmConnection(seen.crm, seen.remembered)
        return Account(
            id=account_id,
            settings=settings,
            rules=settings.numbering,
            crm=connection.crm,
            remembered=connection.remembered,
            limits=self._limits.of(account_id),
            preferences=partial(self._preferences.get, account_id),
            settings_version=self._preferences.version,
            directory=directory,
            own_numbers=directory.addresses.union(settings.own_numbers),
        )

    def _settings_of(self, account_id: str) -> Callable[[], AccountSettings]:
        return lambda: self._seen[account_id].settings
