"""CountCallLogs: reads the request and writes the response."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from leadline.v1 import call_log_service_pb2 as pb

from leadline_server.commands.count_call_logs import MAX_PERIOD, CallLogCounting, CallLogCountKey
from leadline_server.ports.ledger import CallLogFilter
from leadline_server.wire.violations import Violations

ZONE_LENGTH: Final = 64
"""The most characters of a time zone."""


class CallLogGrouping(IntEnum):
    """The values that counts are split by. Numbers as in the contract."""

    DAY = 1
    REASON = 2
    USER = 3


_GROUPINGS: Final[Mapping[int, CallLogGrouping]] = {member.value: member for member in CallLogGrouping}


def counting_of(request: pb.CountCallLogsRequest, account_zone: str) -> CallLogCounting:
    """Read CountCallLogsRequest. A request without a time zone means that of the account."""
    check = Violations()
    account_id = check.identifier("account_id", request.account_id)
    user_id = check.optional_id("user_id", request.user_id)
    start, end = _period(check, request)
    grouping = check.members("group_by", request.group_by, _GROUPINGS)
    zone = check.text("time_zone", request.time_zone, ZONE_LENGTH) or account_zone
    if zone not in available_timezones():
        check.add("time_zone", "Not an IANA time zone, such as Europe/Berlin.")
    check.raise_any()
    return CallLogCounting(
        selection=CallLogFilter(account_id=account_id, user_id=user_id, start_time=start, end_time=end),
        time_zone=ZoneInfo(zone),
        by_day=CallLogGrouping.DAY in grouping,
        by_reason=CallLogGrouping.REASON in grouping,
        by_user=CallLogGrouping.USER in grouping,
    )


def count_call_logs_response(counts: Sequence[tuple[CallLogCountKey, int]]) -> pb.CountCallLogsResponse:
    """Write CountCallLogsResponse."""
    return pb.CountCallLogsResponse(counts=[_count(key, count) for key, count in counts])


def _count(key: CallLogCountKey, count: int) -> pb.CallLogCount:
    message = pb.CallLogCount(day="" if key.day is None else key.day.isoformat(), count=count)
    message.state = key.state or 0  # type: ignore[assignment] # a number of the contract's enum
    message.reason = key.reason or 0  # type: ignore[assignment]
    message.user_id = key.user_id or ""
    return message


def _period(check: Violations, request: pb.CountCallLogsRequest) -> tuple[datetime | None, datetime | None]:
    start, end = (_time(check, request, name) for name in ("start_time", "end_time"))
    if start is not None and end is not None and end <= start:
        check.add("end_time", "Must be later than `start_time`.")
    elif start is not None and end is not None and end - start > MAX_PERIOD:
        check.add("end_time", f"Must be at most {MAX_PERIOD.days} days after `start_time`.")
    return start, end


def _time(check: Violations, request: pb.CountCallLogsRequest, name: str) -> datetime | None:
    if request.HasField(name):  # type: ignore[arg-type] # one of the two times
        return check.time(name, getattr(request, name))
    check.add(name, "Required.")
    return None
