"""Copies values between a class of the domain and a message, by the names of their fields.

    PARTY = MessageMapping(Party, call_pb2.Party)
    PARTY.fields(Party(extension="101"))            # {"extension": "101"}
    PARTY.value(call_pb2.Party(extension="101"))    # Party(extension="101")

So a new field is added to the class and to the message, and nowhere here. A field that only one of the two has is
skipped: the domain and the contract can grow one after the other.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar, get_args, get_type_hints

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

V = TypeVar("V")
M = TypeVar("M", bound=Message)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP: Final = Timestamp.DESCRIPTOR.full_name
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
        self.fields: Callable[[V], dict[str, Any]] = _compiled(
            [_Written(field, attributes.get(field.name, field.name), hints[field.name]) for field in fields]
        )
        """The message's fields, as its constructor takes them. Values that are None or empty are left out.

        A message within a message is a dictionary. protobuf would serialize and parse it again if it were a message.
        """

    def message(self, value: V) -> M:
        """The message of a value."""
        return self._message(**self.fields(value))

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


class _Written(NamedTuple):
    """A field of a message, the attribute that it is written from, and the attribute's type."""

    field: _Field
    attribute: str
    hint: Any

    def statement(self, writers: dict[str, _Convert]) -> str:
        """A statement that puts the attribute of `value` into `fields`; `writers` gets the function that it calls."""
        name, part = self.field.name, f"part := value.{self.attribute}"
        if self.field.message_type is None or _is_map(self.field):
            condition = f"({part}) is not None" if self.field.has_presence else part
            return f"if {condition}: fields[{name!r}] = part"
        if self.field.message_type.full_name == _TIMESTAMP:
            return f"if {part}: fields[{name!r}] = time_fields(part)"
        writers[f"write_{name}"] = _nested(self.field, self.hint).fields
        if self.field.is_repeated:
            return f"if {part}: fields[{name!r}] = [*map(write_{name}, part)]"
        return f"if ({part}) and (part := write_{name}(part)): fields[{name!r}] = part"


def _compiled(written: Sequence[_Written]) -> Callable[[Any], dict[str, Any]]:
    """A function that writes all of the fields. It is generated, as the dataclasses module generates its functions.

    A loop over the fields takes more instructions: 62,000 for a FindContact response with one contact, not 45,000.
    """
    names: dict[str, Any] = {"time_fields": time_fields}
    statements = [each.statement(names) for each in written]
    source = "\n    ".join(("def fields(value):", "fields = {}", *statements, "return fields"))
    code = compile(source, __file__, "exec")  # this file's name, so that profiles show where the time goes
    exec(code, names)  # noqa: S102 - made of names of fields alone
    compiled: Callable[[Any], dict[str, Any]] = names["fields"]
    return compiled


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
    if _is_map(field):
        return dict
    if field.message_type is not None:
        if field.message_type.full_name == _TIMESTAMP:
            return _time
        read = _nested(field, hint).value
        return (lambda parts: tuple(read(part) for part in parts)) if field.is_repeated else read
    if field.enum_type is not None:
        members: Mapping[int, IntEnum] = {member.value: member for member in inner}
        return members.get
    return tuple if field.is_repeated else lambda plain: plain


def _inner(hint: Any) -> Any:
    """`Party` for `Party`, for `Party | None` and for `tuple[Party, ...]`."""
    return next((part for part in get_args(hint) if part not in (type(None), ...)), hint)


def _is_map(field: _Field) -> bool:
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


def _time(message: Timestamp) -> datetime:
    try:
        return message.ToDatetime(UTC)
    except (OverflowError, ValueError) as error:
        raise ValueError("not a time between the years 1 and 9999") from error
