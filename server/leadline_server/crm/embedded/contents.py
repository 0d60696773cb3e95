"""All that the embedded CRM has of an account: read for an export, and removed with the account."""

from typing import Final

from leadline_server.crm.connections import Connections
from leadline_server.crm.embedded.adapter import EmbeddedCrm
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import ContactPage
from leadline_server.ports.embedded_contents import EmbeddedCallLogPage

ROWS: Final = 200
"""Contacts of a page, and contacts and logs that are removed in one step."""

LOGS: Final = 20
"""Call logs of a page. Each may have a transcript of 262,144 characters."""


class ContentsOfEmbedded:
    """Implements ports.embedded_contents.EmbeddedContents. An account that another CRM has now may have contacts here.

    Args:
        connections: those of the settings, which have the embedded CRM.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def contacts(self, account_id: str, cursor: str) -> ContactPage:
        """A page of the contacts, by name."""
        crm = await self._of(account_id)
        return ContactPage((), "") if crm is None else await crm.search_contacts("", ROWS, cursor)

    async def call_logs(self, account_id: str, cursor: str) -> EmbeddedCallLogPage:
        """A page of the call logs."""
        crm = await self._of(account_id)
        return EmbeddedCallLogPage((), "") if crm is None else await crm.list_call_logs(LOGS, cursor)

    async def forget(self, account_id: str) -> bool:
        """Remove some contacts and logs; false once nothing is left."""
        crm = await self._of(account_id)
        return crm is not None and await crm.forget(ROWS)

    async def _of(self, account_id: str) -> EmbeddedCrm | None:
        crm = await self._connections.embedded(AccountView(account_id, AccountSettings))
        adapter = getattr(crm.adapter, "inner", crm.adapter)
        return adapter if isinstance(adapter, EmbeddedCrm) else None
