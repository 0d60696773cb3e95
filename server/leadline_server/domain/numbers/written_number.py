"""What a text that should be a number says, before any numbering plan is asked: digits, or that the caller hides."""

import re
import unicodedata
from dataclasses import dataclass

from leadline_server.domain.numbers.sip import Address, take_apart

MAX_DIGITS = 24  # fifteen of E.164, an international prefix, a carrier code

# What phone systems and carriers write where a caller hides, or where nobody knows. RFC 3323 and 3325 name "anonymous";
# the rest is what PBXs and carriers are seen to send, at the end in other languages than English.
_WITHHELD_WORDS = frozenset(
    word
    for line in (
        "anonymous|anonymous caller|restricted|number restricted|presentation restricted|private|private number",
        "private caller|private call|withheld|number withheld|caller withheld|blocked|blocked number|blocked call",
        "caller id blocked|hidden|hidden number|unlisted|undisclosed|not disclosed|out of area|unknown",
        "unknown number|unknown caller|unknown call|unavailable|number unavailable|id unavailable|not available",
        "caller id unavailable|number not available|no caller id|no callerid|no number|no id|null|none|nil|n/a",
        "undefined|anonym|unbekannt|unterdrückt|privat|anonyme|inconnu|numéro masqué|numéro privé|privé|anónimo",
        "desconocido|privado|número privado|número desconocido|anonimo|sconosciuto|privato|numero privato|anoniem",
        "onbekend|privénummer|desconhecido|confidencial|número confidencial",
    )
    for word in line.split("|")
)
# ANONYMOUS, UNAVAILABLE, RESTRICTED, BLOCKED, UNKNOWN and PRIVATE spelled on a keypad, which carriers send as numbers.
# Without the plus the last four may be real numbers of some country, so only the first two count.
WITHHELD_DIGITS = frozenset(
    ["266696687", "+266696687", "86282452253", "+86282452253", "+7378742833", "+2562533", "+8656696", "+7748283"]
)

_NOT_WORDS = re.compile(r"[\s_\-<>()\[\]\"'.:;!?*]+")
_FEATURE_CODE = re.compile(r"(?=.*[0-9])[*#][0-9*# .\-]*")
_EXTENSION_TAIL = re.compile(
    r"(.*?) *(?:;ext=|extension|extn?|anexo|int|доб|x|#|,+|;)[.:= ]*([0-9]{1,20})#?", re.IGNORECASE
)
_MAIN = re.compile(r"[ (\[]*\+?[0-9 ()\[\].\-/]*")
_FORMATTING = str.maketrans("", "", " ()[].-/")
_BRACKETED_ZERO = re.compile(r"[(\[] *0 *[)\]]")
_LABEL_BEFORE = re.compile(r"^(?!ext|x)[^\W\d_]+ *: *", re.IGNORECASE)  # "Mobile: +1 ..."
_LABEL_AFTER = re.compile(r" *\([^\W\d_][^\d()]*\)$")  # "... (home)"
_VANITY = re.compile(r"(?:\+?[0-9]{1,3}[ .\-]*)?\(?[0-9]{3}\)?[ .\-]*(?:[0-9]*[A-Za-z]){3}[A-Za-z0-9 .\-]*")


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A text taken apart. Everything is empty where it is no number at all.

    Attributes:
        digits: what it dials, with a leading plus if it was written with one.
        extension: the digits of an extension, whether or not a main number stands before it.
        context: "+1" of `;phone-context=+1`, the digits that belong before these.
        vanity: the text before the extension, where letters stand for digits: "1-800-FLOWERS".
        is_withheld: it says that the caller hides or is not known.
        is_feature_code: it starts with * or #.
        without_zero: the digits without the one of "(0)", which only callers inside the country dial; else empty.
    """

    digits: str = ""
    extension: str = ""
    context: str = ""
    vanity: str = ""
    is_withheld: bool = False
    is_feature_code: bool = False
    without_zero: str = ""


def read_written(text: str) -> WrittenNumber:
    """Take a text apart. Never raises; its cost grows with the text, so bound the length before."""
    plain = _plain(text)
    if plain is None:
        return WrittenNumber()
    address = take_apart(plain)
    if address is None:
        return _read_plain(_LABEL_AFTER.sub("", _LABEL_BEFORE.sub("", plain, count=1)), Address(""))
    if address.is_private:
        return WrittenNumber(is_withheld=True)
    user = _plain(address.user)
    return WrittenNumber() if user is None else _read_plain(user, address)


def _is_withheld(text: str) -> bool:
    """Whether a text says that the caller hides or is not known: empty, dashes, zeros, "Anonymous", "no caller ID"."""
    words = " ".join(_NOT_WORDS.sub(" ", text).casefold().split())
    if not words:
        return not any(
            char in text for char in "*?"
        )  # a lone star is a key that was pressed, a lone question mark is garbage
    return words in _WITHHELD_WORDS or not words.strip("0 +")


def _read_plain(plain: str, address: Address) -> WrittenNumber:
    if _FEATURE_CODE.fullmatch(plain):
        return WrittenNumber(is_feature_code=True)
    tail = _EXTENSION_TAIL.fullmatch(plain)
    main, extension = (tail[1], tail[2]) if tail else (plain, "")
    digits = main.translate(_FORMATTING) if _MAIN.fullmatch(main) else ""
    extension = address.extension or extension
    if len(digits) > MAX_DIGITS or (main and not digits.strip("+")):
        if _VANITY.fullmatch(main):
            return WrittenNumber(vanity=main, extension=extension)
        return WrittenNumber(is_withheld=_is_withheld(plain))
    return WrittenNumber(
        digits=digits,
        extension=extension,
        context=address.context,
        is_withheld=_is_withheld(plain) or digits in WITHHELD_DIGITS,
        without_zero=_BRACKETED_ZERO.sub("", main).translate(_FORMATTING) if _BRACKETED_ZERO.search(main) else "",
    )


def _plain(text: str) -> str | None:
    """The text with every script's digits, spaces and dashes in ASCII; None if it hides control characters."""
    trimmed = text.strip()
    if trimmed.isascii():
        return trimmed if trimmed.isprintable() else None
    chars = [_plain_char(char) for char in unicodedata.normalize("NFKC", trimmed)]
    return None if None in chars else "".join(char for char in chars if char).strip()


def _plain_char(char: str) -> str | None:
    category = unicodedata.category(char)
    if category in {"Cc", "Cs"}:
        return None
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Zs":
        return " "
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    if category == "Cf":  # the invisible marks that copying from an address book leaves around a number
        return ""
    return "." if char in "·•∙" else char
