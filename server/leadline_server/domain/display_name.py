r"""Reads what phone systems write as a display name: undoes encodings, escapes, quotes and addresses around it.

`"Jane \"JJ\" Roe" <sip:+13035550123@pbx.example.com>` becomes `Jane "JJ" Roe`. Sources: RFC 3261 sections 20.10 and
25.1 (display names, quoted pairs), RFC 2047 (encoded words), RFC 3986 section 2.1 (percent encoding).
"""

import html
import re
import unicodedata
from base64 import b64decode
from functools import lru_cache
from quopri import decodestring
from typing import Final
from urllib.parse import unquote_to_bytes

CNAM_LENGTH: Final = 15
"""Characters of a North American caller-ID name (CNAM, Telcordia GR-1188). Longer texts arrive cut."""

_PLAIN: Final = re.compile(r"[ -$'-;>@-\[\]-~]*")
"""ASCII without controls and without % & < = ? and backslash, one of which every encoding has."""

_CHARSET: Final = (
    r"us-ascii|utf-8|utf8|iso-8859-\d{1,2}|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|big5"
    r"|shift_jis|euc-jp|euc-kr|iso-2022-jp|iso-2022-kr|ks_c_5601-1987"
)
_ENCODED_WORD: Final = re.compile(
    rf"=\?({_CHARSET})(?:\*[a-z\-]{{0,20}})?\?([BQ])\?([!-~]{{0,400}}?)\?=", re.IGNORECASE | re.ASCII
)
_BETWEEN_ENCODED_WORDS: Final = re.compile(r"(?<=\?=)\s+(?==\?)")
_CUT_ENCODED_WORD: Final = re.compile(r"=\?[\w.:\-]{1,40}\?[BbQq]\?")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,7});")
_TAG: Final = re.compile(r"</?(?:b|i|u|br|em|strong|span|font|p|div)\s*/?>", re.IGNORECASE)
_UNICODE_ESCAPE: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}")
_QUOTED_PAIR: Final = re.compile(r"\\([^\w\s])")
_PERCENT: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
_TELLING_PERCENT: Final = re.compile(r"%(?:2[0-9A-Ca-c]|[89A-Fa-f][0-9A-Fa-f])")
_QUOTED_PRINTABLE: Final = re.compile(r"(?:=[89A-F][0-9A-F]){2,}")
_LOST_LETTER: Final = re.compile(r"(?<=[^\W\d_])\?(?=[^\W\d_])")

_BEFORE_ADDRESS: Final = re.compile(r"([^<]*[^\s<])\s*<(?:[^<>]*>(?:\s*;.*)?|(?:sips?:|tel:|\+?[\d(]{3})[^<>]*)")
_IN_BRACKETS: Final = re.compile(r"<([^<>]*)>(?:\s*;.*)?")

_ASCII_WORD: Final = re.compile(r"[0-9a-z]+")

_DOUBLE_QUOTES: Final = '"\u00ab\u00bb\u201c\u201d\u201e\u201f\u2039\u203a'
_SINGLE_QUOTES: Final = "'`\u00b4\u2018\u2019\u201a\u201b"
_QUOTES: Final = _DOUBLE_QUOTES + _SINGLE_QUOTES
_DUTCH_ARTICLE: Final = re.compile(r"['\u2019][tnsTNS]\s")
# Marks that phones put beside a name: verified, telephone, warning. Emoji of a person's own are left alone.
_MARKS: Final = "\u2713\u2714\u2611\u2705\u260e\u2706\u260f\U0001f4de\U0001f4f1\u26a0\U0001f6ab\ufe0e\ufe0f"
_OUTER: Final = " ,;|/\\*~=_-\u2013\u2014" + _MARKS
_JOINERS: Final = "\u200c\u200d"
_REPLACEMENT: Final = "\ufffd"

# Code pages that UTF-8 is wrongly read in, byte by byte: J\u00c3\u00a9r\u00c3\u00b4me; windows-1251 for Russian.
_BYTEWISE: Final = ("cp1252", "cp1251")


def folded(text: str) -> str:
    """The text for comparison: lower case, full-width letters as ordinary ones, without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", bare.casefold())


@lru_cache(64)  # a caller's name is asked for its words five times in one decision
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, folded; anything but letters, digits and their marks is between words."""
    if text.isascii():
        return tuple(_ASCII_WORD.findall(text.lower()))
    chars = (char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in folded(text))
    return tuple("".join(chars).split())


