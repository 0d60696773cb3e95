"""Files of messages: each prefixed by its length in four bytes."""

import struct
from collections.abc import Iterable
from pathlib import Path

_LENGTH = struct.Struct(">I")


def write_messages(path: Path, messages: Iterable[bytes]) -> None:
    """Write the messages to a file."""
    path.write_bytes(b"".join(_LENGTH.pack(len(message)) + message for message in messages))


def read_messages(path: Path) -> list[bytes]:
    """The messages of a file."""
    data, place, messages = path.read_bytes(), 0, []
    while place < len(data):
        (length,) = _LENGTH.unpack_from(data, place)
        place += _LENGTH.size + length
        messages.append(data[place - length : place])
    return messages
