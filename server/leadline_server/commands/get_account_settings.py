"""GetAccountSettings: the settings that the administrator made."""

from leadline_server.accounts.registry import Account
from leadline_server.domain.preferences import AccountSettings


class GetAccountSettings:
    """Reads an account's settings."""

    async def execute(self, account: Account) -> AccountSettings:
        """The settings in force now."""
        return account.settings
