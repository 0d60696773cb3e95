"""The text around a number in a cell: marks of spreadsheets, labels, and words for an extension.

="+12025550101"             a spreadsheet's way to keep the plus
Tel.: 202-555-0101 (home)   labels
+48 22 123 45 67 wew. 12    an extension, in the words of the country
"""

import re
from dataclasses import dataclass
from typing import Final

from leadline_server.domain.unshown import unshown

_OPENING: Final = "\"'\N{LEFT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"
_CLOSING: Final = "\"'\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
_APOSTROPHES: Final = "'`\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}\N{ACUTE ACCENT}"
_FORMULA: Final = re.compile(r'=\s*"(.*)"|=\s*(?=[+(\d])(.*)', re.DOTALL)
_WRAPPED: Final = re.compile(f"[{_OPENING}{_CLOSING}](.*)[{_CLOSING}]", re.DOTALL)
_LEADING: Final = re.compile(rf"^[\s{_APOSTROPHES},;/|]+")
_TRAILING: Final = re.compile(r"[\s,;/|]+$")
_FLOAT: Final = re.compile(r"(\+?\d{5,})[.,]0+")
_DAMAGED: Final = re.compile(r"\+?\d+(?:[.,]\d+)?\s*[eE]\s*\+?\s*\d{1,3}")

# In order: English, French (Canada), Portuguese, Spanish, Italian and Spanish, German, Polish, Russian, Dutch, Czech,
# Swedish, Turkish, Hungarian, Japanese, Chinese.
_EXTENSION_WORD: Final = (
    r"(?:extension|ext(?:n|en)?|x|poste|ramal|anexo|interno|int|durchwahl|dw|apparat|app|nebenstelle|nst|klappe|kl"
    r"|wewn[ęe]trzny|wewn?|доб(?:авочный)?|toestel|tst|linka|klapka|anknytning|ankn|dahili|mell[ée]k|内線|内线|分机)"
)
EXTENSION_AHEAD: Final = rf"(?=\s*\(?{_EXTENSION_WORD}[\s.:=]*\d)"
"""A piece of a pattern: what comes next is a word for an extension, and its digits."""

_EXTENSION: Final = re.compile(
    rf"(?P<main>.*?)(?:^|(?<=[\d)\s,;/\-]))[\s,;/\-]*\(?(?:{_EXTENSION_WORD}[\s.:=]*|(?<=\s)#\s*)(?P<digits>\d{{1,10}})#?\)?",
    re.IGNORECASE | re.DOTALL,
)
_LABEL_BEFORE: Final = re.compile(r"([^\W\d_][^\d+(]{0,40}?)(?:[\s.]*\d{1,2}\s*:)?[\s:.=\-]*(?=[+(\d])")
_LABEL_AFTER: Final = re.compile(r"[\s\-:]*(?:[\s\-:]|(?=\())\(?([^\W\d_][^\d+]{0,40}?)\)?\s*$")
_FAX: Final = re.compile(r"fax|t[ée]l[ée]cop|pager|beeper|telex|modem", re.IGNORECASE)
_MIN_BEFORE_LABEL: Final = 7  # digits: in "1 800 FLOWERS" the letters are no label


@unshown
@dataclass(frozen=True, slots=True)
class Labelled:
    """A number without its labels, and whether one of them says that it is a fax machine or a pager."""

    text: str
    is_fax: bool = False


def without_spreadsheet_marks(text: str) -> str:
    """`="+1..."`, `'+1...`, `"+1..."` and commas at either end, without them."""
    for _ in range(3):  # marks are nested at most so deep: '="+1..."
        text = text.strip()
        if matched := _FORMULA.fullmatch(text):
            text = matched[1] if matched[1] is not None else matched[2]
        elif matched := _WRAPPED.fullmatch(text):
            text = matched[1]
        else:
            text = _TRAILING.sub("", _LEADING.sub("", text))
    return text


def without_float(text: str) -> str:
    """`2025550101.0`, which a spreadsheet took for a number with decimals, without them."""
    matched = _FLOAT.fullmatch(text)
    return matched[1] if matched else text


def is_damaged(text: str) -> bool:
    """Whether a spreadsheet rounded the number: `1.20256E+10`. The digits that it left out are lost."""
    return bool(_DAMAGED.fullmatch(text))


def without_labels(text: str) -> Labelled:
    """`Tel.: 202-555-0101 (home)` without what stands before and after the number.

    An extension's word is no label: `x12` and `ext. 12` stay.
    """
    is_fax = False
    if (matched := _LABEL_BEFORE.match(text)) and not _EXTENSION.fullmatch(text):
        is_fax = bool(_FAX.search(matched[1]))
        text = text[matched.end() :]
    matched = _LABEL_AFTER.search(text)
    if matched and sum(map(str.isdecimal, text[: matched.start()])) >= _MIN_BEFORE_LABEL:
        is_fax = is_fax or bool(_FAX.search(matched[1]))
        text = text[: matched.start()]
    return Labelled(text.strip(), is_fax)


def split_extension(text: str) -> tuple[str, str]:
    """The main number and the digits of the extension; either may be empty."""
    matched = _EXTENSION.fullmatch(text)
    return (matched["main"].strip(" ,;/-"), matched["digits"]) if matched else (text, "")
