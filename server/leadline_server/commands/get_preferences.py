"""GetPreferences: the preferences in force for a user, and where each comes from."""

from leadline_server.accounts.registry import Account
from leadline_server.ports.ledger import PreferencesInForce


class GetPreferences:
    """Reads a user's preferences."""

    async def execute(self, account: Account, user_id: str) -> PreferencesInForce:
        """The preferences in force, and what the user set."""
        return await account.preferences(user_id)
