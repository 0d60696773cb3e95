"""CallLogService over gRPC: reads the requests, runs the commands, writes the responses."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceServicer

from leadline_server.audit.acting import PRINCIPAL
from leadline_server.commands import Commands
from leadline_server.commands.list_call_logs import CallLogList, CallLogQuery
from leadline_server.commands.watch_call_logs import Watch
from leadline_server.concurrency.deadline import Budget
from leadline_server.domain.access.answers import shown_log
from leadline_server.domain.access.principals import EVERYONE, Principal, Role
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.ports.ledger import CallKey, CallLogFilter
from leadline_server.transport.call_log_counts import count_call_logs_response, counting_of
from leadline_server.transport.context import Context
from leadline_server.transport.endpoint import read_by_rules
from leadline_server.watch.batch import WatchItem
from leadline_server.watch.encoder import WatchEncoder
from leadline_server.wire.call import DIRECTIONS, call_report
from leadline_server.wire.call_log import CALL_LOG, REASONS, STATES, UPDATE_STATES
from leadline_server.wire.violations import TOKEN_LENGTH, Violations

MAX_WATCHED: Final = 1000
"""The most call logs in one message of a watch."""


def call_key(request: pb.GetCallLogRequest | pb.RetryCallLogRequest) -> CallKey:
    """Read GetCallLogRequest or RetryCallLogRequest."""
    check = Violations()
    key = CallKey(
        check.identifier("account_id", request.account_id),
        check.identifier("call_id", request.call_id),
    )
    check.raise_any()
    return key


def call_log_query(request: pb.ListCallLogsRequest, rules: NumberingRules | None) -> CallLogQuery:
    """Read ListCallLogsRequest."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    user_id = check.optional_id("user_id", request.user_id)
    states = check.members("states", request.states, STATES)
    reasons = check.members("reasons", request.reasons, REASONS)
    update_states = check.members("update_states", request.update_states, UPDATE_STATES)
    directions = check.members("directions", request.directions, DIRECTIONS)
    contact_id = check.optional_id("contact_id", request.contact_id)
    start_time, end_time = _period(check, request)
    page_size = check.page_size(request.page_size)
    page_token = check.text("page_token", request.page_token, TOKEN_LENGTH)
    number_key = _number_key(check, request, rules)
    check.raise_any()
    selection = CallLogFilter(
        account_id=account_id,
        user_id=user_id,
        states=states,
        reasons=reasons,
        update_states=update_states,
        directions=directions,
        phone_number=number_key,
        contact_id=contact_id,
        start_time=start_time,
        end_time=end_time,
    )
    return CallLogQuery(selection=selection, page_size=page_size, page_token=page_token)


def list_call_logs_response(found: CallLogList) -> pb.ListCallLogsResponse:
    """Write ListCallLogsResponse."""
    fields: dict[str, Any] = {"call_logs": [CALL_LOG.fields(log) for log in found.call_logs]}
    return pb.ListCallLogsResponse(next_page_token=found.next_page_token, **fields)


def watch_of(request: pb.WatchCallLogsRequest) -> Watch:
    """Read WatchCallLogsRequest."""
    check = Violations()
    wanted = Watch(
        account_id=check.identifier("account_id", request.account_id),
        user_id=check.optional_id("user_id", request.user_id),
        resume_token=check.text("resume_token", request.resume_token, TOKEN_LENGTH),
        max_call_logs=request.max_call_logs,
    )
    if not 0 <= request.max_call_logs <= MAX_WATCHED:
        check.add("max_call_logs", f"Must be between 0 and {MAX_WATCHED}.")
    check.raise_any()
    return wanted


def watch_call_logs_response(item: WatchItem) -> pb.WatchCallLogsResponse:
    """Write one message of WatchCallLogs."""
    fields = {} if item.change is None else _call_log(item.change.call_log)
    return pb.WatchCallLogsResponse(resume_token=item.resume_token, **fields)


def _period(check: Violations, request: pb.ListCallLogsRequest) -> tuple[datetime | None, datetime | None]:
    start = check.time("start_time", request.start_time) if request.HasField("start_time") else None
    end = check.time("end_time", request.end_time) if request.HasField("end_time") else None
    if start is not None and end is not None and end <= start:
        check.add("end_time", "Must be later than `start_time`.")
    return start, end


def _number_key(check: Violations, request: pb.ListCallLogsRequest, rules: NumberingRules | None) -> str:
    if not request.phone_number:
        return ""
    number = check.searchable_number("phone_number", request.phone_number, rules)
    return "" if number is None else number.key


