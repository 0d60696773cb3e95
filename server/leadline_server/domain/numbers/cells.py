"""Reads a cell of a contact file, which may hold no number, one, or several.

    2025550501, 2025550502      two numbers
    +49 30 901820/41            two: the digits after the slash replace the last ones of the number before
    +12025550510,,1234#         one; the keys after the pause are cut off
    1.20256E+10                 none: a spreadsheet rounded it
    030/901820/901830           none: it cannot be told where one number ends

Every digit of a cell is in exactly one part of the answer. A reading that is not certain is no reading: a number that
cannot be told is named as unusable.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from leadline_server.domain.numbers.cell_marks import (
    EXTENSION_AHEAD,
    is_damaged,
    split_extension,
    without_float,
    without_labels,
    without_spreadsheet_marks,
)
from leadline_server.domain.numbers.cell_parts import (
    MAX_DIGITS,
    is_another,
    is_foreign,
    is_number,
    is_short,
    valid,
    whole,
)
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion, as_rules
from leadline_server.domain.numbers.phone_number import MAX_TEXT, NumberKind, PhoneNumber, parse_number
from leadline_server.domain.numbers.several import in_short, numbers_in
from leadline_server.domain.unshown import unshown

MAX_CELL: Final = 4_096
"""Longer cells (characters) hold no numbers."""

_MAX_PIECES: Final = 64
_MIN_DIGITS: Final = 7  # of a text that is kept as written though no plan has it: another country's number, perhaps

_PLAIN: Final = re.compile(r"\+?\(?[0-9](?:[0-9]|[ .\-](?=[0-9(])|\)|\((?=[0-9])){5,18}")
_STRONG: Final = re.compile(
    r"\s*(?:[\r\n|]+|:::|;(?![a-z][a-z\-]*(?:=|;|$)))\s*"
    r"|(?<=[\d).#])\s+(?:or|oder|ou|od?\.?|and|und|u\.|et|y|e|en|of|lub|bzw\.?|sowie|&)\s+(?=[+(\d]|[^\W\d_]{1,12}[.:]*\s*[+(\d])",
    re.IGNORECASE,
)
_COMMA: Final = re.compile(rf",(?!{EXTENSION_AHEAD})", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3}){2,}")
_SPACED_SLASH: Final = re.compile(r"\s+/\s+")
_BLANKS: Final = re.compile(r"[^\S\r\n]{2,}")
_PAUSE: Final = re.compile(r"(.*?\d[\d)\s.\-]*?)\s*((?:[pw]\s*)+[\d#*][\d#*,;pw\s]*)", re.IGNORECASE)
_DIALLED: Final = re.compile(r"[\d#*,;pw\s]+", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"sips?:|.*@", re.IGNORECASE | re.DOTALL)
_TEL: Final = re.compile(r"tel:\s*", re.IGNORECASE)


@unshown
@dataclass(frozen=True, slots=True)
class NumberCell:
    """The content of a cell.

    Attributes:
        numbers: each number, as written or as completed.
        unusable: texts that hold digits or words but no number that can be told, each with the reason.
        cut: what was dialled after a number, such as ",,1234#".
        fax: numbers that the cell itself calls a fax machine or a pager.
    """

    numbers: tuple[str, ...] = ()
    unusable: tuple[tuple[str, str], ...] = ()
    cut: tuple[str, ...] = ()
    fax: tuple[str, ...] = ()

    def __add__(self, other: "NumberCell") -> "NumberCell":
        return NumberCell(
            self.numbers + other.numbers, self.unusable + other.unusable, self.cut + other.cut, self.fax + other.fax
        )


_EMPTY: Final = NumberCell()


def is_plain(text: str) -> bool:
    """Whether a text is one number in digits and usual punctuation, which `read_cell` would answer as it is."""
    return bool(_PLAIN.fullmatch(text)) and not text.endswith(".0")


def read_cell(text: str, rules: RulesOrRegion) -> NumberCell:
    """Read a cell. Never raises.

    Args:
        text: the cell, as the file has it.
        rules: how the account's numbers are read, extensions among them.
    """
    if is_plain(text):
        return NumberCell((text,))
    if len(text) > MAX_CELL:
        return _unusable(text[:MAX_TEXT], f"longer than {MAX_CELL:,} characters")
    text = without_spreadsheet_marks(_BLANKS.sub(" ", text))
    if not any(map(str.isdecimal, text)):
        return _read_words(text, rules)
    if _ADDRESS.match(text) and not _STRONG.search(text):
        return NumberCell((text,))
    return _read_several(text, rules)


def _read_several(text: str, rules: RulesOrRegion) -> NumberCell:
    """A cell with digits. Only after a comma there may be what is dialled next, and no number."""
    several = numbers_in(text, rules) if "," not in text else ()
    if len(several) > 1:
        return NumberCell(tuple(_spelled(number, rules) for number in several))
    pieces = [piece for piece in _STRONG.split(text) if piece.strip()]
    if len(pieces) > _MAX_PIECES:
        return _unusable(text[:MAX_TEXT], f"more than {_MAX_PIECES} numbers")
    return _joined(_read_piece(piece, rules) for piece in _with_dialled(pieces, text, rules))


def _read_words(text: str, rules: RulesOrRegion) -> NumberCell:
    """A cell without digits: "n/a" says that there is no number, "call me" is something else."""
    if not any(map(str.isalnum, text)) or parse_number(text, rules).kind is NumberKind.WITHHELD:
        return _EMPTY
    return _unusable(text[:MAX_TEXT], "not a phone number")


def _with_dialled(pieces: Sequence[str], text: str, rules: RulesOrRegion) -> Iterator[str]:
    """The pieces; what follows a number after a semicolon and is too short to be one stays with it as dialled."""
    current = ""
    for piece in pieces:
        if current and ";" in text and _is_pressed(piece) and whole(current, rules):
            current += "," + piece
            continue
        if current:
            yield current
        current = piece
    yield current


def _read_piece(piece: str, rules: RulesOrRegion) -> NumberCell:
    """A piece between separators that always separate."""
    if len(piece) > MAX_TEXT:
        return _unusable(piece[:MAX_TEXT], f"longer than {MAX_TEXT} characters")
    labelled = without_labels(without_spreadsheet_marks(_TEL.sub("", piece, count=1) if ";" not in piece else piece))
    text = without_float(labelled.text.rstrip(" ,;/|"))
    if not any(map(str.isdecimal, text)):
        return _read_words(piece.strip(), rules)
    if is_damaged(text):
        return _unusable(text, "damaged by a spreadsheet, which left digits out (scientific notation)")
    if labelled.is_fax:
        return NumberCell(fax=(text,))
    if matched := _PAUSE.fullmatch(text):
        return _cut_behind(matched[1], matched[2], rules)
    parts = _COMMA.split(text)
    return _read_slashes(text, rules) if len(parts) == 1 else _read_commas(text, parts, rules)


def _read_commas(text: str, parts: Sequence[str], rules: RulesOrRegion) -> NumberCell:
    """Commas separate numbers, or mark a pause before what is dialled next."""
    if len(parts) > _MAX_PIECES or _THOUSANDS.fullmatch(text):
        return _unusable(text, "it is not clear which numbers these are")
    filled = [part for part in parts if part.strip()]
    if len(filled) == len(parts) and all(is_short(part) for part in parts):
        return _joined(_read_single(part.strip(), rules) for part in parts)
    first = whole(parts[0], rules)
    if first and (rest := text[len(parts[0]) :]) and _is_dialled(rest, filled[1:], first, rules):
        return _cut_behind(parts[0], rest, rules)
    is_told = any(whole(part, rules) for part in filled) or all(is_foreign(part, rules) for part in filled)
    if not is_told:
        return _unusable(text, "it is not clear which numbers these are")
    return _joined(_read_part(part, first, rules) for part in filled)


def _is_dialled(rest: str, parts: Sequence[str], first: PhoneNumber, rules: RulesOrRegion) -> bool:
    """Whether all that follows a number is dialled after it: short, or with the keys * and #, and no number itself."""
    if not _DIALLED.fullmatch(rest):
        return False
    if any(char in rest for char in "#*pwPW"):
        return True
    return all(is_short(part) and not is_another(part, first, rules) for part in parts)


