"""Lines of a file as they are, with their bytes counted, whatever encoding and line ends it has.

Call records of one file can differ in encoding: Asterisk writes a caller's name in the bytes that the caller's network
sent. So bytes that are not UTF-8 are read as Windows-1252 (a superset of Latin-1), one by one: the bytes 4A F6 72 67
and the bytes 4A C3 B6 72 67 are both "Jörg".
"""

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

MAX_LINE: Final = 1 << 20
"""Bytes of a line. A longer one is no record; it is read in pieces and never held whole."""

_HEAD: Final = 65_536
_BLOCK: Final = 65_536
_BYTE_ORDER_MARK: Final = "\ufeff"
_UTF_16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_FIRST_ESCAPE, _LAST_ESCAPE = 0xDC80, 0xDCFF  # what surrogateescape makes of the bytes 0x80 to 0xFF


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: counted from 1.
        size: its bytes in the file, the line end included.
        text: without the line end. Bytes that are not UTF-8 are lone surrogates; `readable` reads them.
        is_too_long: it has more than MAX_LINE bytes, and `text` is empty.
    """

    number: int
    size: int
    text: str
    is_too_long: bool = False


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """The lines of a seekable stream, from its beginning.

    UTF-8 with or without byte order marks, UTF-16 with one, Windows-1252; lines that end in LF, CRLF, or CR alone.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    encoding = _UTF_16.get(head[:2])
    if encoding:
        return _utf_16_lines(stream, encoding)
    if b"\r" in head and b"\n" not in head:
        return _numbered(_ending_in_cr(stream))
    return _numbered(_ending_in_lf(stream))


def readable(text: str) -> str:
    """The text with the bytes that are not UTF-8 read as Windows-1252."""
    if text.isascii() or not any(_FIRST_ESCAPE <= ord(char) <= _LAST_ESCAPE for char in text):
        return text
    return "".join(_as_windows(char) for char in text)


def size_of(text: str) -> int:
    """How many bytes of the file a text is, if the file is not UTF-16."""
    return len(text.encode("utf-8", "surrogateescape"))


def without_cut_character(text: str) -> str:
    """The text without the first bytes of a UTF-8 character at its end, whose other bytes were cut off."""
    end = len(text)
    while end and _is_escape(text[end - 1]) and len(text) - end < 3:  # noqa: PLR2004 bytes of a character but the last
        end -= 1
    tail = text[end:].encode("utf-8", "surrogateescape")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(tail)
    except UnicodeDecodeError:
        return text
    return text[:end]


def _is_escape(char: str) -> bool:
    return _FIRST_ESCAPE <= ord(char) <= _LAST_ESCAPE


def _as_windows(char: str) -> str:
    if not _is_escape(char):
        return char
    byte = bytes([ord(char) - 0xDC00])
    try:
        return byte.decode("cp1252")
    except UnicodeDecodeError:  # five bytes that Windows-1252 leaves open
        return byte.decode("latin-1")


def _numbered(pieces: Iterator[tuple[int, bytes | None]]) -> Iterator[Line]:
    for number, (size, raw) in enumerate(pieces, start=1):
        if raw is None:
            yield Line(number, size, "", is_too_long=True)
        else:
            text = raw.decode("utf-8", "surrogateescape").rstrip("\r\n").removeprefix(_BYTE_ORDER_MARK)
            yield Line(number, size, text)


def _ending_in_lf(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    while raw := stream.readline(MAX_LINE + 1):
        if len(raw) <= MAX_LINE or raw.endswith(b"\n"):
            yield len(raw), raw
            continue
        size = len(raw)
        while not raw.endswith(b"\n") and (raw := stream.readline(_BLOCK)):
            size += len(raw)
        yield size, None


def _ending_in_cr(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    rest, dropped = b"", 0
    while block := stream.read(_BLOCK):
        *whole, rest = (rest + block).split(b"\r")
        for raw in whole:
            yield len(raw) + 1 + dropped, None if dropped else raw
            dropped = 0
        if len(rest) > MAX_LINE:
            dropped, rest = dropped + len(rest), b""
    if rest or dropped:
        yield len(rest) + dropped, None if dropped else rest


def _utf_16_lines(stream: BinaryIO, encoding: str) -> Iterator[Line]:
    mark = len(stream.read(2))
    text_stream = io.TextIOWrapper(stream, encoding, errors="replace", newline="")
    number = 0
    while text := text_stream.readline(MAX_LINE // 2 + 1):
        number += 1
        size, is_too_long = mark + _utf_16_size(text), len(text) > MAX_LINE // 2
        while is_too_long and not text.endswith(("\n", "\r")) and (text := text_stream.readline(_BLOCK)):
            size += _utf_16_size(text)
        mark = 0
        kept = "" if is_too_long else text.rstrip("\r\n").removeprefix(_BYTE_ORDER_MARK)
        yield Line(number, size, kept, is_too_long)
    text_stream.detach()


def _utf_16_size(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass"))
