"""Writes values as protobuf messages, straight to bytes ("Protocol Buffers Encoding" of Google's documentation).

protobuf's own way makes an object of each message, and then its bytes. Example: the callee 101 of a call is the bytes
`2a 05 1a 03 31 30 31`: field 5 with 5 bytes, in which field 3 has 3 bytes.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP: Final = Timestamp.DESCRIPTOR.full_name
_NUMBER: Final = 0  # the wire type of numbers
_LENGTH: Final = 2  # and the one of data after its length
_MASK: Final = (1 << 64) - 1  # negative numbers have 64 bits

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
    number &= _MASK
    data = bytearray()
    while number > 127:  # noqa: PLR2004 - seven bits
        data.append(number & 127 | 128)
        number >>= 7
    data.append(number)
    return bytes(data)


class _Heads(dict[int, bytes]):
    """How a field begins, by its length in bytes. A field that is a number is its head alone."""

    def __init__(self, field: _Field) -> None:
        super().__init__()
        is_data = field.message_type is not None or field.type == field.TYPE_STRING
        self._tag = _varint(field.number << 3 | (_LENGTH if is_data else _NUMBER))

    def __missing__(self, number: int) -> bytes:
        head = self._tag + _varint(number)
        if 0 <= number < 256:  # noqa: PLR2004 - others are not kept
            self[number] = head
        return head


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
        field, head, encode = self.field, f"head_{self.field.number}", f"encode_{self.field.number}"
        names[head], names[encode] = _Heads(field), self.encode
        data = f"{encode}(part)" if self.encode else "part.encode()"
        append = f"parts.append({head}[len(data)]); parts.append(data)"
        if field.is_repeated:
            parts = f"value.{self.attribute}" + (".items()" if is_map(field) else "")
            return f"for part in {parts}: data = {data}; {append}"
        condition = f"(part := value.{self.attribute})" + (" is not None" if field.has_presence else "")
        if self.encode is None and field.type != field.TYPE_STRING:
            return f"if {condition}: parts.append({head}[int(part)])"
        if self.encode is None or is_time(field):
            return f"if {condition}: data = {data}; {append}"
        return f"if {condition} and (data := {data}): {append}"


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
    key, value = (_Heads(entry.fields_by_name[name]) for name in ("key", "value"))

    def encode(pair: tuple[str, str]) -> bytes:
        first, second = pair[0].encode(), pair[1].encode()
        return b"".join((key[len(first)], first, value[len(second)], second))

    return encode


_seconds_head, _nanos_head = (_Heads(field) for field in Timestamp.DESCRIPTOR.fields)


def encode_time(time: datetime) -> bytes:
    """A Timestamp. `time` has a time zone."""
    since = time - _EPOCH
    seconds, micros = since.days * 86_400 + since.seconds, since.microseconds
    return _seconds_head[seconds] + _nanos_head[micros * 1000] if micros else _seconds_head[seconds]


def field_encoder(message: type[Message], name: str) -> Callable[[bytes], bytes]:
    """Makes of an encoded message another one that has it in the field `name`, and nothing else.

    Concatenated encoded messages decode as one message with all their fields (section "Last One Wins").
    """
    heads = _Heads(message.DESCRIPTOR.fields_by_name[name])
    return lambda data: heads[len(data)] + data
