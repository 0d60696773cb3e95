"""The ledger's settings: those of accounts, and what users set for themselves."""

from collections.abc import Callable
from typing import Protocol

from leadline_server.domain.preferences import AccountSettings, Preferences


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


class PreferenceStore(Protocol):
    """The preferences that users set. Users need no registration: an unknown user has set nothing."""

    async def get(self, account_id: str, user_id: str) -> Preferences:
        """The user's preferences; empty preferences if the user set nothing."""
        ...

    async def change(
        self, account_id: str, user_id: str, change: Callable[[AccountSettings, Preferences], Preferences]
    ) -> tuple[AccountSettings, Preferences]:
        """Replace the user's preferences by the result of `change`.

        `change` gets the account's settings and the user's preferences of the same moment. Returns the settings and the
        new preferences. Raises AccountNotFound, or the exception of `change`; then nothing changes.
        """
        ...
