"""call_log_service.proto: requests of CallLogService read, its answers written."""

from datetime import datetime
from typing import Any, Final

from leadline.v1 import call_log_service_pb2 as pb

from leadline_server.commands.list_call_logs import CallLogList, CallLogQuery
from leadline_server.commands.watch_call_logs import Watch, WatchItem
from leadline_server.domain.call_log import CallLog, LogTrigger
from leadline_server.domain.progress import CallReport
from leadline_server.ports.ledger import CallKey, CallLogFilter
from leadline_server.wire.call import call_event
from leadline_server.wire.call_log import REASONS, STATES, TRIGGERS, call_log_fields
from leadline_server.wire.numbers import searchable_number
from leadline_server.wire.violations import TOKEN_LENGTH, Violations

MAX_WATCHED: Final = 1000
"""How many call logs a watcher may take at once."""


def call_report(request: pb.LogCallRequest) -> CallReport:
    """Read LogCallRequest. A chosen contact makes the report a person's, whatever its trigger says."""
    check = Violations()
    trigger = check.member("trigger", request.trigger, TRIGGERS) or LogTrigger.AUTOMATIC
    report = CallReport(
        account_id=check.identifier("account_id", request.account_id),
        user_id=check.text("user_id", request.user_id),
        event=call_event(check, "call", request.call),
        trigger=LogTrigger.MANUAL if request.contact_id else trigger,
        contact_id=check.text("contact_id", request.contact_id),
    )
    check.raise_any()
    return report


def log_call_response(log: CallLog) -> pb.LogCallResponse:
    """Write LogCallResponse."""
    return pb.LogCallResponse(**_call_log(log))


def get_call_log_response(log: CallLog) -> pb.GetCallLogResponse:
    """Write GetCallLogResponse."""
    return pb.GetCallLogResponse(**_call_log(log))


def retry_call_log_response(log: CallLog) -> pb.RetryCallLogResponse:
    """Write RetryCallLogResponse."""
    return pb.RetryCallLogResponse(**_call_log(log))


def call_key(request: pb.GetCallLogRequest | pb.RetryCallLogRequest) -> CallKey:
    """Read GetCallLogRequest or RetryCallLogRequest."""
    check = Violations()
    key = CallKey(
        check.identifier("account_id", request.account_id),
        check.identifier("call_id", request.call_id),
    )
    check.raise_any()
    return key


def call_log_query(request: pb.ListCallLogsRequest, region: str | None) -> CallLogQuery:
    """Read ListCallLogsRequest."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    user_id = check.text("user_id", request.user_id)
    states = check.members("states", request.states, STATES)
    reasons = check.members("reasons", request.reasons, REASONS)
    contact_id = check.text("contact_id", request.contact_id)
    start_time, end_time = _period(check, request)
    page_size = check.page_size(request.page_size)
    page_token = check.text("page_token", request.page_token, TOKEN_LENGTH)
    number_key = _number_key(check, request, region)
    check.raise_any()
    selection = CallLogFilter(
        account_id=account_id,
        user_id=user_id,
        states=states,
        reasons=reasons,
        phone_number=number_key,
        contact_id=contact_id,
        start_time=start_time,
        end_time=end_time,
    )
    return CallLogQuery(selection=selection, page_size=page_size, page_token=page_token)


def list_call_logs_response(found: CallLogList) -> pb.ListCallLogsResponse:
    """Write ListCallLogsResponse."""
    fields: dict[str, Any] = {"call_logs": [call_log_fields(log) for log in found.call_logs]}
    return pb.ListCallLogsResponse(next_page_token=found.next_page_token, **fields)


def watch(request: pb.WatchCallLogsRequest) -> Watch:
    """Read WatchCallLogsRequest."""
    check = Violations()
    wanted = Watch(
        account_id=check.identifier("account_id", request.account_id),
        user_id=check.text("user_id", request.user_id),
        resume_token=check.text("resume_token", request.resume_token, TOKEN_LENGTH),
        max_call_logs=request.max_call_logs,
    )
    if not 0 <= request.max_call_logs <= MAX_WATCHED:
        check.add("max_call_logs", f"Must be between 0 and {MAX_WATCHED}.")
    check.raise_any()
    return wanted


def watch_call_logs_response(item: WatchItem) -> pb.WatchCallLogsResponse:
    """Write one message of WatchCallLogs."""
    fields: dict[str, Any] = {} if item.change is None else {"call_log": call_log_fields(item.change.call_log)}
    return pb.WatchCallLogsResponse(resume_token=item.resume_token, **fields)


def _call_log(log: CallLog) -> dict[str, Any]:
    return {"call_log": call_log_fields(log)}


def _period(check: Violations, request: pb.ListCallLogsRequest) -> tuple[datetime | None, datetime | None]:
    start = check.time("start_time", request.start_time) if request.HasField("start_time") else None
    end = check.time("end_time", request.end_time) if request.HasField("end_time") else None
    if start is not None and end is not None and end <= start:
        check.add("end_time", "Must be later than `start_time`.")
    return start, end


def _number_key(check: Violations, request: pb.ListCallLogsRequest, region: str | None) -> str:
    if not request.phone_number:
        return ""
    number = searchable_number(check, "phone_number", request.phone_number, region)
    return "" if number is None else number.key
