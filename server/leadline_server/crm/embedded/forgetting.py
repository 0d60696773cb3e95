"""Removes all that the embedded CRM has of an account, in steps."""

from pathlib import Path
from typing import Final

from leadline_server.crm.connections import Connections
from leadline_server.crm.embedded.adapter import EmbeddedCrm
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.domain.preferences import AccountSettings

ROWS: Final = 200
"""Contacts and logs of one step."""


async def forget_embedded(connections: Connections, path: Path, account_id: str) -> bool:
    """Remove some of an account's contacts and logs; false once nothing is left.

    Args:
        connections: has the embedded CRM.
        path: its file. If there is none, there is nothing to remove, and none is created.
        account_id: the account.
    """
    if not path.exists():  # noqa: ASYNC240 - one look at a folder
        return False
    crm = await connections.embedded(AccountView(account_id, AccountSettings))
    adapter = getattr(crm.adapter, "inner", crm.adapter)
    return isinstance(adapter, EmbeddedCrm) and await adapter.forget(ROWS)
