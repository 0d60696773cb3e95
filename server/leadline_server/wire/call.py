"""call.proto: reports of calls, and calls.

An absent field of a report keeps the value that the call has. A field that is present and empty clears it:
`{"note": None}`. `ListFields` names exactly the fields that are present.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1 import call_log_service_pb2, call_pb2

from leadline_server.domain.call import Attestation, Call, CallDirection, CallResult
from leadline_server.domain.call_log_states import LogTrigger
from leadline_server.domain.call_report import CallReport, new_call_report
from leadline_server.domain.merge import MAX_ATTRIBUTES, CallEvent, new_call_event
from leadline_server.wire.mapping import MessageMapping
from leadline_server.wire.violations import NUMBER_LENGTH, Violations, is_id, point_in_time

MAX_LEGS: Final = 64
KEY_LENGTH: Final = 64
VALUE_LENGTH: Final = 1024

CALL: Final = MessageMapping(Call, call_pb2.Call)

DIRECTIONS: Final[Mapping[int, CallDirection]] = {member.value: member for member in CallDirection}
RESULTS: Final[Mapping[int, CallResult]] = {member.value: member for member in CallResult}
_ATTESTATIONS: Final[Mapping[int, Attestation]] = {member.value: member for member in Attestation}
_TRIGGERS: Final[Mapping[int, LogTrigger]] = {
    0: LogTrigger.AUTOMATIC,
    **{member.value: member for member in LogTrigger},
}

_Reader = Callable[[Violations, str, str, Any], Any]
"""Reads a field's value. It takes the path of the message and the field's name, to name them in a violation."""
_ReadFields = Callable[[Violations, str, Any, dict[str, Any]], dict[str, Any]]


def call_event(check: Violations, path: str, call: call_pb2.Call) -> CallEvent:
    """The fields of a call that a report has. `path` is the call's path in the request.

    A missing id is a violation. A missing direction is not, because only the first report needs one.

    Example: `Call(id="c1", note="", caller=Party(name="Ada"))` is
    `CallEvent(call_id="c1", fields={"note": None, "caller.name": "Ada"})`.
    """
    fields: dict[str, Any] = {}
    rest = _read_call(check, path, call, fields)
    for side in ("caller", "callee"):
        if (party := rest.get(side)) is not None:
            _read_party[side](check, f"{path}.{side}", party, fields)
    event_time = rest.get("event_time")
    return new_call_event(
        call_id=check.identifier(f"{path}.id", rest.get("id", "")),
        fields=fields,
        attributes=_attributes(check, f"{path}.attributes", rest["attributes"]) if "attributes" in rest else {},
        legs=_legs(check, f"{path}.legs", rest["legs"]) if "legs" in rest else {},
        event_time=None if event_time is None else _time(check, path, "event_time", event_time),
        is_final=rest.get("is_final"),
    )


def call_report(request: call_log_service_pb2.LogCallRequest) -> CallReport:
    """Read LogCallRequest. A chosen contact makes the report MANUAL, whatever its trigger is."""
    check = Violations()
    trigger = check.member("trigger", request.trigger, _TRIGGERS) or LogTrigger.AUTOMATIC
    report = new_call_report(
        account_id=check.identifier("account_id", request.account_id),
        user_id=check.optional_id("user_id", request.user_id),
        event=call_event(check, "call", request.call),
        trigger=LogTrigger.MANUAL if request.contact_id else trigger,
        contact_id=check.optional_id("contact_id", request.contact_id),
        replay_id=check.optional_id("replay_id", request.replay_id),
    )
    check.raise_any()
    return report


def _text(limit: int) -> _Reader:
    def read(check: Violations, path: str, name: str, value: str) -> str | None:
        if len(value) <= limit and value.isprintable():  # so it has no control characters
            return value or None
        return check.text(f"{path}.{name}", value, limit)

    return read


def _id(check: Violations, path: str, name: str, value: str) -> str | None:
    return value or None if is_id(value) else check.optional_id(f"{path}.{name}", value)


def _long_text(limit: int) -> _Reader:
    return lambda check, path, name, value: check.long_text(f"{path}.{name}", value, limit) or None


def _member(members: Mapping[int, Any]) -> _Reader:
    def read(check: Violations, path: str, name: str, value: int) -> Any:
        return (members.get(value) or check.member(f"{path}.{name}", value, members)) if value else None

    return read


def _time(check: Violations, path: str, name: str, value: Timestamp) -> Any:
    seconds, nanos = value.seconds, value.nanos
    if not (seconds or nanos):
        return None
    return point_in_time(seconds, nanos) or check.time(f"{path}.{name}", value)


def _number_text(check: Violations, path: str, name: str, value: str) -> str | None:
    return (value if len(value) <= NUMBER_LENGTH else check.number_text(f"{path}.{name}", value)) or None


def _web_address(check: Violations, path: str, name: str, value: str) -> str | None:
    return check.web_address(f"{path}.{name}", value) or None


def _direction(check: Violations, path: str, name: str, value: int) -> CallDirection | None:
    # This field cannot be cleared: it decides whether the caller or the callee is looked up.
    return DIRECTIONS.get(value) or check.member(f"{path}.{name}", value, DIRECTIONS)


_PARTY: Final[Mapping[str, _Reader]] = {
    "phone_number": _number_text,
    "name": _text(256),
    "extension": _text(64),
    "user_id": _id,
}
_TIMES: Final[Mapping[str, _Reader]] = {"start_time": _time, "answer_time": _time, "end_time": _time}
_LEG: Final[Mapping[str, _Reader]] = {**_TIMES, "user_id": _id, "result": _member(RESULTS)}
_CALL: Final[Mapping[str, _Reader]] = {
    **_TIMES,
    "linked_id": _id,
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


def _reader_of(kind: type[Message], readers: Mapping[str, _Reader], prefix: str = "") -> _ReadFields:
    """Reads the present fields of a kind of message, each by its reader.

    The readers are found by the descriptors of the fields: to ask a descriptor for its name makes a new text. Names are
    interned, since they become names of parameters.
    """
    by_field = {
        field: (field.name, sys.intern(prefix + field.name), readers.get(field.name))
        for field in kind.DESCRIPTOR.fields
    }

    def read(check: Violations, path: str, message: Message, fields: dict[str, Any]) -> dict[str, Any]:
        """Put the fields by their names, with the prefix, into `fields`. Returns those without a reader."""
        rest: dict[str, Any] = {}
        for field, value in message.ListFields():
            name, key, reader = by_field[field]
            if reader is None:
                rest[name] = value
            else:
                fields[key] = reader(check, path, name, value)
        return rest

    return read


_read_call: Final = _reader_of(call_pb2.Call, _CALL)
_read_leg: Final = _reader_of(call_pb2.CallLeg, _LEG)
_read_party: Final = {side: _reader_of(call_pb2.Party, _PARTY, f"{side}.") for side in ("caller", "callee", "party")}


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
        fields: dict[str, Any] = {}
        rest = _read_leg(check, where, leg, fields)
        if "party" in rest:
            _read_party["party"](check, f"{where}.party", rest["party"], fields)
        read[leg_id] = fields
    return read
