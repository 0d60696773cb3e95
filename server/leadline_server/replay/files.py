"""Opens a call record file with the reader that fits it."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import TextIO

from leadline_server.replay.asterisk import read_asterisk
from leadline_server.replay.generic import COLUMNS, read_generic
from leadline_server.replay.records import Row
from leadline_server.replay.rules import Rules


class RecordFormat(StrEnum):
    """The forms of call records that are understood."""

    AUTO = "auto"
    ASTERISK = "asterisk"
    GENERIC = "generic"


_READERS: dict[RecordFormat, Callable[[Iterable[str], Rules], Iterator[Row]]] = {
    RecordFormat.ASTERISK: read_asterisk,
    RecordFormat.GENERIC: read_generic,
}


def read_rows(stream: TextIO, record_format: RecordFormat, rules: Rules) -> Iterator[Row]:
    """The rows of an open file, in order, as they are asked for.

    Args:
        stream: opened with `newline=""`.
        record_format: AUTO takes a first line that names the generic form's columns for its header, else Asterisk.
        rules: how the phone system's records are to be read.

    Raises:
        UnusableFile: the generic form has no usable header.
    """
    first = stream.readline()
    lines = chain([first], stream) if first else stream
    if record_format is RecordFormat.AUTO:
        names = {name.strip().strip('"').lower() for name in first.split(",")}
        record_format = RecordFormat.GENERIC if names & set(COLUMNS) else RecordFormat.ASTERISK
    return _READERS[record_format](lines, rules)