def _read_part(part: str, first: PhoneNumber | None, rules: RulesOrRegion) -> NumberCell:
    """One part of several that commas separate."""
    labelled = without_labels(part.strip())
    if labelled.is_fax:
        return NumberCell(fax=(labelled.text,))
    if not any(map(str.isdecimal, part)):
        return _read_words(part.strip(), rules)
    if first and is_short(labelled.text):
        return NumberCell(cut=("," + part.strip(),))
    if first is None or is_another(labelled.text, first, rules):
        return _read_slashes(labelled.text, rules)
    return _unusable(part.strip(), "it is not clear whether this is a number of its own")


def _read_slashes(text: str, rules: RulesOrRegion) -> NumberCell:
    """A slash is punctuation (030/901820), or separates numbers, or the last digits of another one (/41)."""
    if "/" not in text or text.count("/") > _MAX_PIECES:
        return _read_single(text, rules)
    spaced = _SPACED_SLASH.split(text)
    if len(spaced) > 1 and all(valid(each, rules) for each in spaced):
        return _joined(_read_slashes(each, rules) for each in spaced)
    numbers: list[str] = []
    current, made = "", list[str]()
    for token in text.split("/"):
        before = valid(current, rules) if current else None
        if before is None:
            current = f"{current}/{token}" if current else token
        elif valid(token, rules):
            numbers += [current, *made]
            current, made = token, []
        elif short := in_short(token, replace(before, text=current), as_rules(rules)):
            made.append(_spelled(short, rules))
        else:
            return _unusable(text, "it is not clear where one number ends and the next begins")
    if numbers and valid(current, rules) is None:
        return _unusable(text, "it is not clear where one number ends and the next begins")
    return _joined(_read_single(number.strip(), rules) for number in (*numbers, current, *made))


