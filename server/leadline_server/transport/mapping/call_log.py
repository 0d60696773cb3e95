"""call_log.proto: call logs, as answers; states, reasons and triggers, as requests."""

from collections.abc import Mapping
from typing import Final

from leadline.v1 import call_log_pb2

from leadline_server.domain.call_log import CallLog, CallLogReason, CallLogState, LogTrigger
from leadline_server.transport.mapping.call import call_message
from leadline_server.transport.mapping.contact import contact_message, match_message
from leadline_server.transport.mapping.violations import timestamp

STATES: Final[Mapping[int, CallLogState]] = {member.value: member for member in CallLogState}
REASONS: Final[Mapping[int, CallLogReason]] = {member.value: member for member in CallLogReason}
TRIGGERS: Final[Mapping[int, LogTrigger]] = {0: LogTrigger.AUTOMATIC, **{member.value: member for member in LogTrigger}}


def call_log_message(log: CallLog) -> call_log_pb2.CallLog:
    """The contract's form of a call log."""
    contact = log.shown_contact
    return call_log_pb2.CallLog(
        account_id=log.account_id,
        user_id=log.user_id,
        call=call_message(log.call),
        state=call_log_pb2.CallLogState.ValueType(log.shown_state),
        reason=call_log_pb2.CallLogReason.ValueType(log.reason or 0),
        contact=None if contact is None else contact_message(contact),
        crm_log_id=log.crm_log_id,
        crm_log_url=log.crm_log_url,
        candidates=[match_message(match) for match in log.candidates],
        explanation=log.explanation,
        update_pending=log.update_pending,
        attempts=log.attempts,
        next_attempt_time=timestamp(log.next_attempt_time),
        last_error=log.last_error,
        create_time=timestamp(log.create_time),
        update_time=timestamp(log.update_time),
        revision=log.revision,
    )
