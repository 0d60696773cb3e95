"""UpdatePreferences: a user changes what leadline may do for them."""

from dataclasses import dataclass, replace

from leadline_server.accounts.registry import Account
from leadline_server.audit.acting import acting
from leadline_server.domain.errors import PreferenceLocked
from leadline_server.domain.preferences import AccountSettings, Preferences
from leadline_server.ports.ledger import PreferencesInForce, PreferenceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesUpdate:
    """The fields to write, and their values; None inherits again."""

    user_id: str
    values: Preferences
    fields: tuple[str, ...]


class UpdatePreferences:
    """Writes a user's preferences, all the fields or none."""

    def __init__(self, preferences: PreferenceStore) -> None:
        self._preferences = preferences

    async def execute(self, account: Account, update: PreferencesUpdate) -> PreferencesInForce:
        """Write the fields, and return the preferences in force after that.

        Raises:
            PreferenceLocked: the administrator locked one of the fields.
        """

        def change(settings: AccountSettings, user: Preferences) -> Preferences:
            if locked := [name for name in update.fields if name in settings.locked]:
                raise PreferenceLocked(locked)
            return replace(user, **{name: getattr(update.values, name) for name in update.fields})

        await self._preferences.change(account.id, update.user_id, change, acting().acting_for(update.user_id))
        return await account.preferences(update.user_id)
