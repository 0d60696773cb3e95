"""Copies between the domain's dataclasses and messages whose fields have the same names.

A field that only one side has is left out, so the domain and the contract can grow one after the other.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_type_hints

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

M = TypeVar("M", bound=Message)
T = TypeVar("T")

_TIMESTAMP: Final = Timestamp.DESCRIPTOR.full_name

_Reader = Callable[[Any], Any]
_Field = Any  # a FieldDescriptor: protobuf has one class for each of its runtimes


def message_of(value: object, kind: type[M]) -> M:
    """`value` as a message. None and empty parts are absent fields."""
    message = kind()
    _fill(message, value)
    return message


def value_of(message: Message, kind: type[T]) -> T:
    """A message as the dataclass `kind`. Absent fields and unknown enum values become defaults.

    Raises:
        ValueError: a time is not valid.
    """
    values = {}
    dataclass: Any = kind
    for name, reader, has_presence in _shape(dataclass, message.DESCRIPTOR):
        if has_presence and not message.HasField(name):
            continue
        read = reader(getattr(message, name))
        if read is not None:
            values[name] = read
    return kind(**values)


def _fill(message: Message, value: object) -> None:
    for field in message.DESCRIPTOR.fields:
        part = getattr(value, field.name, None)
        if part is None:
            continue
        if _is_map(field):
            getattr(message, field.name).update(part)
        elif field.message_type is None:
            _fill_plain(message, field, part)
        elif field.message_type.full_name == _TIMESTAMP:
            getattr(message, field.name).FromDatetime(part)
        elif field.is_repeated:
            for one in part:
                _fill(getattr(message, field.name).add(), one)
        else:
            _fill_nested(message, field, part)


def _fill_plain(message: Message, field: _Field, part: Any) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend(part)
    else:
        setattr(message, field.name, int(part) if isinstance(part, IntEnum) else part)


def _fill_nested(message: Message, field: _Field, part: Any) -> None:
    nested = getattr(message, field.name)
    filled = type(nested)()
    _fill(filled, part)
    if filled.ListFields():
        nested.CopyFrom(filled)


@cache
def _shape(kind: Any, message: Any) -> tuple[tuple[str, _Reader, bool], ...]:
    """For each field of a dataclass: its name, its reader, and whether the message's field can be absent."""
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    known = {field.name: field for field in message.fields}
    return tuple((name, _reader(known[name], hints[name]), known[name].has_presence) for name in names if name in known)


def _reader(field: _Field, hint: Any) -> _Reader:
    """The function that reads a field whose type in the domain is `hint`."""
    inner = next((part for part in get_args(hint) if part not in (type(None), ...)), hint)
    if _is_map(field):
        return dict
    if field.message_type is not None and field.message_type.full_name == _TIMESTAMP:
        return _time
    if field.message_type is not None:
        return (lambda parts: tuple(value_of(part, inner) for part in parts)) if field.is_repeated else _nested(inner)
    if field.enum_type is not None:
        members: Mapping[int, IntEnum] = {member.value: member for member in inner}
        return members.get
    return tuple if field.is_repeated else lambda plain: plain


def _nested(kind: type) -> _Reader:
    return lambda part: value_of(part, kind)


def _is_map(field: _Field) -> bool:
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


def _time(message: Timestamp) -> datetime:
    try:
        return message.ToDatetime(UTC)
    except (OverflowError, ValueError) as error:
        raise ValueError("not a time between the years 1 and 9999") from error
