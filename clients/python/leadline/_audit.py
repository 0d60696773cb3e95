"""The part of the client for the audit trail."""
# ruff: noqa: ASYNC109 - a timeout is the deadline of an RPC, which the server is told

from collections.abc import AsyncIterator

from leadline._connection import Connection
from leadline._messages import Time, timestamp
from leadline.admin.v1.audit_service_pb2 import ListAuditEntriesRequest, ListAuditEntriesResponse


class AuditMethods:
    """Methods of `AsyncClient`."""

    _connection: Connection
    _account: str

    async def list_audit_entries(
        self,
        *,
        start_time: Time | None = None,
        end_time: Time | None = None,
        action: str = "",
        page_size: int = 0,
        timeout: float | None = None,
    ) -> AsyncIterator[ListAuditEntriesResponse]:
        """Pages of the account's audit entries as they are taken; with an empty account those of no account.

        Example: `async for page in client.list_audit_entries(action="key.revoked")`. A page may have no entries.
        """
        request = ListAuditEntriesRequest(
            account_id=self._account,
            page_size=page_size,
            start_time=None if start_time is None else timestamp(start_time),
            end_time=None if end_time is None else timestamp(end_time),
            action=action,
        )
        while True:
            page = await self._connection.ask(self._connection.stubs().audit.ListAuditEntries, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
