"""Cards and their properties, from the lines of a vCard file.

A property is a line that may be folded: a line that begins with a blank continues the one before (RFC 6350 section
3.2), and so does the line after a soft line break of quoted-printable (RFC 2045 section 6.7). A line that is neither is
named, and the card is read without it.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from leadline_server.crm.embedded.contact_files.lines import BOM, decode, is_cut
from leadline_server.domain.unshown import unshown

MAX_CARD: Final = 262_144
"""Bytes of the largest card, pictures and the like not counted."""

_BEGIN: Final = re.compile(rb"\s*BEGIN:VCARD\s*", re.IGNORECASE)
_END: Final = re.compile(rb"\s*END:VCARD\s*", re.IGNORECASE)
_SHORT: Final = 80  # bytes: a longer line is no begin or end of a card, however damaged
# Files that were joined where the first has no line end, or a byte order mark in the middle.
_JOINED: Final = re.compile(rb"(?<=END:VCARD)[\s\xef\xbb\xbf]*(?=BEGIN:VCARD)", re.IGNORECASE)
_PROPERTY: Final = re.compile(rb'(?:([\w\-]++)\.)?([\w\-]++)((?:;(?:"[^"]*"|[^":;])*+)*+):(.*)', re.DOTALL)
_PARAMETER: Final = re.compile(r'((?:"[^"]*"|[^";])*+)(?:;|$)')
_ENCODINGS: Final = frozenset({"QUOTED-PRINTABLE", "BASE64", "B", "8BIT", "7BIT"})
_BULKY: Final = frozenset({"PHOTO", "LOGO", "SOUND", "KEY"})
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=]+")
_CHARSET: Final = re.compile(
    r"utf-8|utf-16|utf-16-[bl]e|ascii|iso8859-\d+|cp\d+|koi8-[rtu]|gbk?|gb2312|gb18030|big5\w*|shift_jis\w*|euc_\w+|mac-\w+|hz"
    r"|iso2022_\w+|johab|ptcp154|tis-620"
)


@unshown
@dataclass(frozen=True, slots=True)
class Property:
    """A property: `item1.TEL;TYPE=WORK,VOICE:+1 202-555-0101`.

    Attributes:
        line: where it begins.
        group: in lower case: "item1"; empty where there is none.
        name: in capital letters.
        types: the values of TYPE, and parameters without a name, in lower case: {"work", "voice"}.
        text: the value, decoded, its escapes still in it.
    """

    line: int
    group: str
    name: str
    types: frozenset[str]
    text: str


@dataclass(slots=True)
class Card:
    """A card as it stands in a file, from `line` to `end`.

    Attributes:
        properties: those that could be read.
        bad_lines: the lines that could not, each with what is wrong.
        problem: why the card as a whole cannot be read; empty if it can.
        is_stray: it is no card, but lines that stand outside of any.
    """

    line: int
    end: int = 0
    properties: list[Property] = field(default_factory=list)
    bad_lines: list[tuple[int, str]] = field(default_factory=list)
    problem: str = ""
    is_stray: bool = False


def read_cards(lines: Iterable[bytes], wanted: frozenset[str]) -> Iterator[Card]:
    """The cards of a file, and what stands between them.

    Args:
        lines: as `read_lines` yields them.
        wanted: the names of the properties that are to be kept.
    """
    reader: _CardReader | None = None
    stray: Card | None = None
    number = 0
    for number, line in _numbered(lines):
        if reader is None and not _BEGIN.fullmatch(line):
            if line.strip():
                stray = stray or Card(number, is_stray=True)
                stray.end = number
            continue
        if stray:
            yield stray
            stray = None
        if reader and _BEGIN.fullmatch(line) and not reader.begins_agent():
            yield reader.closed(number - 1, "the card has no END:VCARD")
            reader = None
        if reader is None:
            reader = _CardReader(number, wanted)
        elif reader.add(number, line):
            yield reader.closed(number)
            reader = None
    if stray:
        yield stray
    if reader:
        yield reader.closed(number, "the card has no END:VCARD")


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, 1):
        if b":VCARD" in line.upper() and (pieces := _JOINED.split(line.replace(BOM, b""))):
            yield from ((number, piece) for piece in pieces)
        else:
            yield number, line


class _CardReader:
    """Reads the lines of one card, which begins at a line."""

    def __init__(self, line: int, wanted: frozenset[str]) -> None:
        self._card = Card(line)
        self._wanted = wanted
        self._size = 0
        self._depth = 0  # of the cards that are within this one
        self._begun: list[bytes] = []  # the lines of the property that is being read
        self._begun_at = 0
        self._name = b""
        self._damaged_at = 0  # the first line that looks like a damaged begin or end of a card
        self._goes_on = False  # a soft line break says that the next line belongs to the property

    def begins_agent(self) -> bool:
        """Whether the next card is within this one: AGENT of version 2.1, the card of a secretary."""
        return self._depth > 0 or self._name == b"AGENT"

    def add(self, number: int, line: bytes) -> bool:
        """Take the next line; True if it ends the card."""
        if self._depth or _BEGIN.fullmatch(line):
            self._depth += bool(_BEGIN.fullmatch(line)) - bool(_END.fullmatch(line))
            return False
        if _END.fullmatch(line):  # even behind a soft line break: that is one too many, and the card ends all the same
            self._finish()
            return True
        content = line.rstrip(b"\r\n")
        if self._is_bulky() and (not content or content[:1] in b" \t"):
            return False
        self._add(number, content)
        return False

    def closed(self, end: int, problem: str = "") -> Card:
        """The card, which ends at line `end`."""
        self._finish()
        self._card.end = end
        self._card.problem = problem
        if self._size > MAX_CARD:
            self._card.problem = f"a card of more than {MAX_CARD:,} bytes"
        elif self._damaged_at:
            # The card after it may have been taken for a part of this one.
            self._card.problem = f"line {self._damaged_at} looks like a damaged BEGIN:VCARD or END:VCARD"
        return self._card

    def _add(self, number: int, content: bytes) -> None:
        if self._begun and (self._goes_on or content[:1] in {b" ", b"\t"}):
            # A fold takes one blank away; a soft line break is taken away with the encoding.
            if self._has_room_for(content):
                self._begun.append(b"\n" + content if self._goes_on else content[1:])
            self._goes_on = self._goes_on and content.endswith(b"=")
            return
        self._finish()
        if not content.strip():
            return
        matched = _PROPERTY.match(content)
        if len(content) < _SHORT and _is_damaged_mark(content, matched):
            self._damaged_at = self._damaged_at or number
        if matched:
            self._name = matched[2].upper()
            self._goes_on = content.endswith(b"=") and b"QUOTED-PRINTABLE" in matched[3].upper()
        if matched and self._is_bulky():
            self._goes_on = False
        elif matched is None:
            self._note_bad_line(number, content)
        elif is_cut(content):
            self._card.bad_lines.append((number, "the line is too long"))
        elif self._has_room_for(content):
            self._begun, self._begun_at = [content], number

    def _has_room_for(self, content: bytes) -> bool:
        self._size += len(content)
        return self._size <= MAX_CARD

    def _is_bulky(self) -> bool:
        return self._name.decode() in _BULKY if self._name.isascii() else False

    def _note_bad_line(self, number: int, content: bytes) -> None:
        if not self._has_room_for(content):
            return
        bad = self._card.bad_lines
        if self._is_bulky() and _BASE64.fullmatch(content):
            if not bad or not bad[-1][1].startswith(_UNFOLDED):
                bad.append((number, _UNFOLDED))
            return
        text = decode(content).strip()
        bad.append((number, f"{text[:80]!r} is not a property"))

    def _finish(self) -> None:
        """Read the property whose lines are all there."""
        if self._begun and self._name.decode(errors="replace") in self._wanted:
            read = _read_property(self._begun_at, b"".join(self._begun))
            if read:
                self._card.properties.append(read)
        self._begun = []
        self._goes_on = False


def _is_damaged_mark(content: bytes, matched: re.Match[bytes] | None) -> bool:
    """Whether a line may have been BEGIN:VCARD or END:VCARD: END:VCRD, EN:VCARD, "END:VCARD."""
    if matched is None:
        return b"VCARD" in content.upper()
    return matched[2].upper() in {b"BEGIN", b"END"} or matched[4].strip().upper() == b"VCARD"