def _read_single(text: str, rules: RulesOrRegion) -> NumberCell:
    """A text that is one number, or none."""
    if is_number(text, rules):
        return NumberCell((text,))
    main, extension = split_extension(text)
    if extension and is_number(spelled := f"{main} ext. {extension}".strip(), rules):
        return NumberCell((spelled,))
    beside = numbers_in(text, rules)
    if beside and all(number.key for number in beside):
        return NumberCell(tuple(_spelled(number, rules) for number in beside))
    if sum(map(str.isdecimal, main)) > MAX_DIGITS:
        return _unusable(text, "too many digits for one number")
    kind = parse_number(text, rules).kind
    if kind is NumberKind.WITHHELD:
        return _unusable(text, "stands for a number that is withheld or not known")
    is_word = any(map(str.isalpha, text)) or sum(map(str.isdecimal, text)) < _MIN_DIGITS
    return _unusable(text, "not a phone number") if is_word and kind is NumberKind.UNUSABLE else NumberCell((text,))


def _spelled(number: PhoneNumber, rules: RulesOrRegion) -> str:
    """The number as written, if that can be read without what stood beside it; else as completed."""
    text = number.text.strip()
    if parse_number(text, rules).key == number.key:
        return text
    return f"{number.e164} ext. {number.extension}" if number.extension else number.e164


def _cut_behind(main: str, dialled: str, rules: RulesOrRegion) -> NumberCell:
    return _read_slashes(main.strip(), rules) + NumberCell(cut=(dialled.strip(),))


def _is_pressed(text: str) -> bool:
    """Whether a text is what is pressed after a number: "5", "1234#"."""
    return is_short(text) or bool(_DIALLED.fullmatch(text) and any(char in text for char in "#*"))


def _unusable(text: str, reason: str) -> NumberCell:
    return NumberCell(unusable=((text, reason),))


def _joined(cells: Iterable[NumberCell]) -> NumberCell:
    return reduce(NumberCell.__add__, cells, _EMPTY)
