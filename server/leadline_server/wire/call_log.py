"""call_log.proto: call logs, their states and their reasons."""

from collections.abc import Mapping
from typing import Final

from leadline.v1 import call_log_pb2

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, UpdateState
from leadline_server.wire.mapping import MessageMapping

STATES: Final[Mapping[int, CallLogState]] = {member.value: member for member in CallLogState}
REASONS: Final[Mapping[int, CallLogReason]] = {member.value: member for member in CallLogReason}
UPDATE_STATES: Final[Mapping[int, UpdateState]] = {member.value: member for member in UpdateState}

CALL_LOG: Final = MessageMapping(
    CallLog, call_log_pb2.CallLog, attributes={"state": "shown_state", "contact": "shown_contact"}
)
