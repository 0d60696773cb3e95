"""Lines of a file as they are, with their bytes counted, whatever encoding and line ends it has.

Call records of one file can differ in encoding: Asterisk writes a caller's name in the bytes that the caller's network
sent. So bytes that are not UTF-8 are read as Windows-1252 (a superset of Latin-1), one by one: the bytes 4A F6 72 67
and the bytes 4A C3 B6 72 67 are both "Jörg".
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from leadline_server.domain.unshown import unshown

MAX_LINE: Final = 1 << 20
"""Bytes of a line. A longer one is no record; it is read in pieces and never held whole."""

_HEAD: Final = 65_536
_BLOCK: Final = 65_536
_BYTE_ORDER_MARK: Final = "\ufeff"
_UTF_16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_FIRST_ESCAPE, _LAST_ESCAPE = 0xDC80, 0xDCFF  # what surrogateescape makes of the bytes 0x80 to 0xFF


@unshown
@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: counted from 1.
        size: its bytes in the file, the line end included.
        text: without the line end. Bytes that are not UTF-8 are lone surrogates; `readable` reads them.
        is_too_long: it has more than MAX_LINE bytes. Its `text` is one quote if it has an odd number of quotes, so
            that a quoted cell may go on in the next line; else it is empty.
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
        return _numbered(_ending_in(stream, "\n".encode(encoding), '"'.encode(encoding)), encoding)
    mark = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
    return _numbered(_ending_in(stream, mark, b'"'), "utf-8")


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


def _numbered(pieces: Iterator[tuple[int, bytes | str]], encoding: str) -> Iterator[Line]:
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    for number, (size, raw) in enumerate(pieces, start=1):
        if isinstance(raw, str):
            yield Line(number, size, raw, is_too_long=True)
        else:
            text = raw.decode(encoding, errors).rstrip("\r\n").removeprefix(_BYTE_ORDER_MARK)
            yield Line(number, size, text)


def _ending_in(stream: BinaryIO, mark: bytes, quote: bytes) -> Iterator[tuple[int, bytes | str]]:
    """The lines with their bytes, the line end included; of one that is too long, the text of its `Line`."""
    rest, dropped, quotes = b"", 0, 0
    while block := stream.read(_BLOCK):
        rest, begin = rest + block, 0
        while (end := _find(rest, mark, begin)) >= 0:
            size = end - begin + dropped
            if size > MAX_LINE:
                yield size, '"' * ((quotes + rest.count(quote, begin, end)) % 2)
            else:
                yield size, rest[begin:end]
            begin, dropped, quotes = end, 0, 0
        rest = rest[begin:]
        if len(rest) > MAX_LINE:
            kept = len(rest) - len(rest) % len(mark)
            dropped, quotes, rest = dropped + kept, quotes + rest.count(quote, 0, kept), rest[kept:]
    if rest or dropped:
        yield len(rest) + dropped, '"' * ((quotes + rest.count(quote)) % 2) if dropped else rest


def _find(data: bytes, mark: bytes, begin: int) -> int:
    """Where a line ends; -1 if none does. A mark of two bytes is one character, and so begins at an even place."""
    place = data.find(mark, begin)
    while place >= 0 and place % len(mark):
        place = data.find(mark, place + 1)
    return place + len(mark) if place >= 0 else -1
