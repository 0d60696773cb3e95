"""Reads a text that should be a number, before any numbering plan is used: digits, or that the caller hides."""

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Final

from leadline_server.domain.numbers.sip import Address, take_apart
from leadline_server.domain.numbers.words import EXTENSION_MARK, is_long, without_labels
from leadline_server.domain.unshown import unshown

MAX_DIGITS = 24  # fifteen of E.164, an international prefix, a carrier code

# Words of phone systems and carriers for a caller who hides or is not known. RFC 3323 and 3325 name "anonymous";
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

_SPACES = re.compile(" {2,}")
_NOT_WORDS = re.compile(r"[\s_\-<>()\[\]\"'.:;!?*]+")
_KEYS = re.compile(r"(?=.*[0-9])[*#][0-9*#+ ().\-]*")
_DIGITS = r"[ (\[{]{0,4}\+{0,2}[0-9 ()\[\]{}._'~\\\-/]*"
_EXTENSION = (
    rf"(?:{EXTENSION_MARK}"
    r"|(;ext=|#|,{1,8}|;)[.:= ]{0,4}|(?<=[0-9)]) ?[pw]{1,8}[. ,]{0,4})"  # the latter are pauses
    # Behind the digits may be a closing bracket, or what else is dialled: "12,34#", "press 5 then 2".
    r"([0-9]{1,20})([)\]]|[pw,;#*][0-9pw,;#*]*|(?:[ ,]{1,2}(?:then|and) (?:press )?[0-9]{1,8}){1,8})?"
)
_DIGITS_WITH_EXTENSION = re.compile(f"({_DIGITS}){_EXTENSION}", re.IGNORECASE)
_TEXT_WITH_EXTENSION = re.compile(f"(.*?) ?{_EXTENSION}", re.IGNORECASE)
_WHOLE_NUMBER = 7  # as many digits behind a comma or semicolon are a number of their own, not an extension
_MAIN = re.compile(_DIGITS)
_FORMATTING = str.maketrans("", "", " ()[]{}._'~\\-/")
_BRACKETED_ZERO = re.compile(r"[(\[] *0 *[)\]]")
_VANITY = re.compile(
    r"(?:(?:\+?1|0|\+[0-9]{1,3})[ .\-]{0,3})?\(?[0-9]{3}\)?[ .\-]{0,3}"
    r"(?=(?:[ .\-]{0,3}[0-9A-Za-z]){6,8}$)(?:[0-9]{0,4}[ .\-]?[0-9]{0,4}[A-Za-z]){3}[A-Za-z0-9 .\-]*"
)

# What spreadsheets make of a number: '2025550101, ="+12025550101", "2025550101", 2025550101.0.
_FORMULA = re.compile(r"= *\"?([^\"]*)\"?")
_FLOAT = re.compile(r"(\+?[0-9]{7,15})\.0+")
_APOSTROPHES = "'`\u00b4\u2018\u2019"
# Stars between groups of digits, as some phones show numbers: 202*555*0101.
_STARRED = re.compile(r"\+?[0-9]{1,4}(?:\*[0-9]{2,4}){2,}")
# Brazil's way to write a trunk prefix and a carrier's code of one's own choice: (0xx11) 98765-4321, 0**11 98765-4321.
_CARRIER_OF_CHOICE = re.compile(
    r"^(?:(\+55|0055)[ .\-]*)?[(\[]?(?:0 ?)?[(\[]?(?:xx|\*\*)[)\]]?(?=(?:[ ().\-]*[0-9]){10,11}$)", re.IGNORECASE
)
_LEADING_PAUSES = re.compile(r"^[pw,;]+ *(?=[+(0-9])", re.IGNORECASE)


