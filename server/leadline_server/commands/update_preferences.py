"""UpdatePreferences: a user changes what leadline may do for them."""

from dataclasses import dataclass, replace

from leadline_server.commands.get_preferences import PreferencesView
from leadline_server.domain.errors import PreferenceLocked
from leadline_server.domain.preferences import AccountSettings, Preferences, resolve
from leadline_server.ports.ledger import PreferenceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesUpdate:
    """The fields to write, and their values; None inherits again."""

    account_id: str
    user_id: str
    values: Preferences
    fields: tuple[str, ...]


class UpdatePreferences:
    """Writes a user's preferences, all the fields or none."""

    def __init__(self, preferences: PreferenceStore) -> None:
        self._preferences = preferences

    async def execute(self, update: PreferencesUpdate) -> PreferencesView:
        """Write the fields, and return what is in force then.

        Raises:
            AccountNotFound: there is no such account.
            PreferenceLocked: the administrator locked one of the fields.
        """

        def change(settings: AccountSettings, user: Preferences) -> Preferences:
            if locked := [name for name in update.fields if name in settings.locked]:
                raise PreferenceLocked(locked)
            return replace(user, **{name: getattr(update.values, name) for name in update.fields})

        settings, user = await self._preferences.change(update.account_id, update.user_id, change)
        return PreferencesView(resolve(settings, user), user)
