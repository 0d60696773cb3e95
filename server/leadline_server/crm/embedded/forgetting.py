"""Removes all that the embedded CRM has of an account, in steps."""

from typing import Final

from leadline_server.crm.connections import Connections
from leadline_server.crm.embedded.adapter import EmbeddedCrm
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.domain.preferences import AccountSettings

ROWS: Final = 200
"""Contacts and logs of one step."""


async def forget_embedded(connections: Connections, account_id: str) -> bool:
    """Remove some of an account's contacts and logs; false once nothing is left. `connections` has the embedded CRM."""
    crm = await connections.embedded(AccountView(account_id, AccountSettings))
    adapter = getattr(crm.adapter, "inner", crm.adapter)
    return isinstance(adapter, EmbeddedCrm) and await adapter.forget(ROWS)
