"""GetPreferences: what is in force for a user, and why."""

from dataclasses import dataclass

from leadline_server.domain.preferences import EffectivePreferences, Preferences, resolve
from leadline_server.ports.ledger import Accounts, PreferenceStore


@dataclass(frozen=True, slots=True)
class PreferencesView:
    """The preferences in force with their sources and locks, and what the user set."""

    effective: EffectivePreferences
    user: Preferences


class GetPreferences:
    """Reads a user's preferences."""

    def __init__(self, accounts: Accounts, preferences: PreferenceStore) -> None:
        self._accounts = accounts
        self._preferences = preferences

    async def execute(self, account_id: str, user_id: str) -> PreferencesView:
        """The preferences. Raises AccountNotFound."""
        settings = await self._accounts.get(account_id)
        user = await self._preferences.get(account_id, user_id)
        return PreferencesView(resolve(settings, user), user)
