"""The lines of a file, whatever its line ends and its encoding, without holding the file."""

import codecs
import re
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import BinaryIO, Final

MAX_LINE: Final = 262_144
"""Bytes of the longest line that is read whole. Of a longer one only these, one byte more and its end are kept.

The byte more is a quote if the bytes that were dropped have an odd number of quotes.
"""

BOM: Final = b"\xef\xbb\xbf"
_CHUNK: Final = 65_536
_COMMON_LETTERS: Final = frozenset("äöüÄÖÜßàâáãåæçéèêëíìîïñóòôõøúùûÀÂÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÕØÚÙÛ")  # of Western Europe
_UTF_16: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF_16_WITHOUT_MARK: Final = (
    (re.compile(rb"(?:[^\0]\0){2}"), "utf-16-le"),
    (re.compile(rb"(?:\0[^\0]){2}"), "utf-16-be"),
)


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    r"""Each line with its end, which is \n, \r\n or \r; UTF-16 is recoded as UTF-8.

    A byte order mark at the begin of a line goes: files that were joined have one in the middle. Reads no further than
    it is asked, but for 64 KiB.
    """
    first = stream.read(_CHUNK)
    chunks: Iterator[bytes] = chain([first], iter(partial(stream.read, _CHUNK), b""))
    if encoding := _utf_16(first):
        chunks = _recoded(chunks, encoding)
    rest = b""
    for chunk in chunks:
        lines = (rest + chunk).splitlines(keepends=True)
        # Text without \n may go on in the next chunk; so may \r, with a \n.
        rest = lines.pop() if lines and lines[-1][-1:] != b"\n" else b""
        if len(rest) > MAX_LINE:
            mark = b'"' if rest.count(b'"', MAX_LINE) % 2 else b" "
            rest = rest[:MAX_LINE] + mark + (b"\r" if rest[-1:] == b"\r" else b"")
        for line in lines:
            yield line.removeprefix(BOM)
    if rest:
        yield rest.removeprefix(BOM)


def is_cut(line: bytes) -> bool:
    """Whether a line is longer than what was kept of it."""
    return len(line) > MAX_LINE


def decode(line: bytes) -> str:
    r"""A line as text: UTF-8, else Windows-1252, else, with a line end of \r alone, what Macs wrote."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        windows = line.decode("cp1252", errors="replace")
        if line[-1:] != b"\r":
            return windows
        mac = line.decode("mac_roman")
        return mac if _common_letters(mac) > _common_letters(windows) else windows


def _common_letters(text: str) -> int:
    return sum(char in _COMMON_LETTERS for char in text)


def _utf_16(begin: bytes) -> str:
    if encoding := _UTF_16.get(begin[:2]):
        return encoding
    return next((name for pattern, name in _UTF_16_WITHOUT_MARK if pattern.match(begin)), "")


def _recoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode(errors="replace")
    yield decoder.decode(b"", final=True).encode(errors="replace")