@unshown
@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A text taken apart. Everything is empty where it is no number at all.

    Attributes:
        digits: what it dials, with a leading plus if it was written with one.
        extension: the digits of an extension, whether or not a main number stands before it.
        context: "+1" of `;phone-context=+1`, the digits that belong before these.
        vanity: the text before the extension, where letters stand for digits: "1-800-FLOWERS".
        keys: what starts with * or # and is dialled as it stands: "*97", "*672025550101".
        is_withheld: it says that the caller hides or is not known.
        without_zero: the digits without the one of "(0)", which only callers inside the country dial; else empty.
        after_code: those of "49(0)30 901820", where only the plus before the country code is missing: "+4930901820".
    """

    digits: str = ""
    extension: str = ""
    context: str = ""
    vanity: str = ""
    keys: str = ""
    is_withheld: bool = False
    without_zero: str = ""
    after_code: str = ""


def read_written(text: str) -> WrittenNumber:
    """Take a text apart. Never raises; its cost grows with the text, so bound the length before."""
    plain = _plain(text)
    if plain is None:
        return WrittenNumber()
    plain = _without_marks(plain)
    if _MAIN.fullmatch(plain) and (digits := plain.translate(_FORMATTING)).strip("+0"):
        return _of_digits(plain, digits, "", Address(""))
    address = take_apart(plain)
    if address is None:
        return _read_plain(plain, Address(""))
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
    if _KEYS.fullmatch(plain):
        return WrittenNumber(keys=plain.translate(_FORMATTING))
    bare = _without_signs(without_labels(plain))
    tail = _DIGITS_WITH_EXTENSION.fullmatch(bare)
    if tail is None:
        if bare[:1].isalpha() and not is_long(bare):  # a name, perhaps: the next pattern takes 60,000 instructions
            return WrittenNumber(is_withheld=_is_withheld(plain) or (bare != plain and _is_withheld(bare)))
        tail = _TEXT_WITH_EXTENSION.fullmatch(bare)
    main, extension = (tail[1], tail[3]) if tail else (bare, "")
    if tail and tail[2] in {",", ";"} and len(extension) >= _WHOLE_NUMBER and not (tail[4] or "").endswith("#"):
        return WrittenNumber()
    digits = main.translate(_FORMATTING) if _MAIN.fullmatch(main) else ""
    extension = address.extension or extension
    if main and not digits.strip("+"):
        if _VANITY.fullmatch(main):
            return WrittenNumber(vanity=main, extension=extension)
        return WrittenNumber(is_withheld=_is_withheld(plain) or _is_withheld(bare))
    written = _of_digits(main, digits, extension, address)
    return replace(written, is_withheld=True) if _is_withheld(plain) else written


def _of_digits(main: str, digits: str, extension: str, address: Address) -> WrittenNumber:
    if digits[:2] == "++" or digits[:3] == "+00":
        digits = "+" + digits.lstrip("+").removeprefix("00")
    if len(digits) > MAX_DIGITS:
        return WrittenNumber()
    without_zero = ""
    if "0)" in main or "0]" in main or "0 " in main:
        without_zero = _BRACKETED_ZERO.sub("", main).translate(_FORMATTING) if _BRACKETED_ZERO.search(main) else ""
    return WrittenNumber(
        digits=digits,
        extension=extension,
        context=address.context,
        is_withheld=digits in WITHHELD_DIGITS,
        without_zero=without_zero,
        after_code=f"+{without_zero}" if without_zero[:1] not in {"", "+", "0"} else "",
    )


def _without_marks(plain: str) -> str:
    """The text without what a spreadsheet puts around it, or a list behind it: "2025550101.0", "2025550101;"."""
    if plain[:1] == "=" and (formula := _FORMULA.fullmatch(plain)):
        plain = formula[1].strip()
    if plain[:1] == '"' == plain[-1:] and plain.count('"') == 2:  # noqa: PLR2004 - one at each end
        plain = plain[1:-1].strip()
    plain = plain.lstrip(_APOSTROPHES)
    if plain[-1:] in {",", ";", "."} and not plain[-2:-1].isalpha():
        plain = plain.rstrip(" ,;.")
    number = _FLOAT.fullmatch(plain) if "." in plain else None
    return number[1] if number else plain


def _without_signs(text: str) -> str:
    """The text without keys that a phone presses for itself, and with plain signs between the groups of digits."""
    text = _LEADING_PAUSES.sub("", text, count=1).rstrip("#*") if text[:1] not in "*#" else text
    if "*" in text and _STARRED.fullmatch(text):
        return text.replace("*", "-")
    if "x" in text or "X" in text or "**" in text:
        return _CARRIER_OF_CHOICE.sub(lambda found: found[1] or "0", text, count=1)
    return text


def _plain(text: str) -> str | None:
    """The text with every script's digits, spaces and dashes in ASCII; None if it hides control characters."""
    trimmed = text.strip()
    if not trimmed.isascii():
        chars = [_plain_char(char) for char in unicodedata.normalize("NFKC", trimmed)]
        if None in chars:
            return None
        trimmed = "".join(char for char in chars if char).strip()
    elif not trimmed.isprintable():
        return None
    return _SPACES.sub(" ", trimmed) if "  " in trimmed else trimmed


_OTHER_SIGNS: Final = {
    **dict.fromkeys("·•∙", "."),
    # Pictures of phones, and the mark that makes one colourful.
    **dict.fromkeys("\u260e\u260f\u2706\U0001f4de\U0001f4f1\U0001f4f2\ufe0f", " "),
}


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
    return _OTHER_SIGNS.get(char, char)
