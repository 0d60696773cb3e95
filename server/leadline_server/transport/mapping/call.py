"""call.proto: what a report says of a call, and the call as merged.

A field that is absent is not spoken of, one that is present and empty clears; `ListFields` tells the two apart, for it
names exactly the fields that are present.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1 import call_pb2

from leadline_server.domain.call import Attestation, Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.domain.merge import CallEvent
from leadline_server.transport.mapping.violations import ID_LENGTH, Violations, timestamp

MAX_LEGS: Final = 64
MAX_ATTRIBUTES: Final = 64
KEY_LENGTH: Final = 64
VALUE_LENGTH: Final = 1024

DIRECTIONS: Final[Mapping[int, CallDirection]] = {member.value: member for member in CallDirection}
RESULTS: Final[Mapping[int, CallResult]] = {member.value: member for member in CallResult}
_ATTESTATIONS: Final[Mapping[int, Attestation]] = {member.value: member for member in Attestation}

_Reader = Callable[[Violations, str, Any], Any]


def call_event(check: Violations, path: str, call: call_pb2.Call) -> CallEvent:
    """What one report says of a call; `path` is where the request has it.

    A missing id is a violation. A missing direction is not: only the first report has to name one.
    """
    fields = _fields(check, path, call, _CALL)
    for side in ("caller", "callee"):
        if call.HasField(side):
            fields |= {
                f"{side}.{k}": v for k, v in _fields(check, f"{path}.{side}", getattr(call, side), _PARTY).items()
            }
    return CallEvent(
        call_id=check.identifier(f"{path}.id", call.id),
        fields=fields,
        attributes=_attributes(check, f"{path}.attributes", call.attributes),
        legs=_legs(check, f"{path}.legs", call.legs),
        event_time=_time(check, f"{path}.event_time", call.event_time),
        is_final=call.is_final if call.HasField("is_final") else None,
    )


def call_message(call: Call) -> call_pb2.Call:
    """The contract's form of a call: what is unset is absent."""
    return call_pb2.Call(
        id=call.id,
        linked_id=call.linked_id,
        direction=_number(call.direction, call_pb2.CallDirection.ValueType),
        caller=_party_message(call.caller),
        callee=_party_message(call.callee),
        start_time=timestamp(call.start_time),
        answer_time=timestamp(call.answer_time),
        end_time=timestamp(call.end_time),
        result=_number(call.result, call_pb2.CallResult.ValueType),
        disposition=call.disposition,
        subject=call.subject,
        note=call.note,
        recording_url=call.recording_url,
        voicemail_url=call.voicemail_url,
        summary=call.summary,
        transcript=call.transcript,
        attestation=_number(call.attestation, call_pb2.Attestation.ValueType),
        is_final=call.is_final,
        event_time=timestamp(call.event_time),
        legs=[_leg_message(leg) for leg in call.legs],
        attributes=call.attributes,
    )


def _text(limit: int) -> _Reader:
    return lambda check, path, value: check.text(path, value, limit) or None


def _long_text(limit: int) -> _Reader:
    return lambda check, path, value: check.long_text(path, value, limit) or None


def _member(members: Mapping[int, Any]) -> _Reader:
    return lambda check, path, value: check.member(path, value, members) if value else None


def _time(check: Violations, path: str, value: Timestamp) -> Any:
    return check.time(path, value) if value.seconds or value.nanos else None


def _number_text(check: Violations, path: str, value: str) -> str | None:
    return check.number_text(path, value) or None


def _web_address(check: Violations, path: str, value: str) -> str | None:
    return check.web_address(path, value) or None


def _direction(check: Violations, path: str, value: int) -> CallDirection | None:
    # The one field that cannot be cleared: without it nobody knows whom to look up.
    return check.member(path, value, DIRECTIONS)


_PARTY: Final[Mapping[str, _Reader]] = {
    "phone_number": _number_text,
    "name": _text(256),
    "extension": _text(64),
    "user_id": _text(ID_LENGTH),
}
_TIMES: Final[Mapping[str, _Reader]] = {"start_time": _time, "answer_time": _time, "end_time": _time}
_LEG: Final[Mapping[str, _Reader]] = {**_TIMES, "user_id": _text(ID_LENGTH), "result": _member(RESULTS)}
_CALL: Final[Mapping[str, _Reader]] = {
    **_TIMES,
    "linked_id": _text(ID_LENGTH),
    "direction": _direction,
    "result": _member(RESULTS),
    "disposition": _text(256),
    "subject": _text(256),
    "note": _long_text(16_384),
    "recording_url": _web_address,
    "voicemail_url": _web_address,
    "summary": _long_text(16_384),
    "transcript": _long_text(262_144),
    "attestation": _member(_ATTESTATIONS),
}


def _fields(check: Violations, path: str, message: Message, readers: Mapping[str, _Reader]) -> dict[str, Any]:
    """The message's present fields by name, each read by its reader; those without one are not read here."""
    return {
        field.name: reader(check, f"{path}.{field.name}", value)
        for field, value in message.ListFields()
        if (reader := readers.get(field.name)) is not None
    }


def _attributes(check: Violations, path: str, attributes: Mapping[str, str]) -> dict[str, str | None]:
    if len(attributes) > MAX_ATTRIBUTES:
        check.add(path, f"At most {MAX_ATTRIBUTES} entries; there are {len(attributes)}.")
        return {}
    read: dict[str, str | None] = {}
    for key, value in attributes.items():
        where = f'{path}["{key[:KEY_LENGTH]}"]'
        if not key:
            check.add(where, "The key must not be empty.")
        check.text(where, key, KEY_LENGTH)
        read[key] = check.text(where, value, VALUE_LENGTH) or None
    return read


def _legs(check: Violations, path: str, legs: Any) -> dict[str, dict[str, Any]]:
    if len(legs) > MAX_LEGS:
        check.add(path, f"At most {MAX_LEGS} legs; there are {len(legs)}.")
        return {}
    read: dict[str, dict[str, Any]] = {}
    for index, leg in enumerate(legs):
        where = f"{path}[{index}]"
        leg_id = check.identifier(f"{where}.id", leg.id)
        if leg_id in read:
            check.add(f"{where}.id", "Another leg of this report has the same id.")
        fields = _fields(check, where, leg, _LEG)
        if leg.HasField("party"):
            fields |= {f"party.{k}": v for k, v in _fields(check, f"{where}.party", leg.party, _PARTY).items()}
        read[leg_id] = fields
    return read


def _party_message(party: Party) -> call_pb2.Party | None:
    message = call_pb2.Party(
        phone_number=party.phone_number, name=party.name, extension=party.extension, user_id=party.user_id
    )
    return message if message.ListFields() else None


def _leg_message(leg: CallLeg) -> call_pb2.CallLeg:
    return call_pb2.CallLeg(
        id=leg.id,
        user_id=leg.user_id,
        party=_party_message(leg.party),
        start_time=timestamp(leg.start_time),
        answer_time=timestamp(leg.answer_time),
        end_time=timestamp(leg.end_time),
        result=_number(leg.result, call_pb2.CallResult.ValueType),
    )


def _number(member: IntEnum | None, value_type: Callable[[int], Any]) -> Any:
    return None if member is None else value_type(member)
