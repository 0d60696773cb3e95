"""Messages of the contract, made from keyword arguments such as `direction="INBOUND"`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypedDict, TypeVar, Unpack

from google.protobuf.timestamp_pb2 import Timestamp

from leadline.errors import UnknownEnumValue
from leadline.v1.call_log_pb2 import CallLogReason, CallLogState
from leadline.v1.call_log_service_pb2 import ListCallLogsRequest
from leadline.v1.call_pb2 import Attestation, Call, CallDirection, CallLeg, CallResult, Party

Time = datetime | Timestamp
"""A point in time; a datetime needs a time zone."""

_Value = TypeVar("_Value")
_Value_co = TypeVar("_Value_co", covariant=True)

_ENUMS: Final[Mapping[str, Any]] = {"direction": CallDirection, "result": CallResult, "attestation": Attestation}
_TIMES: Final = ("start_time", "answer_time", "end_time", "event_time")
_PARTIES: Final = ("caller", "callee")


class _Enum(Protocol[_Value_co]):
    """A generated enum."""

    def keys(self) -> list[str]: ...

    def Value(self, name: str) -> _Value_co: ...  # noqa: N802 - protobuf's name


class CallFields(TypedDict, total=False):
    """The fields of message Call. An absent field keeps its value in leadline, an empty one clears it.

    An enum's value may be its name, with or without prefix (`"INBOUND"`), a party its phone number alone.
    """

    id: str
    linked_id: str
    direction: "CallDirection.ValueType | str"
    caller: Party | str
    callee: Party | str
    start_time: Time
    answer_time: Time
    end_time: Time
    result: "CallResult.ValueType | str"
    disposition: str
    subject: str
    note: str
    recording_url: str
    voicemail_url: str
    summary: str
    transcript: str
    attestation: "Attestation.ValueType | str"
    is_final: bool
    event_time: Time
    legs: Sequence[CallLeg]
    attributes: Mapping[str, str]


class ContactFields(TypedDict, total=False):
    """Fields of a new contact besides its name and number; see CreateContactRequest."""

    contact_type: str
    email: str
    company: str
    allow_duplicate: bool
    request_id: str


class CallLogFilter(TypedDict, total=False):
    """Which call logs to list; see ListCallLogsRequest. Enums may be names (`"UNLOGGED"`)."""

    user_id: str
    states: "Iterable[CallLogState.ValueType | str]"
    reasons: "Iterable[CallLogReason.ValueType | str]"
    directions: "Iterable[CallDirection.ValueType | str]"
    phone_number: str
    contact_id: str
    start_time: Time
    end_time: Time
    page_size: int


def call_message(fields: CallFields) -> Call:
    """The fields as a Call.

    Raises:
        UnknownEnumValue: an enum has no value of this name.
        ValueError: a datetime has no time zone.
        TypeError: a value is of another type than its field.
    """
    values: dict[str, Any] = dict(fields)
    for name, enum in _ENUMS.items():
        if name in values:
            values[name] = enum_number(enum, values[name])
    for name in _TIMES:
        if name in values:
            values[name] = timestamp(values[name])
    for name in _PARTIES:
        if isinstance(values.get(name), str):
            values[name] = Party(phone_number=values[name])
    return Call(**values)


def list_request(account_id: str, **fields: Unpack[CallLogFilter]) -> ListCallLogsRequest:
    """The filter as a request; raises as `call_message` does."""
    values: dict[str, Any] = dict(fields)
    values["states"] = [enum_number(CallLogState, value) for value in fields.get("states", ())]
    values["reasons"] = [enum_number(CallLogReason, value) for value in fields.get("reasons", ())]
    values["directions"] = [enum_number(CallDirection, value) for value in fields.get("directions", ())]
    for name in ("start_time", "end_time"):
        if name in values:
            values[name] = timestamp(values[name])
    return ListCallLogsRequest(account_id=account_id, **values)


def enum_number(enum: _Enum[_Value], value: _Value | str) -> _Value:
    """An enum's value, from itself or from its name with or without the prefix, such as `INBOUND`.

    Raises:
        UnknownEnumValue: the enum has no value of this name.
    """
    if not isinstance(value, str):
        return value
    prefix = enum.keys()[0].removesuffix("UNSPECIFIED")
    name = prefix + value.removeprefix(prefix)
    if name not in enum.keys():  # noqa: SIM118 - an enum is no dict
        raise UnknownEnumValue(prefix.rstrip("_"), value, [key.removeprefix(prefix) for key in enum.keys()[1:]])
    return enum.Value(name)


def timestamp(value: Time) -> Timestamp:
    """A point in time as a message.

    Raises:
        ValueError: a datetime has no time zone, so its moment is unknown.
    """
    if isinstance(value, Timestamp):
        return value
    if value.utcoffset() is None:
        raise ValueError("A datetime needs a time zone, such as datetime.now(UTC).")
    result = Timestamp()
    result.FromDatetime(value)
    return result
