"""The ledger's settings: those of accounts, and what users set for themselves."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from leadline_server.domain.accounts import AccountRecord, AccountState
from leadline_server.domain.audit import LEADLINE, Actor
from leadline_server.domain.preferences import AccountSettings, EffectivePreferences, Preferences


class Accounts(Protocol):
    """The accounts and their settings. Example: account `demo` with `default_region` US.

    Each change is recorded in the audit trail, in the same transaction, with the actor `by`.
    """

    async def create(
        self,
        account_id: str,
        settings: AccountSettings,
        by: Actor = LEADLINE,
        *,
        title: str = "",
        now: datetime | None = None,
    ) -> bool:
        """Create an account; False, changing nothing, if it exists.

        Raises:
            AccountBeingDeleted: an account of this id is being deleted.
        """
        ...

    async def record(self, account_id: str) -> AccountRecord:
        """The account as it is now, with its settings version. Raises AccountNotFound."""
        ...

    async def list(self, after: str, limit: int) -> Sequence[AccountRecord]:
        """At most `limit` accounts whose ids follow `after`, in the order of their ids."""
        ...

    async def administer(
        self,
        account_id: str,
        now: datetime,
        by: Actor = LEADLINE,
        *,
        title: str | None = None,
        state: AccountState | None = None,
    ) -> AccountRecord:
        """Change the title or the state, and return the account. Raises AccountNotFound."""
        ...

    async def get(self, account_id: str) -> AccountSettings:
        """The settings in force now. Raises AccountNotFound."""
        ...

    async def change(
        self, account_id: str, change: Callable[[AccountSettings], AccountSettings], by: Actor = LEADLINE
    ) -> AccountSettings:
        """Replace the settings by the result of `change`, and return that. Raises AccountNotFound."""
        ...

    async def stored_bytes(self) -> Mapping[str, int]:
        """About how many bytes each account has stored, by all processes: call logs, answers and preferences.

        An account without any may be left out. Deleted ones no longer count. It must not read what it counts.
        """
        ...


class SettingsVersions(Protocol):
    """The settings version of each account.

    It changes with every change, by any process, of the account, its settings, its connection, its users or their
    preferences. So if it equals the version that one of these was read at, that is still in force. Example: an account
    was read at version 7. A user's preferences change, and the version is 8: the account must be read again.
    """

    @property
    def are_confirmed(self) -> bool:
        """Whether `CallLogs.change` confirms a version; if not, to ask for it costs nothing."""
        ...

    async def current(self, account_id: str) -> int | None:
        """The version now. It may be None if there is no such account."""
        ...


class PreferencesInForce(NamedTuple):
    """A user's preferences as they were at one settings version.

    Attributes:
        effective: the preferences in force.
        user: the values that the user set.
        version: the settings version that they were read at; see `SettingsVersions`.
    """

    effective: EffectivePreferences
    user: Preferences
    version: int


class PreferenceStore(Protocol):
    """The preferences that users set. Users need no registration: an unknown user has set nothing.

    Each change is recorded in the audit trail, in the same transaction, with the actor `by`.
    """

    async def get(self, account_id: str, user_id: str) -> PreferencesInForce:
        """The preferences in force now for a user, and what the user set. Raises AccountNotFound."""
        ...

    async def list(self, account_id: str, after: str, limit: int) -> Sequence[tuple[str, Preferences]]:
        """The preferences of at most `limit` users whose ids follow `after`, in the order of their ids."""
        ...

    def last_read(self, account_id: str, user_id: str) -> PreferencesInForce | None:
        """The preferences as this process last read them, which may be outdated. None: ask `get`.

        It asks nothing. No decision may rest on the answer alone.
        """
        ...

    async def change(
        self,
        account_id: str,
        user_id: str,
        change: Callable[[AccountSettings, Preferences], Preferences],
        by: Actor = LEADLINE,
    ) -> tuple[AccountSettings, Preferences]:
        """Replace the user's preferences by the result of `change`.

        `change` gets the account's settings and the user's preferences of the same moment. Returns the settings and the
        new preferences. Raises AccountNotFound, or the exception of `change`; then nothing changes.
        """
        ...
