r"""Copies values between a class of the domain and a message, by the names of their fields.

    PARTY = MessageMapping(Party, call_pb2.Party)
    PARTY.encode(Party(extension="101"))            # b"\x1a\x03101"
    PARTY.value(call_pb2.Party(extension="101"))    # Party(extension="101")

So a new field is added to the class and to the message, and nowhere here. A field that only one of the two has is
skipped: the domain and the contract can grow one after the other.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar, get_args, get_type_hints

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from leadline_server.wire.encoding import Written, encode_time, encoder_of, entry_encoder, is_map, is_time

V = TypeVar("V")
M = TypeVar("M", bound=Message)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SAME_NAMES: Final[Mapping[str, str]] = MappingProxyType({})

_Field = Any  # a FieldDescriptor: protobuf has one class for each of its runtimes
_Convert = Callable[[Any], Any]


class MessageMapping(Generic[V, M]):
    """Copies one class to one message, and back.

    Args:
        kind: a dataclass or a named tuple.
        message: the message's class.
        attributes: the attribute for a field whose name is another: {"state": "shown_state"}.
    """

    def __init__(self, kind: type[V], message: type[M], attributes: Mapping[str, str] = _SAME_NAMES) -> None:
        self._kind = kind
        self._message = message
        hints = {field.name: _hint(kind, attributes.get(field.name, field.name)) for field in message.DESCRIPTOR.fields}
        fields = [field for field in message.DESCRIPTOR.fields if hints[field.name] is not None]
        self.encode: Callable[[V], bytes] = encoder_of([_written(field, attributes, hints) for field in fields])
        """The message of a value as bytes. Values that are None or empty are left out."""

    def message(self, value: V) -> M:
        """The message of a value."""
        return self._message.FromString(self.encode(value))

    def value(self, message: M) -> V:
        """The value of a message. Absent fields, and unknown values of enums, get the defaults of `kind`.

        Raises:
            ValueError: a time is out of range.
        """
        values = {}
        for name, read, has_presence in self._readers:
            if has_presence and not message.HasField(name):
                continue
            part = read(getattr(message, name))
            if part is not None:
                values[name] = part
        return self._kind(**values)

    @cached_property
    def _readers(self) -> list[tuple[str, _Convert, bool]]:
        kind: Any = self._kind
        hints = get_type_hints(kind)
        known = {field.name: field for field in self._message.DESCRIPTOR.fields}
        names = [field.name for field in dataclasses.fields(kind) if field.name in known]
        return [(name, _reader(known[name], hints[name]), known[name].has_presence) for name in names]


def time_fields(time: datetime) -> dict[str, int]:
    """The fields of a Timestamp. `time` has a time zone."""
    since = time - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    return {"seconds": seconds, "nanos": since.microseconds * 1000} if since.microseconds else {"seconds": seconds}


def timestamp(time: datetime | None) -> Timestamp | None:
    """The Timestamp of a time that has a time zone; None stays None."""
    return None if time is None else Timestamp(**time_fields(time))


def _written(field: _Field, attributes: Mapping[str, str], hints: Mapping[str, Any]) -> Written:
    encode: Callable[[Any], bytes] | None = None
    if is_time(field):
        encode = encode_time
    elif field.message_type is not None:
        encode = entry_encoder(field.message_type) if is_map(field) else _nested(field, hints[field.name]).encode
    return Written(field, attributes.get(field.name, field.name), encode)


def _nested(field: _Field, hint: Any) -> MessageMapping[Any, Any]:
    """The mapping for a message within a message."""
    message: Any = GetMessageClass(field.message_type)
    return _mapping(_inner(hint), message)


@cache
def _mapping(kind: Any, message: Any) -> MessageMapping[Any, Any]:
    return MessageMapping(kind, message)


def _hint(kind: type[Any], name: str) -> Any:
    """The type of an attribute or a property; None if there is none with this name."""
    found = getattr(kind, name, None)
    if isinstance(found, property):
        return get_type_hints(found.fget)["return"]
    return get_type_hints(kind).get(name)


def _reader(field: _Field, hint: Any) -> _Convert:
    """A function that turns a field's value into a value of the type `hint`."""
    inner = _inner(hint)
    if is_map(field):
        return dict
    if is_time(field):
        return _time
    if field.message_type is not None:
        read = _nested(field, hint).value
        return (lambda parts: tuple(read(part) for part in parts)) if field.is_repeated else read
    if field.enum_type is not None:
        members: Mapping[int, IntEnum] = {member.value: member for member in inner}
        return members.get
    return tuple if field.is_repeated else lambda plain: plain


def _inner(hint: Any) -> Any:
    """`Party` for `Party`, for `Party | None` and for `tuple[Party, ...]`."""
    return next((part for part in get_args(hint) if part not in (type(None), ...)), hint)


def _time(message: Timestamp) -> datetime:
    try:
        return message.ToDatetime(UTC)
    except (OverflowError, ValueError) as error:
        raise ValueError("not a time between the years 1 and 9999") from error
