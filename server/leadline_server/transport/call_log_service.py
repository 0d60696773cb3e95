"""CallLogService over gRPC: read the request, run the command, write the answer."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceServicer

from leadline_server.commands import Commands
from leadline_server.commands.watch_call_logs import WatchItem
from leadline_server.concurrency.deadline import Budget
from leadline_server.transport import call_log_requests as mapping
from leadline_server.transport.endpoint import Context, read_in_region
from leadline_server.transport.watch_encoder import BatchMessages

_MAX_WATCHED: Final = 1024


class CallLogServicer(CallLogServiceServicer):
    """CallLogService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._batches = BatchMessages()
        self._watched: dict[str, pb.WatchCallLogsResponse] = {}

    async def LogCall(self, request: pb.LogCallRequest, context: Context) -> pb.LogCallResponse:
        """Take a report of a call."""
        budget = Budget(context.time_remaining())
        report = mapping.call_report(request)
        account = await self._commands.accounts.get(report.account_id)
        log = await self._commands.log_call.execute(account, report, budget, validate_only=request.validate_only)
        return mapping.log_call_response(log)

    async def GetCallLog(self, request: pb.GetCallLogRequest, context: Context) -> pb.GetCallLogResponse:
        """Show one call's log."""
        key = mapping.call_key(request)
        await self._commands.accounts.get(key.account_id)
        log = await self._commands.get_call_log.execute(key)
        return mapping.get_call_log_response(log)

    async def RetryCallLog(self, request: pb.RetryCallLogRequest, context: Context) -> pb.RetryCallLogResponse:
        """Decide and deliver one call anew."""
        budget = Budget(context.time_remaining())
        key = mapping.call_key(request)
        account = await self._commands.accounts.get(key.account_id)
        log = await self._commands.retry_call_log.execute(account, key, budget)
        return mapping.retry_call_log_response(log)

    async def ListCallLogs(self, request: pb.ListCallLogsRequest, context: Context) -> pb.ListCallLogsResponse:
        """List an account's call logs."""
        _, query = await read_in_region(self._commands.accounts, request, mapping.call_log_query)
        return mapping.list_call_logs_response(await self._commands.list_call_logs.execute(query))

    async def WatchCallLogs(self, request: pb.WatchCallLogsRequest, context: Context) -> AsyncGenerator[Any, None]:
        """Follow the changes of an account's call logs: yields WatchCallLogsResponse, or what is encoded as such."""
        watch = mapping.watch(request)
        if watch.max_call_logs:
            async with aclosing(self._commands.watch_call_logs.batches(watch)) as batches:
                async for batch in batches:
                    for message in self._batches.of(batch):
                        yield message
        else:
            async for item in self._commands.watch_call_logs.execute(watch):
                yield self._watched_message(item)

    def _watched_message(self, item: WatchItem) -> pb.WatchCallLogsResponse:
        """The message for an item. Watchers of the same calls are sent the same one: it is made once."""
        if item.change is None:  # the same token also comes with the change that it follows
            return mapping.watch_call_logs_response(item)
        message = self._watched.get(item.resume_token)
        if message is None:
            if len(self._watched) >= _MAX_WATCHED:
                self._watched.clear()
            message = self._watched[item.resume_token] = mapping.watch_call_logs_response(item)
        return message