def decoded(text: str) -> str | None:
    """Undo one layer of encoding; None where letters of the name are lost.

    Lost are letters that became U+FFFD or a question mark (`M?ller`), and an encoded word that is cut or in an unknown
    charset.
    """
    if _PLAIN.fullmatch(text):  # none of the patterns below matches: 20,000 instructions less
        return text
    text = _ENCODED_WORD.sub(_word, _BETWEEN_ENCODED_WORDS.sub("", text))
    text = _ENTITY.sub(lambda match: html.unescape(match[0]), _TAG.sub(" ", text))
    text = _UNICODE_ESCAPE.sub(_escaped, text)
    text = _without_percents(text)
    text = _QUOTED_PRINTABLE.sub(_quoted_printable, text)
    text = printable(_as_utf8(text))
    if _REPLACEMENT in text or _CUT_ENCODED_WORD.search(text) or _LOST_LETTER.search(text):
        return None
    return text


def printable(text: str) -> str:
    """Controls become spaces; invisible marks go, but for the joiners that Persian and Indic names and emoji need."""
    if text.isascii() and text.isprintable():
        return text
    chars = []
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        if category in {"Cc", "Zl", "Zp"}:
            chars.append(" ")
        elif category not in {"Cf", "Cs"} or char in _JOINERS:
            chars.append(char)
    return "".join(chars)


def without_address(text: str) -> str:
    """The name of `Jane Roe <sip:...>` and `Jane Roe <+13035550123>`, cut ones included; what `<unknown>` holds."""
    text = text.strip()
    before = _BEFORE_ADDRESS.fullmatch(text)
    if before is not None:
        return before[1]
    alone = _IN_BRACKETS.fullmatch(text)
    return alone[1] if alone is not None else text


def unquoted(text: str) -> str:
    """The text without escapes, without quotes around it, and without marks and separators at its ends.

    A quote at one end goes only if it has no partner inside: `Jane "JJ"` is whole, and so is `'t Hooft`.
    """
    text = _QUOTED_PAIR.sub(r"\1", text).strip(_OUTER).lstrip(":>").rstrip("<")
    starts, ends = text[:1] in _QUOTES and not _DUTCH_ARTICLE.match(text), text[-1:] in _QUOTES
    if starts and ends:
        return text[1:-1]
    if starts and _lacks_partner(text, text[0]):
        return text[1:]
    return text[:-1] if ends and _lacks_partner(text, text[-1]) else text


def _lacks_partner(text: str, quote: str) -> bool:
    family = _DOUBLE_QUOTES if quote in _DOUBLE_QUOTES else _SINGLE_QUOTES
    return sum(text.count(each) for each in family) % 2 == 1


def _word(match: re.Match[str]) -> str:
    """The text of an encoded word (RFC 2047, section 2); unchanged if its content is damaged."""
    charset, encoding, content = match[1], match[2].upper(), match[3]
    try:
        if encoding == "B":
            data = b64decode(content + "=" * (-len(content) % 4), validate=True)
        else:
            data = decodestring(content.replace("_", " ").encode())
        return data.decode(charset)
    except ValueError:  # wrong base64, or bytes that the charset does not have
        return match[0]


def _escaped(match: re.Match[str]) -> str:
    """The character of a JSON escape that was written twice: a backslash, u, and four digits."""
    return match[0].encode().decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _without_percents(text: str) -> str:
    """`Jane%20Roe` decoded; `100% Pizza` as it is, since not every percent sign begins an escape there."""
    if not (_TELLING_PERCENT.search(text) and _PERCENT.fullmatch(text)):
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        return text


def _quoted_printable(match: re.Match[str]) -> str:
    try:
        return decodestring(match[0].encode()).decode()
    except UnicodeDecodeError:
        return match[0]


def _as_utf8(text: str) -> str:
    """The text whose UTF-8 was read byte by byte. A last character that was cut is left out."""
    if text.isascii():
        return text
    for codec in _BYTEWISE:
        data = _bytes_of(text, codec)
        if data is not None and (repaired := _decoded_but_for_a_cut_end(data)) is not None:
            return repaired
    return text


def _bytes_of(text: str, codec: str) -> bytes | None:
    """Each character as one byte; controls, which the code page leaves undefined, as themselves."""
    data = bytearray()
    for char in text:
        try:
            data += char.encode(codec)
        except UnicodeEncodeError:
            if ord(char) > 0x9F:  # noqa: PLR2004 # the last C1 control
                return None
            data.append(ord(char))
    return bytes(data)


def _decoded_but_for_a_cut_end(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        head = data[: error.start]
        is_cut = error.reason == "unexpected end of data" and not head.isascii()
        return head.decode() if is_cut else None
