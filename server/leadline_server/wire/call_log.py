"""call_log.proto: call logs, states, reasons and triggers; and LogCall, request and response."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final

from leadline.v1 import call_log_pb2
from leadline.v1 import call_log_service_pb2 as pb

from leadline_server.domain.call_log import CallLog, CallLogReason, CallLogState, LogTrigger
from leadline_server.domain.progress import CallReport
from leadline_server.wire.call import call_event, call_fields
from leadline_server.wire.contact import contact_fields, match_fields
from leadline_server.wire.violations import Violations, time_fields

STATES: Final[Mapping[int, CallLogState]] = {member.value: member for member in CallLogState}
REASONS: Final[Mapping[int, CallLogReason]] = {member.value: member for member in CallLogReason}
TRIGGERS: Final[Mapping[int, LogTrigger]] = {0: LogTrigger.AUTOMATIC, **{member.value: member for member in LogTrigger}}


_PLAIN: Final = (
    "account_id",
    "user_id",
    "crm_log_id",
    "crm_log_url",
    "explanation",
    "update_pending",
    "attempts",
    "last_error",
    "reason",
    "revision",
)
_plain: Final = attrgetter(*_PLAIN)


def call_log_message(log: CallLog) -> call_log_pb2.CallLog:
    """The contract's form of a call log."""
    return call_log_pb2.CallLog(**call_log_fields(log))


def call_log_fields(log: CallLog) -> dict[str, Any]:
    """The fields of a call log that are not empty."""
    fields = {name: value for name, value in zip(_PLAIN, _plain(log), strict=True) if value}
    fields["call"] = call_fields(log.call)
    fields["state"] = log.shown_state
    fields["create_time"] = time_fields(log.create_time)
    fields["update_time"] = time_fields(log.update_time)
    if (contact := log.shown_contact) is not None:
        fields["contact"] = contact_fields(contact)
    if log.candidates:
        fields["candidates"] = [match_fields(match) for match in log.candidates]
    if log.next_attempt_time is not None:
        fields["next_attempt_time"] = time_fields(log.next_attempt_time)
    return fields


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
    fields: dict[str, Any] = {"call_log": call_log_fields(log)}
    return pb.LogCallResponse(**fields)
