"""call.proto: what a report says of a call, and the call as merged.

A field that is absent is not spoken of, one that is present and empty clears; `ListFields` tells the two apart, for it
names exactly the fields that are present.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1 import call_pb2

from leadline_server.domain.call import Attestation, Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.domain.merge import MAX_ATTRIBUTES, CallEvent
from leadline_server.wire.violations import ID_LENGTH, Violations, is_line, time_fields

MAX_LEGS: Final = 64
KEY_LENGTH: Final = 64
VALUE_LENGTH: Final = 1024

DIRECTIONS: Final[Mapping[int, CallDirection]] = {member.value: member for member in CallDirection}
RESULTS: Final[Mapping[int, CallResult]] = {member.value: member for member in CallResult}
_ATTESTATIONS: Final[Mapping[int, Attestation]] = {member.value: member for member in Attestation}

_Reader = Callable[[Violations, str, str, Any], Any]
"""Reads a field's value; given where the message is, and the field's name, for the violation that it may find."""


def call_event(check: Violations, path: str, call: call_pb2.Call) -> CallEvent:
    """What one report says of a call; `path` is where the request has it.

    A missing id is a violation. A missing direction is not: only the first report has to name one.
    """
    fields = _fields(check, path, call, _CALL)
    for side in ("caller", "callee"):
        if call.HasField(side):
            fields |= _fields(check, f"{path}.{side}", getattr(call, side), _PARTY, f"{side}.")
    return CallEvent(
        call_id=check.identifier(f"{path}.id", call.id),
        fields=fields,
        attributes=_attributes(check, f"{path}.attributes", call.attributes),
        legs=_legs(check, f"{path}.legs", call.legs),
        event_time=_time(check, path, "event_time", call.event_time),
        is_final=call.is_final if call.HasField("is_final") else None,
    )


def call_message(call: Call) -> call_pb2.Call:
    """The contract's form of a call: what is unset is absent."""
    return call_pb2.Call(**call_fields(call))


def call_fields(call: Call) -> dict[str, Any]:
    """The fields of a call that are set."""
    fields = {name: value for name, value in zip(_PLAIN, _plain(call), strict=True) if value is not None}
    for name, time in zip(_CALL_TIMES, _call_times(call), strict=True):
        if time is not None:
            fields[name] = time_fields(time)
    if caller := _party_fields(call.caller):
        fields["caller"] = caller
    if callee := _party_fields(call.callee):
        fields["callee"] = callee
    if call.legs:
        fields["legs"] = [_leg_fields(leg) for leg in call.legs]
    if call.attributes:
        fields["attributes"] = call.attributes
    return fields


def _text(limit: int) -> _Reader:
    def read(check: Violations, path: str, name: str, value: str) -> str | None:
        return value or None if is_line(value, limit) else check.text(f"{path}.{name}", value, limit)

    return read


def _long_text(limit: int) -> _Reader:
    return lambda check, path, name, value: check.long_text(f"{path}.{name}", value, limit) or None


def _member(members: Mapping[int, Any]) -> _Reader:
    def read(check: Violations, path: str, name: str, value: int) -> Any:
        return (members.get(value) or check.member(f"{path}.{name}", value, members)) if value else None

    return read


def _time(check: Violations, path: str, name: str, value: Timestamp) -> Any:
    return check.time(f"{path}.{name}", value) if value.seconds or value.nanos else None


def _number_text(check: Violations, path: str, name: str, value: str) -> str | None:
    return check.number_text(f"{path}.{name}", value) or None


def _web_address(check: Violations, path: str, name: str, value: str) -> str | None:
    return check.web_address(f"{path}.{name}", value) or None


def _direction(check: Violations, path: str, name: str, value: int) -> CallDirection | None:
    # The one field that cannot be cleared: without it nobody knows whom to look up.
    return check.member(f"{path}.{name}", value, DIRECTIONS)


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


def _fields(
    check: Violations, path: str, message: Message, readers: Mapping[str, _Reader], prefix: str = ""
) -> dict[str, Any]:
    """The message's present fields by name, each read by its reader; those without one are not read here."""
    fields: dict[str, Any] = {}
    for field, value in message.ListFields():
        name = field.name
        if (reader := readers.get(name)) is not None:
            fields[prefix + name] = reader(check, path, name, value)
    return fields


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
            fields |= _fields(check, f"{where}.party", leg.party, _PARTY, "party.")
        read[leg_id] = fields
    return read


_PLAIN: Final = (
    "id",
    "linked_id",
    "direction",
    "result",
    "disposition",
    "subject",
    "note",
    "recording_url",
    "voicemail_url",
    "summary",
    "transcript",
    "attestation",
    "is_final",
)
_plain: Final = attrgetter(*_PLAIN)
_CALL_TIMES: Final = ("start_time", "answer_time", "end_time", "event_time")
_call_times: Final = attrgetter(*_CALL_TIMES)
_party: Final = attrgetter(*_PARTY)


def _party_fields(party: Party) -> dict[str, str]:
    return {name: value for name, value in zip(_PARTY, _party(party), strict=True) if value is not None}


def _leg_fields(leg: CallLeg) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": leg.id}
    if leg.user_id is not None:
        fields["user_id"] = leg.user_id
    if leg.result is not None:
        fields["result"] = leg.result
    if party := _party_fields(leg.party):
        fields["party"] = party
    for name in _TIMES:
        if (time := getattr(leg, name)) is not None:
            fields[name] = time_fields(time)
    return fields
