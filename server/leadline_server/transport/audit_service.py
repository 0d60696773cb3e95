"""AuditService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from leadline.admin.v1 import audit_service_pb2 as pb
from leadline.admin.v1.audit_service_pb2_grpc import AuditServiceServicer

from leadline_server.commands import Commands
from leadline_server.transport.context import Context
from leadline_server.wire.audit import anchor_message, entry_message, filter_of
from leadline_server.wire.violations import TOKEN_LENGTH, Violations


class AuditServicer(AuditServiceServicer):
    """AuditService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        """List the entries of an account."""
        check = Violations()
        account_id = check.optional_id("account_id", request.account_id)
        page_size = check.page_size(request.page_size)
        page_token = check.text("page_token", request.page_token, TOKEN_LENGTH)
        among = filter_of(check, request)
        check.raise_any()
        found = await self._commands.list_audit_entries.execute(account_id, among, page_size, page_token)
        if account_id and not found.end.sequence:  # a deleted account still has its entries
            await self._commands.accounts.get_any(account_id)
        return pb.ListAuditEntriesResponse(
            entries=map(entry_message, found.entries),
            next_page_token=found.next_page_token,
            start=anchor_message(found.start),
            end=anchor_message(found.end),
        )
