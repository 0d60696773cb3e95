"""Several numbers in one text, as people write them into one field: "202-555-0101 / 202-555-0102"."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from leadline_server.domain.numbers.numbering_rules import NumberingRules, RulesOrRegion, as_rules
from leadline_server.domain.numbers.phone_number import (
    MAX_TEXT,
    NumberKind,
    PhoneNumber,
    is_valid,
    parse_number,
    short_form,
)
from leadline_server.domain.numbers.short_numbers import is_service_code
from leadline_server.domain.numbers.words import is_fax
from leadline_server.domain.numbers.written_number import read_written

MAX_NUMBERS: Final = 16
"""Numbers of one text, at most; a text with more is none."""

_OR: Final = "and/or|or|and|oder|und|bzw\\.?|ou|et|o|y|e|of|en|lub|i|или|alt\\.?"
# Separators of two numbers; the surest first, since a comma or a slash may also stand within one.
_SEPARATORS: Final = (
    re.compile(r"[\r\n\t|;\u2028\u2029]+|:::+|<br ?/?>", re.IGNORECASE),
    re.compile(rf"[ ,](?:{_OR}) | [&+\-] |(?<=[0-9)\]]) *(?=\+[0-9])|[&\u3001]", re.IGNORECASE),
    re.compile(r"[,\uff0c]+"),
    re.compile(r"[/\\\uff0f]+"),
    # Between a word and a number: "Home 202-555-0101 Work 202-555-0102", "202-555-0101 Jane".
    re.compile(
        r"(?<=[^\W\d_])\s+(?=[+(\[0-9])|(?<=[^\W\d_][.:)\]])\s+(?=[+(\[0-9])|(?<=[0-9)\]])[ ,\-]*\s+(?=[^\W\d_])"
    ),
)
_SLASH: Final = _SEPARATORS[3]
_SHORT_FORMS: Final = (_SEPARATORS[1], _SLASH)
_LAST_DIGITS: Final = 4  # of a number, as many as North America's line numbers have


def numbers_in(text: str, rules: RulesOrRegion) -> tuple[PhoneNumber, ...]:
    """The numbers in a text, each with its own part of it.

    One that can be read as a whole is one number, of whatever kind. Else it has several that can be dialled, or none:
    a part that is not a number makes all of them doubtful. "202-555-0101/0102" are two, and so are the two extensions
    of "(202) 555-0101 x302/x303".
    """
    if len(text) > MAX_TEXT:
        return ()
    return _numbers_in(text, as_rules(rules))


@lru_cache(maxsize=4096)
def _numbers_in(text: str, rules: NumberingRules) -> tuple[PhoneNumber, ...]:
    whole = parse_number(text, rules)
    if whole.kind is not NumberKind.UNUSABLE:
        return (whole,)
    return tuple(_split(text, rules, _SEPARATORS)) if any(char.isdecimal() for char in text) else ()


def _split(text: str, rules: NumberingRules, separators: Sequence[re.Pattern[str]]) -> list[PhoneNumber]:
    """The numbers of a text that is none as a whole; none where one of its parts cannot be told."""
    for i, separator in enumerate(separators):
        pieces = _divided(text, rules) if separator is _SLASH else separator.split(text)
        parts = [piece for piece in pieces if any(char.isdecimal() for char in piece)]
        if len(pieces) == 1 or not 1 <= len(parts) <= MAX_NUMBERS:
            continue
        if any(is_fax(piece) for piece in pieces if piece not in parts):
            return []
        found, main = list[PhoneNumber](), None
        for part in parts:
            other = in_short(part, main, rules) if separator in _SHORT_FORMS else None
            numbers = [other] if other else _part(part, found, rules, separators[i + 1 :])
            if not numbers:
                return []
            main = main if other else numbers[-1]
            found += numbers
        return found
    return list(_side_by_side(text, rules))


def _divided(text: str, rules: NumberingRules) -> list[str]:
    """A text with slashes in pieces, where a number may have slashes itself: "030/901820/41" has two pieces."""
    pieces: list[str] = []
    for piece in _SLASH.split(text):
        if pieces and _is_begun(pieces, piece, rules):
            pieces[-1] += f"/{piece}"
        else:
            pieces.append(piece)
    return pieces


def _is_begun(pieces: Sequence[str], piece: str, rules: NumberingRules) -> bool:
    """Whether the last of `pieces` is the beginning of a number that `piece` goes on; "41" of "/41/42" is not."""
    if is_valid(parse_number(pieces[-1], rules)):
        return False
    may_be_short = len(pieces) > 1 and len(pieces[-1]) <= _LAST_DIGITS
    return not may_be_short or is_valid(parse_number(f"{pieces[-1]}/{piece}", rules))


def _part(
    part: str, before: Sequence[PhoneNumber], rules: NumberingRules, separators: Sequence[re.Pattern[str]]
) -> list[PhoneNumber]:
    number = parse_number(part, rules)
    if number.kind is NumberKind.DIALABLE:
        return [number]
    written = read_written(part)
    if before and written.extension and not written.digits:  # in words: "x303"
        return [replace(before[-1], text=part, extension=written.extension)]
    return _split(part, rules, separators) if number.kind is NumberKind.UNUSABLE else []


def in_short(part: str, first: PhoneNumber | None, rules: NumberingRules) -> PhoneNumber | None:
    """Read a few digits behind a number: another extension of it, or a number that ends in them."""
    if first is None:
        return None
    digits = part.strip()
    if first.extension and digits.isdecimal() and len(digits) <= len(first.extension) + 1:
        return replace(first, text=part, extension=digits)
    # " / 101" may be an extension as well, and "or 911" is no line.
    is_clear = len(digits) == _LAST_DIGITS or part == digits
    return short_form(first.text, part, rules) if is_clear and not is_service_code(digits, rules.region) else None


def _side_by_side(text: str, rules: NumberingRules) -> Iterator[PhoneNumber]:
    """Two assigned numbers with nothing but a space between them, where there is one way to divide them."""
    words = text.split()
    if not 2 <= len(words) <= MAX_NUMBERS:  # noqa: PLR2004 - one for each number
        return
    halves = ((" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words)))
    pairs = [pair for half in halves if all(map(is_valid, pair := [parse_number(text, rules) for text in half]))]
    if len(pairs) == 1:
        yield from pairs[0]