_UNFOLDED: Final = "lines of a picture that are not folded"


def _read_property(line: int, content: bytes) -> Property | None:
    matched = _PROPERTY.match(content)
    if matched is None:
        return None
    named, types = _parameters(decode(matched[3]))
    value = matched[4]
    encoding = named.get("ENCODING")
    if encoding == "QUOTED-PRINTABLE":
        value = binascii.a2b_qp(value)
    elif encoding in {"BASE64", "B"}:
        value = _of_base64(value)
    return Property(
        line=line,
        group=decode(matched[1] or b"").lower(),
        name=decode(matched[2]).upper(),
        types=types,
        text=_decoded(value, named.get("CHARSET", "")),
    )


def _of_base64(value: bytes) -> bytes:
    """The bytes of a value in base64; the value as it is where it is none."""
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return value


def _parameters(text: str) -> tuple[Mapping[str, str], frozenset[str]]:
    """The parameters by name, and all types. Version 2.1 leaves names out: `TEL;WORK;QUOTED-PRINTABLE`."""
    named: dict[str, str] = {}
    types: set[str] = set()
    for each in _PARAMETER.findall(text):
        name, equals, value = each.strip().partition("=")
        value = value.replace('"', "").strip()
        if not equals and name.upper() in _ENCODINGS:
            named["ENCODING"] = name.upper()
        elif not equals or name.strip().upper() == "TYPE":
            types.update(kind.strip().lower() for kind in (value if equals else name).split(","))
        else:
            named[name.strip().upper()] = value.upper()
    return named, frozenset(types)


def _decoded(value: bytes, charset: str) -> str:
    """A value in the character set that its property declares, if that is one."""
    if charset:
        with suppress(LookupError, ValueError):
            name = codecs.lookup(charset).name
            if _CHARSET.fullmatch(name):
                return value.decode(name)
    return decode(value)


def split_escaped(text: str, separator: str = ";") -> Sequence[str]:
    r"""The components of a structured value, without their escapes: `M\;ller;J` is "M;ller" and "J"."""
    parts = re.split(rf"(?<!\\)((?:\\\\)*){re.escape(separator)}", text)
    # The group keeps the pairs of backslashes before a separator: they belong to the part before it.
    joined = [part + pairs for part, pairs in zip(parts[::2], [*parts[1::2], ""], strict=True)]
    return [unescaped(part) for part in joined]


def unescaped(text: str) -> str:
    r"""A value without its escapes: `\,`, `\;`, `\\`, and `\n` for a line break (RFC 6350 section 3.4)."""
    return re.sub(r"\\(.)", lambda matched: "\n" if matched[1] in "nN" else matched[1], text, flags=re.DOTALL)
