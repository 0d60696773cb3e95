"""PlaceholderService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from typing import Final

from leadline.v1 import placeholder_service_pb2 as pb
from leadline.v1.placeholder_service_pb2_grpc import PlaceholderServiceServicer

from leadline_server.commands import Commands
from leadline_server.domain.placeholder_bounds import MAX_PLACEHOLDER_LIMIT
from leadline_server.domain.placeholders import Placeholder
from leadline_server.transport.context import Context
from leadline_server.wire.mapping import MessageMapping
from leadline_server.wire.violations import TOKEN_LENGTH, Violations

_PLACEHOLDER: Final = MessageMapping(Placeholder, pb.Placeholder)


class PlaceholderServicer(PlaceholderServiceServicer):
    """PlaceholderService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def ListPlaceholders(
        self, request: pb.ListPlaceholdersRequest, context: Context
    ) -> pb.ListPlaceholdersResponse:
        """List the placeholders that calls created."""
        check = Violations()
        check.identifier("account_id", request.account_id)
        start_time = check.time("start_time", request.start_time) if request.HasField("start_time") else None
        page_size = check.page_size(request.page_size)
        page_token = check.text("page_token", request.page_token, TOKEN_LENGTH)
        check.raise_any()
        account = await self._commands.accounts.get(request.account_id)
        found = await self._commands.list_placeholders.execute(account, start_time, page_size, page_token)
        placeholders = [_PLACEHOLDER.message(placeholder) for placeholder in found.placeholders]
        return pb.ListPlaceholdersResponse(placeholders=placeholders, next_page_token=found.next_page_token)

    async def RemovePlaceholder(
        self, request: pb.RemovePlaceholderRequest, context: Context
    ) -> pb.RemovePlaceholderResponse:
        """Delete a placeholder that no one has touched."""
        check = Violations()
        check.identifier("account_id", request.account_id)
        contact_id = check.identifier("contact_id", request.contact_id)
        check.raise_any()
        account = await self._commands.accounts.get(request.account_id)
        remove = self._commands.remove_placeholder
        found = await remove.execute(account, contact_id, validate_only=request.validate_only)
        return pb.RemovePlaceholderResponse(
            state=pb.PlaceholderState.ValueType(found.state), explanation=found.explanation
        )

    async def OpenReplay(self, request: pb.OpenReplayRequest, context: Context) -> pb.OpenReplayResponse:
        """Open a replay of past calls."""
        check = Violations()
        check.identifier("account_id", request.account_id)
        limit = check.count("placeholder_limit", request.placeholder_limit, MAX_PLACEHOLDER_LIMIT)
        check.raise_any()
        account = await self._commands.accounts.get(request.account_id)
        return pb.OpenReplayResponse(replay_id=await self._commands.open_replay.execute(account, limit))
