"""Writes values as protobuf messages, straight to bytes ("Protocol Buffers Encoding" of Google's documentation).

protobuf's own way makes an object of each message, and then its bytes. Example: the callee 101 of a call is the bytes
`2a 05 1a 03 31 30 31`: field 5 with 5 bytes, in which field 3 has 3 bytes.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP: Final = Timestamp.DESCRIPTOR.full_name
_NUMBER: Final = 0  # the wire type of numbers
_LENGTH: Final = 2  # and the one of data after its length
_MASK: Final = (1 << 64) - 1  # negative numbers have 64 bits
_FIVE_GROUPS: Final = 1 << 28
_SIX_GROUPS: Final = 1 << 35

_Field = Any  # a FieldDescriptor: protobuf has one class for each of its runtimes
_Encode = Callable[[Any], bytes]


class EncodedMessage:
    """A protobuf message that is encoded already. It has the one method of a message that the endpoint needs."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """The encoded message."""
        return self._data


def _varint(number: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    if _FIVE_GROUPS <= number < _SIX_GROUPS:  # as most times; the loop takes 3,000 instructions more
        first, second, third = number & 127 | 128, number >> 7 & 127 | 128, number >> 14 & 127 | 128
        return bytes((first, second, third, number >> 21 & 127 | 128, number >> 28))
    number &= _MASK
    groups = []
    while number > 127:  # noqa: PLR2004 - seven bits
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def _tag(field: _Field) -> bytes:
    """How a field begins: its number, and how its end is known."""
    is_data = field.message_type is not None or field.type == field.TYPE_STRING
    return _varint(field.number << 3 | (_LENGTH if is_data else _NUMBER))


@cache
def _heads(tag: bytes) -> tuple[bytes, ...]:
    """A tag with each number below 128, which has one byte: the length of the data, or the field's value."""
    return tuple(tag + _varint(number) for number in range(128))


def _head(tag: bytes) -> Callable[[int], bytes]:
    """A function that gives a tag with a number."""
    heads = _heads(tag)
    return lambda number: heads[number] if 0 <= number < 128 else tag + _varint(number)  # noqa: PLR2004 - as there


def is_map(field: _Field) -> bool:
    """Whether a field is a map. Its type is then a message with a key and a value."""
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


def is_time(field: _Field) -> bool:
    """Whether a field is a Timestamp."""
    return field.message_type is not None and field.message_type.full_name == _TIMESTAMP


class Written(NamedTuple):
    """A field of a message, the attribute that it is written from, and what encodes a part that is a message."""

    field: _Field
    attribute: str
    encode: _Encode | None

    def statement(self, names: dict[str, Any]) -> str:
        """A statement that appends the attribute of `value` to `parts`; `names` gets what it uses."""
        field, number = self.field, self.field.number
        tag = _tag(field)
        names |= {f"heads_{number}": _heads(tag), f"head_{number}": _head(tag), f"encode_{number}": self.encode}
        data = f"encode_{number}(part)" if self.encode else "part.encode()"
        append = f"size = len(data); parts += {_headed(number)}, data"
        if field.is_repeated:
            parts = f"value.{self.attribute}" + (".items()" if is_map(field) else "")
            return f"for part in {parts}: data = {data}; {append}"
        read = f"part = value.{self.attribute}\n    if part" + (" is not None" if field.has_presence else "")
        if self.encode is None and field.type != field.TYPE_STRING:
            is_small = field.type in (
                field.TYPE_ENUM,
                field.TYPE_BOOL,
            )  # the contract's enums have less than 128 members
            return f"{read}: parts.append({f'heads_{number}[part]' if is_small else f'head_{number}(part)'})"
        if self.encode is None or is_time(field):
            return f"{read}: data = {data}; {append}"
        return f"{read} and (data := {data}): {append}"


def _headed(number: int) -> str:
    # A function is called only for what is long.
    return f"heads_{number}[size] if size < 128 else head_{number}(size)"


def encoder_of(fields: Sequence[Written]) -> _Encode:
    """A function that encodes a message. It is generated, as the dataclasses module generates its functions.

    The answer to a logged call took 80,000 instructions as dictionaries, messages and bytes.
    """
    names: dict[str, Any] = {}
    statements = [each.statement(names) for each in fields]
    source = "\n    ".join(("def encode(value):", "parts = []", *statements, "return b''.join(parts)"))
    code = compile(source, __file__, "exec")  # this file's name, so that profiles show where the time goes
    exec(code, names)  # noqa: S102 - made of names of fields alone
    encode: _Encode = names["encode"]
    return encode


def entry_encoder(entry: Any) -> _Encode:
    """A function that encodes an entry of a map of texts. `entry` describes the entry's message."""
    key, value = (_head(_tag(entry.fields_by_name[name])) for name in ("key", "value"))

    def encode(pair: tuple[str, str]) -> bytes:
        first, second = pair[0].encode(), pair[1].encode()
        return b"".join((key(len(first)), first, value(len(second)), second))

    return encode


_SECONDS, _NANOS = (_tag(field) for field in Timestamp.DESCRIPTOR.fields)


@lru_cache(maxsize=1024)
def _seconds(seconds: int) -> bytes:
    return _SECONDS + _varint(seconds)


def encode_time(time: datetime) -> bytes:
    """A Timestamp. `time` has a time zone."""
    since = time - _EPOCH
    seconds, micros = _seconds(since.days * 86_400 + since.seconds), since.microseconds
    return seconds + _NANOS + _varint(micros * 1000) if micros else seconds


def field_encoder(message: type[Message], name: str) -> Callable[[bytes], bytes]:
    """Makes of an encoded message another one that has it in the field `name`, and nothing else.

    Concatenated encoded messages decode as one message with all their fields (section "Last One Wins").
    """
    head = _head(_tag(message.DESCRIPTOR.fields_by_name[name]))
    return lambda data: head(len(data)) + data
