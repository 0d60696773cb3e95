"""The ledger's settings: those of accounts, and what users set for themselves."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from leadline_server.domain.preferences import AccountSettings, EffectivePreferences, Preferences


class Accounts(Protocol):
    """The accounts and their settings. Example: account `demo` with `default_region` US."""

    async def create(self, account_id: str, settings: AccountSettings) -> bool:
        """Create an account; False, changing nothing, if it exists."""
        ...

    async def get(self, account_id: str) -> AccountSettings:
        """The settings in force now. Raises AccountNotFound."""
        ...

    async def change(self, account_id: str, change: Callable[[AccountSettings], AccountSettings]) -> AccountSettings:
        """Replace the settings by the result of `change`, and return that. Raises AccountNotFound."""
        ...

    async def stored_bytes(self) -> Mapping[str, int]:
        """About how many bytes each account has stored, by all processes: call logs, answers and preferences.

        An account without any may be left out. Deleted ones no longer count. It must not read what it counts.
        """
        ...


class PreferencesInForce(NamedTuple):
    """A user's preferences as they were at one settings version.

    Attributes:
        effective: the preferences in force.
        user: the values that the user set.
        version: the settings version that they were read at; see `PreferenceStore.version`.
    """

    effective: EffectivePreferences
    user: Preferences
    version: int


class PreferenceStore(Protocol):
    """The preferences that users set. Users need no registration: an unknown user has set nothing."""

    async def get(self, account_id: str, user_id: str) -> PreferencesInForce:
        """The preferences in force now for a user, and what the user set. Raises AccountNotFound."""
        ...

    def version(self) -> int:
        """The settings version: it changes with every change of any account's settings or any user's preferences.

        If it equals the version that preferences were read at, they are still in force. Cheap: no I/O.
        """
        ...

    async def change(
        self, account_id: str, user_id: str, change: Callable[[AccountSettings, Preferences], Preferences]
    ) -> tuple[AccountSettings, Preferences]:
        """Replace the user's preferences by the result of `change`.

        `change` gets the account's settings and the user's preferences of the same moment. Returns the settings and the
        new preferences. Raises AccountNotFound, or the exception of `change`; then nothing changes.
        """
        ...
