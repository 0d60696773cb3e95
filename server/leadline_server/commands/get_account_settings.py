"""GetAccountSettings: what the administrator set."""

from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.ledger import Accounts


class GetAccountSettings:
    """Reads an account's settings."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def execute(self, account_id: str) -> AccountSettings:
        """The settings. Raises AccountNotFound."""
        return await self._accounts.get(account_id)
