"""Calls as messages of the contract. Fields that are not known stay absent: a replay clears nothing."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1 import call_log_service_pb2, call_pb2

from leadline_server.domain.call import Call, CallLeg, Party
from leadline_server.replay.grouping import ReplayCall

_CALL_FIELDS = (
    *("id", "linked_id", "direction", "result", "disposition", "subject", "note", "recording_url", "voicemail_url"),
    *("summary", "transcript", "is_final"),
)
_TIMES = ("start_time", "answer_time", "end_time")


def to_request(account_id: str, replayed: ReplayCall) -> call_log_service_pb2.LogCallRequest:
    """The LogCall of a call."""
    return call_log_service_pb2.LogCallRequest(
        account_id=account_id, user_id=replayed.user_id, call=to_message(replayed.call)
    )


def to_message(call: Call) -> call_pb2.Call:
    """A call as a message."""
    message = call_pb2.Call(legs=[_leg(leg) for leg in call.legs], attributes=call.attributes)
    for name in _CALL_FIELDS:
        _set(message, name, getattr(call, name))
    for name in (*_TIMES, "event_time"):
        _set_time(message, name, getattr(call, name))
    _set_party(message.caller, call.caller)
    _set_party(message.callee, call.callee)
    return message


def _leg(leg: CallLeg) -> call_pb2.CallLeg:
    message = call_pb2.CallLeg(id=leg.id)
    _set(message, "user_id", leg.user_id)
    _set(message, "result", leg.result)
    for name in _TIMES:
        _set_time(message, name, getattr(leg, name))
    _set_party(message.party, leg.party)
    return message


def _set_party(message: call_pb2.Party, party: Party) -> None:
    for name in ("phone_number", "name", "extension", "user_id"):
        _set(message, name, getattr(party, name))


def _set(message: call_pb2.Call | call_pb2.CallLeg | call_pb2.Party, name: str, value: str | int | None) -> None:
    if value is not None:
        setattr(message, name, value)


def _set_time(message: call_pb2.Call | call_pb2.CallLeg, name: str, time: datetime | None) -> None:
    if time is not None:
        field: Timestamp = getattr(message, name)
        field.FromDatetime(time)
