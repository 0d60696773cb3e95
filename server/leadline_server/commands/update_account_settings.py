"""UpdateAccountSettings: the administrator changes defaults, locks or how numbers are read."""

from dataclasses import dataclass, replace
from typing import Any

from leadline_server.accounts.registry import Account
from leadline_server.audit.acting import acting
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.ledger import Accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettingsUpdate:
    """The fields to write, as in an update mask (`default_region`, `defaults.placeholder_name`), and their values."""

    settings: AccountSettings
    fields: tuple[str, ...]


class UpdateAccountSettings:
    """Writes an account's settings, all the fields or none."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def execute(self, account: Account, update: AccountSettingsUpdate) -> AccountSettings:
        """Write the fields, and return the settings after that."""

        def change(settings: AccountSettings) -> AccountSettings:
            own: dict[str, Any] = {}
            defaults: dict[str, Any] = {}
            for path in update.fields:
                _, dot, name = path.partition("defaults.")
                if dot:
                    defaults[name] = getattr(update.settings.defaults, name)
                else:
                    own[path] = getattr(update.settings, path)
            return replace(settings, defaults=replace(settings.defaults, **defaults), **own)

        return await self._accounts.change(account.id, change, acting())