_MAX_WATCHED: Final = 1024
_WATCHED_BYTES: Final = 16 * 1024 * 1024
"""How many messages of watches are kept, and how many bytes of them, for other watchers of the same calls."""


def _call_log(log: CallLog) -> dict[str, Any]:
    """The fields of a response that has one call log."""
    return {"call_log": CALL_LOG.fields(log)}


def report_of(principal: Principal, report: CallReport) -> CallReport:
    """The report of a principal. A user's may change that user's calls alone; a reporter may read what it reported."""
    if principal.role is Role.USER:
        return replace(report, only_of=principal.user_id)
    return replace(report, reporters=(principal.id,)) if principal.role is Role.REPORTER else report


def _shown(principal: Principal, log: CallLog) -> CallLog:
    return log if principal is EVERYONE else shown_log(principal, log)


class CallLogServicer(CallLogServiceServicer):
    """CallLogService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._encoder = WatchEncoder()
        self._watched: dict[str, pb.WatchCallLogsResponse] = {}
        self._watched_bytes = 0

    async def LogCall(self, request: pb.LogCallRequest, context: Context) -> pb.LogCallResponse:
        """Accept a report of a call."""
        principal = PRINCIPAL.get()
        report = report_of(principal, call_report(request))
        accounts, log_call, budget = self._commands.accounts, self._commands.log_call, Budget(context.time_remaining())
        if request.validate_only or report.contact_id:  # the CRM is asked before anything is written
            log = await log_call.execute(
                await accounts.get(report.account_id), report, budget, validate_only=request.validate_only
            )
        else:
            log = await accounts.confirmed(
                report.account_id,
                lambda account, version: log_call.execute(account, report, budget, settings_version=version),
            )
        return pb.LogCallResponse(**_call_log(_shown(principal, log)))

    async def GetCallLog(self, request: pb.GetCallLogRequest, context: Context) -> pb.GetCallLogResponse:
        """Show one call's log."""
        key, principal = call_key(request), PRINCIPAL.get()
        await self._commands.accounts.get(key.account_id)
        log = await self._commands.get_call_log.execute(key, principal)
        return pb.GetCallLogResponse(**_call_log(_shown(principal, log)))

    async def RetryCallLog(self, request: pb.RetryCallLogRequest, context: Context) -> pb.RetryCallLogResponse:
        """Decide and deliver one call again."""
        budget = Budget(context.time_remaining())
        key = call_key(request)
        account = await self._commands.accounts.get(key.account_id)
        log = await self._commands.retry_call_log.execute(account, key, PRINCIPAL.get(), budget)
        return pb.RetryCallLogResponse(**_call_log(log))

    async def ListCallLogs(self, request: pb.ListCallLogsRequest, context: Context) -> pb.ListCallLogsResponse:
        """List an account's call logs."""
        _, query = await read_by_rules(self._commands.accounts, request, call_log_query)
        return list_call_logs_response(await self._commands.list_call_logs.execute(query))

    async def CountCallLogs(self, request: pb.CountCallLogsRequest, context: Context) -> pb.CountCallLogsResponse:
        """Count an account's call logs."""
        account = await self._commands.accounts.find(request.account_id)
        counting = counting_of(request, "UTC" if account is None else account.settings.zone)
        if account is None:
            raise AccountNotFound(request.account_id)
        return count_call_logs_response(await self._commands.count_call_logs.execute(counting))

    async def WatchCallLogs(self, request: pb.WatchCallLogsRequest, context: Context) -> AsyncGenerator[Any, None]:
        """Follow the changes of an account's call logs. Yields WatchCallLogsResponse, some of them encoded already."""
        watch = watch_of(request)
        if watch.max_call_logs:
            async with aclosing(self._commands.watch_call_logs.batches(watch)) as batches:
                async for batch in batches:
                    for message in self._encoder.messages(batch):
                        yield message
        else:
            async for item in self._commands.watch_call_logs.execute(watch):
                yield self._watched_message(item)

    def _watched_message(self, item: WatchItem) -> pb.WatchCallLogsResponse:
        """The message for an item. It is built once for all watchers of the same calls."""
        if item.change is None:  # the same token also comes with the change that it follows
            return watch_call_logs_response(item)
        message = self._watched.get(item.resume_token)
        if message is None:
            if len(self._watched) >= _MAX_WATCHED or self._watched_bytes > _WATCHED_BYTES:
                self._watched.clear()
                self._watched_bytes = 0
            self._watched_bytes += item.change.size
            message = self._watched[item.resume_token] = watch_call_logs_response(item)
        return message
